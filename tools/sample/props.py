"""Things that nobody taught: background clutter, and distractors that look a little like them."""

from __future__ import annotations

from collections.abc import Callable

import bpy
import numpy as np
from materials import surface
from meshes import Assembly, Part, block, lathe, rounded
from objects import cup
from prints import book_spine, box_print, muted, tin_print

Colour = tuple[int, int, int]
CUP_COLOURS: list[Colour] = [
    (232, 226, 214),
    (52, 92, 120),
    (196, 90, 52),
    (60, 62, 66),
    (206, 150, 52),
]
BLUES: list[Colour] = [(14, 48, 150), (24, 74, 170), (40, 96, 190), (12, 34, 96)]


def _pick(rng: np.random.Generator, colours: list[Colour]) -> Colour:
    return colours[int(rng.integers(len(colours)))]


def plain_mug(rng: np.random.Generator) -> bpy.types.Object:
    """A mug with no print, of another size than the taught cup."""
    colour = _pick(rng, CUP_COLOURS)
    glaze = surface("mug", colour, roughness=0.3, coat=0.4)
    return cup(
        glaze,
        glaze,
        height=float(rng.uniform(0.07, 0.105)),
        radius=float(rng.uniform(0.036, 0.048)),
    )


def bowl(rng: np.random.Generator) -> bpy.types.Object:
    radius, height = rng.uniform(0.055, 0.08), rng.uniform(0.045, 0.06)
    turn = np.linspace(-np.pi / 2, 0, 9)
    outer = [(0.0, 0.0)] + [
        (0.02 + (radius - 0.02) * np.cos(a), height * (1 + np.sin(a))) for a in turn
    ]
    inner = [(max(0.0, r - 0.004), z + 0.003) for r, z in reversed(outer)]
    assembly = Assembly("bowl")
    assembly.add(lathe([*outer, *inner], surface("bowl", muted(rng), roughness=0.25, coat=0.5)))
    return assembly.build()


def ball(rng: np.random.Generator, colours: list[Colour] | None = None) -> bpy.types.Object:
    radius = rng.uniform(0.028, 0.045)
    turn = np.linspace(-np.pi / 2, np.pi / 2, 25)
    profile = [(radius * np.cos(a), radius * (1 + np.sin(a))) for a in turn]
    colour = _pick(rng, colours) if colours else muted(rng)
    assembly = Assembly("ball")
    assembly.add(lathe(profile, surface("ball", colour, roughness=float(rng.uniform(0.2, 0.6)))))
    return assembly.build()


def blue_ball(rng: np.random.Generator) -> bpy.types.Object:
    return ball(rng, BLUES)


def blue_box(rng: np.random.Generator) -> bpy.types.Object:
    size = rng.uniform((0.05, 0.04, 0.05), (0.09, 0.08, 0.17))
    return block(
        "blue box", tuple(size), surface("blue box", _pick(rng, BLUES), roughness=0.35), 0.004
    )


def carton(rng: np.random.Generator) -> bpy.types.Object:
    size = rng.uniform((0.07, 0.04, 0.10), (0.15, 0.07, 0.22))
    art = box_print(rng, muted(rng), muted(rng))
    return block(
        "carton", tuple(size), surface("carton", art, roughness=0.45, smudges=0.03), 0.0012
    )


def tin(rng: np.random.Generator) -> bpy.types.Object:
    """A food tin or drink can: other proportions and another label than the spray can."""
    radius, height = rng.uniform(0.026, 0.040), rng.uniform(0.085, 0.14)
    steel = surface("tin steel", (192, 192, 194), roughness=0.25, metallic=1.0)
    art = surface("tin label", tin_print(rng), roughness=0.3, coat=0.2)
    assembly = Assembly("tin")
    base = [(0, 0.003), (radius - 0.003, 0.003), (radius - 0.001, 0), (radius, 0.003)]
    assembly.add(lathe(base, steel))
    assembly.add(lathe([(radius, 0.003), (radius, height - 0.003)], art))
    lid = [
        (radius, height - 0.003),
        (radius - 0.001, height),
        (radius - 0.003, height - 0.003),
        (0, height - 0.003),
    ]
    assembly.add(lathe(lid, steel))
    return assembly.build()


def jar(rng: np.random.Generator) -> bpy.types.Object:
    """A pot with a lid, bottle-like but squat."""
    radius, height = rng.uniform(0.03, 0.045), rng.uniform(0.08, 0.13)
    body = surface("jar", muted(rng), roughness=0.2, coat=0.5)
    lid = surface("jar lid", muted(rng), roughness=0.4)
    assembly = Assembly("jar")
    profile = [
        (0, 0.002),
        (radius, 0),
        (radius, height * 0.75),
        (radius * 0.7, height * 0.85),
        (radius * 0.7, height * 0.9),
    ]
    assembly.add(lathe(rounded(profile, 0.008), body))
    top = [(radius * 0.74, height * 0.88), (radius * 0.74, height), (0, height)]
    assembly.add(lathe(rounded(top, 0.003), lid))
    return assembly.build()


def books(rng: np.random.Generator) -> bpy.types.Object:
    """Two to four books lying on each other."""
    root = bpy.data.objects.new("books", None)
    bpy.context.scene.collection.objects.link(root)
    height = 0.0
    for _ in range(int(rng.integers(2, 5))):
        size = (
            float(rng.uniform(0.16, 0.23)),
            float(rng.uniform(0.12, 0.16)),
            float(rng.uniform(0.014, 0.035)),
        )
        book = block("book", size, surface("book", book_spine(rng), roughness=0.55), 0.002)
        book.parent = root
        book.location.z = height
        book.rotation_euler.z = float(rng.normal(0, 0.12))
        height += size[2] + 0.0004
    return root


def tape_roll(rng: np.random.Generator) -> bpy.types.Object:
    outer, width = rng.uniform(0.035, 0.05), rng.uniform(0.02, 0.045)
    profile = [
        (outer * 0.72, 0),
        (outer, 0),
        (outer, width),
        (outer * 0.72, width),
        (outer * 0.72, 0),
    ]
    assembly = Assembly("tape")
    assembly.add(lathe(profile, surface("tape", muted(rng), roughness=0.3)))
    thing = assembly.build()
    thing.data.shade_flat()
    return thing


def plant(rng: np.random.Generator) -> bpy.types.Object:
    """A pot with long bent leaves."""
    assembly = Assembly("plant")
    pot = [(0, 0), (0.045, 0), (0.06, 0.10), (0.056, 0.10), (0.050, 0.085), (0, 0.085)]
    assembly.add(lathe(pot, surface("pot", (168, 92, 62), roughness=0.7)))
    green = surface("leaf", (46, 98, 40), roughness=0.42)
    for _ in range(26):
        assembly.add(_leaf(rng, green))
    return assembly.build()


def _leaf(rng: np.random.Generator, material: bpy.types.Material) -> Part:
    heading, length, lean = (
        rng.uniform(0, 2 * np.pi),
        rng.uniform(0.14, 0.26),
        rng.uniform(0.25, 1.0),
    )
    out = np.array([np.cos(heading), np.sin(heading), 0.0])
    side = np.array([-np.sin(heading), np.cos(heading), 0.0])
    vertices, faces = [], []
    for row, t in enumerate(np.linspace(0, 1, 9)):
        middle = out * (0.02 + length * lean * t**1.5) + np.array(
            [0, 0, 0.085 + length * (t - 0.45 * lean * t**2)]
        )
        half = 0.016 * np.sin(np.pi * min(1.0, 0.12 + 0.88 * t)) ** 0.8
        vertices += [tuple(middle - side * half), tuple(middle + side * half)]
        if row:
            faces.append((2 * row - 2, 2 * row - 1, 2 * row + 1, 2 * row))
    return Part(vertices, faces, [(0.5, 0.5)] * (4 * len(faces)), material)


BACKGROUND: list[Callable[[np.random.Generator], bpy.types.Object]] = [
    books,
    carton,
    plant,
    bowl,
    jar,
    carton,
    books,
]
DISTRACTORS: list[Callable[[np.random.Generator], bpy.types.Object]] = [
    plain_mug,
    blue_box,
    blue_ball,
    tin,
    carton,
    plain_mug,
    tin,
    jar,
    tape_roll,
    ball,
    bowl,
]
