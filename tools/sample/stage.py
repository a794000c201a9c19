"""Tables, rooms and lights. Names that start with teach_ are for teaching only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import bpy
import numpy as np
import textures
from materials import linear_colour, surface
from meshes import block
from prints import muted

Colour = tuple[int, int, int]
Texture = Callable[[np.random.Generator], np.ndarray]
FLOOR = -0.74


@dataclass(frozen=True)
class Table:
    """A table top of `size` metres whose upper face is z = 0."""

    texture: Texture
    roughness: float
    relief: float = 0.0
    coat: float = 0.0
    size: tuple[float, float] = (1.5, 1.0)


@dataclass(frozen=True)
class Lamp:
    """A rectangular light aimed at the table's middle: metres and watts."""

    position: tuple[float, float, float]
    size: tuple[float, float]
    power: float
    colour: Colour = (255, 255, 255)


@dataclass(frozen=True)
class Light:
    """Lamps, and the sky that fills the shadows: its colours and strength."""

    lamps: tuple[Lamp, ...]
    overhead: Colour
    horizon: Colour
    strength: float


TABLES: dict[str, Table] = {
    "teach_oak": Table(
        lambda r: textures.wood(r, (142, 100, 62), (208, 168, 120), 9), 0.42, 0.0004, 0.15
    ),
    "teach_linen": Table(
        lambda r: textures.cloth(r, (206, 200, 186), [((150, 58, 52), 256, 22)]), 0.85, 0.0012
    ),
    "teach_laminate": Table(
        lambda r: textures.speckle(r, (126, 128, 126), [(80, 82, 84), (182, 180, 174)], 2.2),
        0.38,
        0.0,
        0.2,
    ),
    "walnut": Table(lambda r: textures.wood(r, (48, 28, 18), (112, 72, 44), 6), 0.3, 0.0003, 0.3),
    "marble": Table(lambda r: textures.marble(r, (222, 220, 216), (112, 112, 118)), 0.16, 0.0, 0.3),
    "plaid": Table(
        lambda r: textures.cloth(
            r, (62, 84, 108), [((190, 192, 190), 220, 70), ((140, 44, 40), 220, 14)]
        ),
        0.85,
        0.0012,
    ),
    "terracotta": Table(
        lambda r: textures.tiles(r, (172, 104, 72), (196, 188, 174), 9), 0.5, 0.001
    ),
    "pine": Table(lambda r: textures.wood(r, (186, 136, 74), (234, 200, 142), 14), 0.5, 0.0004),
    "slate": Table(
        lambda r: textures.speckle(r, (52, 55, 60), [(30, 32, 36), (84, 88, 92)], 1.6),
        0.35,
        0.0,
        0.1,
    ),
}

LIGHTS: dict[str, Light] = {
    "teach_window": Light(
        (Lamp((-1.7, -0.4, 1.3), (1.2, 1.4), 62, (255, 250, 240)),),
        (190, 205, 230),
        (235, 230, 220),
        0.42,
    ),
    "teach_ceiling": Light(
        (Lamp((0.3, 0.2, 1.9), (1.0, 1.0), 58, (255, 236, 208)),),
        (200, 195, 190),
        (225, 215, 200),
        0.38,
    ),
    "teach_studio": Light(
        (Lamp((1.3, -1.0, 1.2), (0.8, 0.8), 36), Lamp((-1.4, -0.7, 1.0), (0.9, 0.9), 16)),
        (210, 215, 220),
        (215, 215, 215),
        0.4,
    ),
    "evening": Light(
        (Lamp((0.8, 0.5, 0.75), (0.22, 0.22), 17, (255, 224, 178)),),
        (120, 110, 120),
        (200, 160, 120),
        0.16,
    ),
    "backlit": Light(
        (Lamp((0.5, 1.6, 1.0), (1.6, 1.0), 70, (225, 238, 255)),),
        (170, 190, 225),
        (210, 220, 235),
        0.34,
    ),
    "noon": Light(
        (Lamp((2.2, -1.6, 3.2), (0.22, 0.22), 260, (255, 246, 228)),),
        (150, 185, 240),
        (225, 228, 230),
        0.4,
    ),
    "tubes": Light(
        (
            Lamp((-0.6, 0.0, 1.7), (0.15, 1.4), 32, (238, 250, 255)),
            Lamp((0.7, 0.0, 1.7), (0.15, 1.4), 32, (238, 250, 255)),
        ),
        (205, 212, 215),
        (205, 210, 210),
        0.25,
    ),
    "mixed": Light(
        (
            Lamp((-1.2, 0.9, 1.0), (0.9, 0.9), 30, (215, 230, 255)),
            Lamp((1.0, -0.7, 0.8), (0.2, 0.2), 13, (255, 200, 130)),
        ),
        (160, 170, 190),
        (215, 205, 190),
        0.22,
    ),
}


def build_table(name: str, rng: np.random.Generator) -> None:
    table = TABLES[name]
    top = surface(
        f"table {name}",
        table.texture(rng),
        roughness=table.roughness,
        relief=table.relief,
        coat=table.coat,
    )
    slab = block("table", (*table.size, 0.035), top, 0.004)
    slab.location.z = -0.035
    for x in (-0.46, 0.46):
        for y in (-0.44, 0.44):
            leg = block("leg", (0.055, 0.055, -FLOOR - 0.035), surface("leg", (70, 60, 52)), 0.004)
            leg.location = (x * table.size[0], y * table.size[1], FLOOR)


def build_room(rng: np.random.Generator) -> None:
    """A floor, four walls and furniture along them.

    Walls are for the camera and reflections: they block no light.
    """
    planks = textures.wood(rng, (94, 70, 50), (150, 118, 86), 18)
    carpet = textures.cloth(rng, tuple(int(v) for v in rng.integers(70, 160, 3)), [])  # type: ignore[arg-type]
    floor = block(
        "floor",
        (7, 7, 0.02),
        surface("floor", planks if rng.random() < 0.5 else carpet, roughness=0.6),
        0,
    )
    floor.location.z = FLOOR - 0.02
    tint = rng.integers(150, 228, 3)
    tint = (0.75 * tint.mean() + 0.25 * tint).astype(int)
    paint = surface(
        "wall", textures.plaster(rng, tuple(tint), int(rng.choice([0, 0, 14]))), roughness=0.9
    )  # type: ignore[arg-type]
    for turn in range(4):
        angle = turn * np.pi / 2
        distance = float(rng.uniform(1.5, 2.4))
        wall = block("wall", (5.6, 0.04, 2.8), paint, 0)
        wall.location = (distance * np.sin(angle), distance * np.cos(angle), FLOOR)
        wall.rotation_euler.z = -angle
        _let_light_through(wall)
        _furnish(rng, angle, distance)


def _furnish(rng: np.random.Generator, angle: float, distance: float) -> None:
    """Cupboards, pictures and a skirting on one wall, as boxes: seen far out of focus."""
    skirting = block("skirting", (5.0, 0.05, 0.09), surface("skirting", (225, 222, 214)), 0)
    items = [(skirting, 0.0, FLOOR, 0.04)]
    for _ in range(int(rng.integers(2, 5))):
        colour = muted(rng)
        if rng.random() < 0.55:
            size = rng.uniform((0.4, 0.25, 0.5), (1.0, 0.4, 1.5))
            items.append(
                (
                    block("cupboard", tuple(size), surface("cupboard", colour), 0.006),
                    float(rng.uniform(-1.6, 1.6)),
                    FLOOR,
                    size[1] / 2,
                )
            )
        else:
            size = rng.uniform((0.3, 0.02, 0.3), (0.7, 0.03, 0.6))
            art = textures.blend(
                textures.fractal_noise((256, 256), rng, (3, 3), 4), colour, (230, 220, 200)
            )
            items.append(
                (
                    block("picture", tuple(size), surface("picture", art), 0.003),
                    float(rng.uniform(-1.6, 1.6)),
                    float(rng.uniform(0.1, 0.5)),
                    0.04,
                )
            )
    for thing, along, height, depth in items:
        inward = distance - depth
        thing.location = (
            inward * np.sin(angle) + along * np.cos(angle),
            inward * np.cos(angle) - along * np.sin(angle),
            height,
        )
        thing.rotation_euler.z = -angle
        _let_light_through(thing)


def _let_light_through(thing: bpy.types.Object) -> None:
    thing.visible_shadow = False
    thing.visible_diffuse = False


def build_light(name: str, rng: np.random.Generator) -> None:
    light = LIGHTS[name]
    turn = float(rng.uniform(-0.5, 0.5))
    for index, lamp in enumerate(light.lamps):
        data = bpy.data.lights.new(f"lamp {index}", "AREA")
        data.shape = "RECTANGLE"
        data.size, data.size_y = lamp.size
        data.energy = lamp.power
        data.color = linear_colour(lamp.colour)[:3]
        thing = bpy.data.objects.new(data.name, data)
        bpy.context.scene.collection.objects.link(thing)
        x, y, z = lamp.position
        thing.location = (
            x * np.cos(turn) - y * np.sin(turn),
            x * np.sin(turn) + y * np.cos(turn),
            z,
        )
        thing.rotation_euler = (-thing.location).to_track_quat("-Z", "Y").to_euler()
        thing.visible_camera = False
    _build_sky(light)


def _build_sky(light: Light) -> None:
    world = bpy.data.worlds.new("sky")
    bpy.context.scene.world = world
    world.use_nodes = True
    nodes, links = world.node_tree.nodes, world.node_tree.links
    where = nodes.new("ShaderNodeTexCoord")
    split = nodes.new("ShaderNodeSeparateXYZ")
    ramp = nodes.new("ShaderNodeValToRGB")
    links.new(where.outputs["Generated"], split.inputs[0])
    links.new(split.outputs["Z"], ramp.inputs["Fac" if "Fac" in ramp.inputs else 0])
    ramp.color_ramp.elements[0].color = linear_colour(light.horizon)
    ramp.color_ramp.elements[1].color = linear_colour(light.overhead)
    background = nodes["Background"]
    background.inputs["Strength"].default_value = 0.55 * light.strength
    links.new(ramp.outputs["Color"], background.inputs["Color"])
