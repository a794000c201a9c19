"""The three taught objects at real-world size.

Own z axis up, base at z = 0, x towards the front (the cup's handle, the can's nozzle).
"""

from __future__ import annotations

import bpy
import numpy as np
from materials import surface
from meshes import Assembly, lathe, rounded, sweep
from prints import bottle_print, can_label, cup_print


def handle_path(radius: float, low: float, high: float, reach: float) -> np.ndarray:
    """A 'D' from the wall at height `high`, `reach` outside and back at `low`: (40, 2) of x, z."""
    t = np.linspace(0, 1, 40)
    start, end = np.array([radius, high]), np.array([radius, low])
    first = np.array([radius + reach * 1.42, high + 0.006])
    second = np.array([radius + reach * 1.22, low - 0.002])
    weights = np.stack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3], 1)
    return weights @ np.stack([start, first, second, end])


def cup(
    outside: bpy.types.Material | None = None,
    inside: bpy.types.Material | None = None,
    height: float = 0.090,
    radius: float = 0.041,
) -> bpy.types.Object:
    """A ceramic cup with a handle; without materials it is the taught one."""
    outside = outside or surface("cup print", cup_print(), roughness=0.22, coat=0.5)
    inside = inside or surface("cup glaze", (206, 150, 52), roughness=0.2, coat=0.5)
    wall = 0.0035
    foot = radius * 0.82
    outer = rounded(
        [
            (0, 0.002),
            (foot - 0.004, 0.002),
            (foot - 0.002, 0),
            (foot, 0),
            (radius, 0.012),
            (radius, height),
        ],
        0.004,
    )
    rim_top = [
        (radius - wall * (1 - np.cos(a)) / 2, height + wall / 2 * np.sin(a))
        for a in np.linspace(0, np.pi, 7)
    ]
    inner = rounded(
        [(radius - wall, height), (radius - wall, 0.012), (radius * 0.72, 0.006), (0, 0.006)], 0.006
    )
    assembly = Assembly("cup")
    assembly.add(lathe(outer, outside, label=(0.0, height)))
    assembly.add(lathe(rim_top, inside))
    assembly.add(lathe(inner, inside))
    path = handle_path(radius - wall / 2, height * 0.24, height * 0.80, radius * 0.72)
    assembly.add(sweep(path, 0.0062, 0.0042, inside))
    return assembly.build()


def bottle(
    body: bpy.types.Material | None = None, cap: bpy.types.Material | None = None
) -> bpy.types.Object:
    """A 22 cm drinking bottle of blue plastic with a waist, a neck ring and a ribbed cap."""
    body = body or surface(
        "bottle body", bottle_print(), roughness=0.16, coat=0.35, transmission=0.06
    )
    cap = cap or surface("bottle cap", (16, 26, 58), roughness=0.42)
    profile = [
        (0, 0.004),
        (0.022, 0.002),
        (0.031, 0),
        (0.0345, 0.005),
        (0.0350, 0.050),
        (0.0350, 0.088),
        (0.0322, 0.098),
        (0.0322, 0.108),
        (0.0350, 0.118),
        (0.0350, 0.150),
        (0.0320, 0.166),
        (0.0200, 0.180),
        (0.0135, 0.186),
        (0.0135, 0.193),
        (0.0165, 0.1935),
        (0.0165, 0.1960),
        (0.0130, 0.1965),
        (0.0130, 0.200),
    ]
    assembly = Assembly("bottle")
    assembly.add(lathe(rounded(profile, 0.006), body, label=(0.0, 0.165)))
    lid = [(0.0125, 0.197), (0.0172, 0.197), (0.0172, 0.216), (0.0150, 0.2195), (0, 0.2200)]
    assembly.add(lathe(rounded(lid, 0.0015), cap))
    for angle in np.linspace(0, 2 * np.pi, 28, endpoint=False):
        at = (0.0170 * float(np.cos(angle)), 0.0170 * float(np.sin(angle)))
        rib = [(0, 0.198), (0.0009, 0.198), (0.0009, 0.215), (0, 0.2155)]
        assembly.add(lathe(rib, cap, segments=6, centre=at))
    return assembly.build()


def can(
    label: bpy.types.Material | None = None, nozzle: bpy.types.Material | None = None
) -> bpy.types.Object:
    """An 18 cm spray can: printed body, two steel rims, a dome, a spray head that looks to x."""
    label = label or surface("can label", can_label(), roughness=0.28, metallic=0.15, coat=0.4)
    nozzle = nozzle or surface("can nozzle", (196, 34, 30), roughness=0.38)
    steel = surface("can steel", (190, 192, 196), roughness=0.24, metallic=1.0)
    dark = surface("can orifice", (18, 18, 20), roughness=0.6)
    radius = 0.0265
    assembly = Assembly("can")
    base = [
        (0, 0.006),
        (0.018, 0.004),
        (0.0240, 0.0005),
        (0.0272, 0),
        (0.0276, 0.003),
        (radius, 0.0045),
    ]
    assembly.add(lathe(rounded(base, 0.0012), steel))
    assembly.add(
        lathe([(radius, 0.0045), (radius, 0.070), (radius, 0.1355)], label, label=(0.0045, 0.1355))
    )
    dome = [
        (radius, 0.1355),
        (0.0274, 0.1370),
        (0.0274, 0.1392),
        (0.0255, 0.1400),
        (0.0235, 0.1468),
        (0.0190, 0.1515),
        (0.0172, 0.1525),
        (0.0172, 0.1550),
        (0.0150, 0.1555),
        (0.0140, 0.1530),
        (0.0100, 0.1530),
    ]
    assembly.add(lathe(rounded(dome, 0.0022), steel))
    head = [
        (0.0118, 0.1530),
        (0.0118, 0.1690),
        (0.0108, 0.1760),
        (0.0085, 0.1795),
        (0.0040, 0.1788),
        (0, 0.1782),
    ]
    assembly.add(lathe(rounded(head, 0.0016), nozzle))
    spout = np.stack([np.linspace(0.006, 0.0140, 8), np.full(8, 0.1715)], 1)
    assembly.add(sweep(spout, 0.0042, 0.0032, nozzle))
    hole = np.stack([np.linspace(0.0139, 0.0142, 3), np.full(3, 0.1715)], 1)
    assembly.add(sweep(hole, 0.0042, 0.0032, nozzle))
    tip = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    disc = [(0.01425, 0.0016 * float(np.cos(a)), 0.1715 + 0.0016 * float(np.sin(a))) for a in tip]
    rim = lathe([(0, 0), (0.001, 0)], dark, segments=12)
    rim.vertices, rim.faces, rim.uvs = disc, [tuple(range(12))], [(0.5, 0.5)] * 12
    assembly.add(rim)
    return assembly.build()


BUILDERS = {"cup": cup, "bottle": bottle, "can": can}
