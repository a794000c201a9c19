#version 330 core
// Light from an environment picture (diffuse and mirrored), a key light with a soft shadow, and the dimming
// close to things that stand on a surface (a second shadow, from above, very soft). Or, in place of key light and
// diffuse environment, many lamps that each throw a shadow: together they make those of broad light.
in vec3 world, bent;
in vec2 uv;
layout(location = 0) out vec4 shade;
layout(location = 1) out float instance;
uniform sampler2D environment, key_map, top_map, surface;
uniform mat4 key_light, top_light;
uniform vec3 eye, key_direction, key_colour, colour;
uniform float softness, ambient, turn, reach, instance_id, roughness, metal, textured;

uniform sampler2DArrayShadow lamp_maps;
uniform mat4 lamp_lights[32];
uniform vec3 lamp_directions[32], lamp_colours[32], bounce;
uniform float lamps;

vec3 sky(vec3 d, float lod) {
    vec2 place = vec2(atan(d.y, d.x) / 6.2831853 + turn, acos(clamp(d.z, -1.0, 1.0)) / 3.1415927);
    return textureLod(environment, place, lod).rgb;
}

float shadow(sampler2D map, mat4 light, float spread) {
    vec4 p = light * vec4(world, 1.0);
    vec3 c = p.xyz * 0.5 + 0.5;
    if (any(lessThan(c.xy, vec2(0.0))) || any(greaterThan(c.xy, vec2(1.0)))) return 1.0;
    float angle = fract(sin(dot(gl_FragCoord.xy, vec2(12.9898, 78.233))) * 43758.5453) * 6.2831853;
    float open = 0.0;
    for (int i = 0; i < 12; ++i) {
        float r = sqrt((float(i) + 0.5) / 12.0) * spread;
        float a = angle + float(i) * 2.3999632;
        float depth = texture(map, c.xy + r * vec2(cos(a), sin(a))).r;
        open += depth + 0.0012 + 0.15 * r > c.z ? 1.0 : 0.0;
    }
    return open / 12.0;
}

float lamp_shadow(int i, vec2 jitter) {
    vec4 p = lamp_lights[i] * vec4(world, 1.0);
    vec3 c = p.xyz * 0.5 + 0.5;
    if (any(lessThan(c.xy, vec2(0.0))) || any(greaterThan(c.xy, vec2(1.0)))) return 1.0;
    return texture(lamp_maps, vec4(c.xy + jitter, float(i), c.z - 0.002));
}

vec3 lamp_light(vec3 n, out float opened) {
    float angle = fract(sin(dot(gl_FragCoord.xy, vec2(12.9898, 78.233))) * 43758.5453) * 6.2831853;
    vec3 sum = vec3(0.0);
    float seen = 0.0, all = 0.0;
    for (int i = 0; i < int(lamps); ++i) {
        float weight = dot(lamp_colours[i], vec3(0.33));
        // Each lamp has an extent: its shadow is blurred, elsewhere for each lamp.
        float a = angle + float(i) * 2.3999632;
        float lit = lamp_shadow(i, (0.002 + 0.006 * fract(a)) * vec2(cos(a), sin(a)));
        all += weight;
        seen += weight * lit;
        sum += lamp_colours[i] * max(dot(n, lamp_directions[i]), 0.0) * lit;
    }
    opened = seen / max(all, 0.0001);
    return sum + bounce * (0.55 - 0.45 * n.z) * mix(0.3, 1.0, opened);
}

void main() {
    vec3 view = normalize(eye - world);
    vec3 n = normalize(bent);
    if (dot(n, view) < 0.0) n = -n;
    vec3 albedo = colour;
    if (textured > 0.5) albedo *= texture(surface, uv).rgb;
    else albedo = pow(albedo, vec3(2.2));
    float opened;
    vec3 diffuse;
    if (lamps > 0.5) {
        diffuse = lamp_light(n, opened);
    } else {
        opened = mix(0.35, 1.0, shadow(top_map, top_light, 0.06));
        diffuse = sky(n, 6.0) * ambient * opened;
    }
    float facing = max(dot(n, key_direction), 0.0);
    float lit = facing > 0.0 ? shadow(key_map, key_light, softness) : 0.0;
    vec3 direct = key_colour * facing * lit;
    vec3 base = mix(vec3(0.04), albedo, metal);
    float grazing = pow(1.0 - max(dot(n, view), 0.0), 5.0);
    vec3 mirror = base + (max(vec3(1.0 - roughness), base) - base) * grazing;
    vec3 glance = sky(reflect(-view, n), roughness * 7.0) * ambient * opened;
    float power = exp2(10.0 * (1.0 - roughness) + 1.0);
    vec3 middle = normalize(view + key_direction);
    vec3 shine = key_colour * lit * pow(max(dot(n, middle), 0.0), power) * (power + 8.0) / 50.0;
    vec3 light = albedo * (1.0 - metal) * (diffuse + direct) + mirror * (glance + shine);
    shade = vec4(light / (1.0 + 0.35 * light), 1.0);
    instance = instance_id;
}
