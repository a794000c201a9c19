#version 330 core
in vec2 corner;
layout(location = 0) out vec4 shade;
layout(location = 1) out float instance;
uniform sampler2D environment;
uniform mat4 unproject;
uniform float turn;
void main() {
    vec4 far = unproject * vec4(corner, 1.0, 1.0);
    vec3 d = normalize(far.xyz / far.w);
    vec2 place = vec2(atan(d.y, d.x) / 6.2831853 + turn, acos(clamp(d.z, -1.0, 1.0)) / 3.1415927);
    vec3 light = textureLod(environment, place, 0.0).rgb;
    shade = vec4(light / (1.0 + 0.35 * light), 1.0);
    instance = 0.0;
}
