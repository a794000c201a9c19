"""Blender materials: one principled shader with an optional picture, relief and uneven gloss."""

from __future__ import annotations

import bpy
import numpy as np


def picture(name: str, rgb: np.ndarray, *, linear: bool = False) -> bpy.types.Image:
    """A Blender image from (H, W, 3) uint8 RGB, top row first."""
    height, width = rgb.shape[:2]
    image = bpy.data.images.new(name, width, height)
    if linear:
        image.colorspace_settings.name = "Non-Color"
    pixels = np.ones((height, width, 4), np.float32)
    pixels[..., :3] = rgb[::-1].astype(np.float32) / 255
    image.pixels.foreach_set(pixels.ravel())
    image.update()
    return image


def linear_colour(rgb: tuple[int, int, int]) -> tuple[float, float, float, float]:
    """sRGB bytes to the linear RGBA that shaders take."""
    value = np.asarray(rgb, float) / 255
    value = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return float(value[0]), float(value[1]), float(value[2]), 1.0


def surface(
    name: str,
    colour: tuple[int, int, int] | np.ndarray,
    *,
    roughness: float = 0.5,
    metallic: float = 0.0,
    coat: float = 0.0,
    transmission: float = 0.0,
    relief: float = 0.0,
    smudges: float = 0.06,
    subsurface: float = 0.0,
) -> bpy.types.Material:
    """A material of one colour or picture.

    `relief` > 0 takes the picture's brightness as height in metres. `smudges` is how much the
    roughness varies over the surface, as on things that hands have touched.
    """
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    shader = nodes["Principled BSDF"]
    values = {
        "Roughness": roughness,
        "Metallic": metallic,
        "Coat Weight": coat,
        "Coat Roughness": 0.08,
        "Transmission Weight": transmission,
        "Subsurface Weight": subsurface,
    }
    for key, value in values.items():
        shader.inputs[key].default_value = value
    shader.inputs["Subsurface Scale"].default_value = 0.004
    if isinstance(colour, np.ndarray):
        texture = nodes.new("ShaderNodeTexImage")
        texture.image = picture(name, colour)
        texture.extension = "EXTEND"
        links.new(texture.outputs["Color"], shader.inputs["Base Color"])
        if relief > 0:
            bump = nodes.new("ShaderNodeBump")
            bump.inputs["Distance"].default_value = relief
            links.new(texture.outputs["Color"], bump.inputs["Height"])
            links.new(bump.outputs["Normal"], shader.inputs["Normal"])
    else:
        shader.inputs["Base Color"].default_value = linear_colour(colour)
    if smudges > 0:
        _vary_roughness(nodes, links, shader, roughness, smudges)
    return material


def _vary_roughness(nodes, links, shader, roughness: float, amount: float) -> None:  # type: ignore[no-untyped-def]
    where = nodes.new("ShaderNodeTexCoord")
    noise = nodes.new("ShaderNodeTexNoise")
    noise.inputs["Scale"].default_value = 55.0
    noise.inputs["Detail"].default_value = 1.0
    span = nodes.new("ShaderNodeMapRange")
    span.inputs["From Min"].default_value = 0.3
    span.inputs["From Max"].default_value = 0.7
    span.inputs["To Min"].default_value = max(0.02, roughness - amount)
    span.inputs["To Max"].default_value = min(1.0, roughness + amount)
    links.new(where.outputs["Object"], noise.inputs["Vector"])
    links.new(noise.outputs["Factor" if "Factor" in noise.outputs else "Fac"], span.inputs["Value"])
    links.new(span.outputs["Result"], shader.inputs["Roughness"])


def index_material() -> bpy.types.Material:
    """Glows with the object's pass index, 1/64 for each step: what the instance render shows."""
    material = bpy.data.materials.new("index")
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    info = nodes.new("ShaderNodeObjectInfo")
    scale = nodes.new("ShaderNodeMath")
    scale.operation = "DIVIDE"
    scale.inputs[1].default_value = 64.0
    glow = nodes.new("ShaderNodeEmission")
    output = nodes.new("ShaderNodeOutputMaterial")
    links.new(info.outputs["Object Index"], scale.inputs[0])
    links.new(scale.outputs[0], glow.inputs["Color"])
    links.new(glow.outputs[0], output.inputs["Surface"])
    return material
