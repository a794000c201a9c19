#version 330 core
layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec2 place;
uniform mat4 pose, camera;
out vec3 world, bent;
out vec2 uv;
void main() {
    vec4 point = pose * vec4(position, 1.0);
    world = point.xyz;
    bent = mat3(pose) * normal;
    uv = place;
    gl_Position = camera * point;
}
