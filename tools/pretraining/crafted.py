"""More things made from formulas, for what a network finds hard: real holes, thin parts, flat
discs of several colours, metal beside plastic.

Each maker gives (mesh, kind of material) pairs; parts of one kind share their material.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from meshes import Material, Model, Part, normalised
from procedural import box, grid, lathe, random_material, tube
from shapes import collar, from_above, handle, loop, moved, profile, rod, turned
from textures import PRINTS, random_colour, random_texture, relief

Pieces = list[tuple[np.ndarray, str]]
Maker = Callable[[np.random.Generator], Pieces]
# Things of seeds from here on are never trained on: they measure.
HELD_OUT_SEED = 10_000


def _disc(rng: np.random.Generator) -> Pieces:
    """Concentric parts of different materials, a little higher or lower than each other."""
    count = int(rng.integers(1, 4))
    edges = [0.0, *np.sort(rng.uniform(0.15, 0.46, count - 1)), 0.5]
    height = rng.uniform(0.02, 0.16)
    pieces: Pieces = []
    for number, (inner, outer) in enumerate(zip(edges, edges[1:], strict=False)):
        top = height * rng.uniform(0.75, 1.1)
        if inner == 0:
            ends = [(0, 0), (outer, 0), (outer, 0.9 * top), (0.97 * outer, top), (0, top)]
            mesh = lathe(np.array(ends), 56)
        else:
            mesh = collar(inner, outer, 0.0, top)
        pieces.append((from_above(mesh), f"disc{number}"))
    return pieces


def _collar(rng: np.random.Generator) -> Pieces:
    inner, height = rng.uniform(0.12, 0.45), rng.uniform(0.03, 0.6)
    between = rng.uniform(inner + 0.01, 0.5)
    core = collar(inner, between, 0, height * rng.uniform(0.8, 1.1))
    return [(core, "plain"), (collar(between, 0.51, 0, height), "any")]


def _vessel(rng: np.random.Generator) -> Pieces:
    """A cup, jug or pot with one or two side handles, a bow over it, or a long straight one."""
    outside = profile(rng, rng.uniform(0.35, 1.7))
    wall = rng.uniform(0.015, 0.05)
    inside = outside[::-1] - [wall, 0]
    inside[-1, 1] += wall
    body = lathe(np.vstack([[(0, 0)], outside, inside, [(0, wall)]]))
    pieces: Pieces = [(body, "any")]
    height, kind = outside[-1, 1], rng.random()
    colour = "any" if rng.random() < 0.6 else "other"
    if kind < 0.65:
        pieces.append((handle(rng, outside), colour))
        if rng.random() < 0.2:
            pieces.append((turned(handle(rng, outside), 2, np.pi), colour))
    elif kind < 0.85:
        angle = np.linspace(0, np.pi, 30)
        rise = rng.uniform(0.3, 0.9)
        bow = [0.5 * np.cos(angle), 0 * angle, height - 0.04 + rise * np.sin(angle)]
        pieces.append((tube(np.stack(bow, axis=1), rng.uniform(0.01, 0.04)), colour))
    else:
        arm = box(np.array([rng.uniform(0.6, 1.3), rng.uniform(0.06, 0.16), 0.05]), 0.02)
        pieces.append((moved(arm, (0.45 + np.ptp(arm[:, 0]) / 2, 0, height * 0.85)), "other"))
    return pieces


def _tool(rng: np.random.Generator) -> Pieces:
    """A grip, a metal shaft, and at its end nothing, a blade, a head, a ring or prongs."""
    grip, shaft = rng.uniform(0.25, 0.6), rng.uniform(0.2, 0.7)
    thick, thin = rng.uniform(0.03, 0.12), rng.uniform(0.012, 0.035)
    pieces: Pieces = [(rod(rng, grip, thick), "plastic")]
    pieces.append((moved(rod(rng, shaft, thin), (grip - 0.01, 0, 0)), "metal"))
    end = grip + shaft
    kind = rng.integers(5)
    if kind == 1:
        blade = box(np.array([rng.uniform(0.1, 0.5), rng.uniform(0.05, 0.3), 0.02]), 0.005)
        pieces.append((moved(blade, (end + np.ptp(blade[:, 0]) / 2 - 0.01, 0, 0)), "metal"))
    elif kind == 2:
        head = box(np.array([rng.uniform(0.08, 0.2), rng.uniform(0.2, 0.5), 0.12]), 0.02)
        pieces.append((moved(head, (end, 0, 0)), "metal"))
    elif kind == 3:
        radius = rng.uniform(0.06, 0.2)
        pieces.append(
            (moved(loop(radius, radius * rng.uniform(0.7, 1.3), thin), (end, 0, 0)), "metal")
        )
    elif kind == 4:
        width, long = rng.uniform(0.08, 0.25), rng.uniform(0.1, 0.3)
        bar = box(np.array([0.04, width + 0.03, 0.03]), 0.01)
        pieces.append((moved(bar, (end, 0, 0)), "metal"))
        for y in np.linspace(-width / 2, width / 2, int(rng.integers(2, 6))):
            pieces.append((moved(rod(rng, long, 0.012), (end, float(y), 0)), "metal"))
    return pieces


def _sections(rng: np.random.Generator) -> Pieces:
    """Two to five coaxial pieces one after the other: pens, bulbs, cells, tubes with caps."""
    pieces: Pieces = []
    place, radius = 0.0, rng.uniform(0.06, 0.3)
    for number in range(int(rng.integers(2, 6))):
        length = rng.uniform(0.05, 0.7)
        mesh = rod(rng, length, radius * rng.uniform(0.45, 1.1))
        kind = ("plastic", "metal", "any", "print")[int(rng.integers(4))]
        pieces.append((moved(mesh, (place - 0.004 * number, 0, 0)), kind))
        place += length
    return pieces


def _with_prongs(rng: np.random.Generator) -> Pieces:
    """A round or angular body of plastic with metal prongs: plugs, adapters, clips, keys."""
    wide, thick = rng.uniform(0.25, 0.9), rng.uniform(0.06, 0.4)
    if rng.random() < 0.5:
        ends = [(0, 0), (wide / 2, 0), (wide / 2, thick), (0, thick)]
        body = moved(lathe(np.array(ends)), (0, 0, -thick / 2))
    else:
        body = box(np.array([rng.uniform(0.3, 0.9), wide, thick]), min(wide, thick) * 0.3)
    edge, count = float(body[:, 0].max()), int(rng.integers(1, 4))
    pieces: Pieces = [(body, "plastic")]
    long, flat = rng.uniform(0.1, 0.5), rng.uniform(0.02, min(0.12, wide / 3))
    for y in np.linspace(-wide / 4, wide / 4, count) if count > 1 else [0.0]:
        prong = box(np.array([long, flat, rng.uniform(0.015, 0.06)]), 0.006)
        pieces.append((moved(prong, (edge + long / 2 - 0.03, float(y), 0)), "metal"))
    return pieces


def _two_loops(rng: np.random.Generator) -> Pieces:
    """Scissors, pliers, spectacles: two open loops and what joins them."""
    wide, long, thick = rng.uniform(0.1, 0.2), rng.uniform(0.1, 0.25), rng.uniform(0.012, 0.04)
    apart = rng.uniform(0.9, 1.5) * long
    rings = [loop(wide, long, thick, rng.uniform(0.6, 1)) for _ in range(2)]
    pieces: Pieces = [
        (moved(rings[0], (0, apart, 0)), "plastic"),
        (moved(rings[1], (0, -apart, 0)), "plastic"),
    ]
    arm = rng.uniform(0.4, 1.0)
    for sign in (-1, 1):
        bar = box(np.array([arm, rng.uniform(0.03, 0.08), 0.025]), 0.008)
        bar = moved(bar, (arm / 2, 0, 0))
        slope = -sign * np.arctan2(apart, arm * 0.5) * rng.uniform(0.5, 1.0)
        pieces.append(
            (moved(turned(bar, 2, slope), (wide * 0.9, sign * apart, 0.01 * sign)), "metal")
        )
    return pieces


def _loops(rng: np.random.Generator) -> Pieces:
    """One to four rings of wire or plastic, the next beginning in the one before."""
    pieces: Pieces = []
    place = 0.0
    for _ in range(int(rng.integers(1, 5))):
        wide, long = rng.uniform(0.1, 0.4, 2)
        ring = loop(wide, long, rng.uniform(0.012, 0.06), rng.uniform(0.4, 1))
        pieces.append((moved(turned(ring, 0, rng.normal(0, 0.15)), (place + wide, 0, 0)), "any"))
        place += 1.85 * wide
    if rng.random() < 0.4:
        tag = box(np.array([rng.uniform(0.2, 0.5), rng.uniform(0.1, 0.4), 0.03]), 0.012)
        pieces.append((moved(tag, (place + np.ptp(tag[:, 0]) / 2 - 0.03, 0, 0)), "other"))
    return pieces


def _frame(rng: np.random.Generator) -> Pieces:
    """An open frame, by chance with bars across it: racks, frames, holders, combs."""
    long, wide = 1.0, rng.uniform(0.3, 1.0)
    thick, high = rng.uniform(0.02, 0.12), rng.uniform(0.02, 0.2)
    along = box(np.array([long, thick, high]), min(thick, high) * 0.3)
    across = box(np.array([thick, wide, high]), min(thick, high) * 0.3)
    pieces: Pieces = [(moved(along, (0, y, 0)), "any") for y in (-wide / 2, wide / 2)]
    if rng.random() < 0.3:
        pieces = pieces[:1]
    else:
        pieces += [(moved(across, (x, 0, 0)), "any") for x in (-long / 2, long / 2)]
    if len(pieces) == 1 or rng.random() < 0.4:
        bar = box(np.array([thick * 0.5, wide, high * 0.6]), 0.003)
        for x in np.linspace(-long / 2, long / 2, int(rng.integers(3, 14))):
            pieces.append((moved(bar, (float(x), 0, 0)), "any"))
    return pieces


def _carried(rng: np.random.Generator) -> Pieces:
    """A box with an arched handle: tool boxes, irons, baskets, locks."""
    size = np.array([1.0, rng.uniform(0.2, 0.8), rng.uniform(0.15, 0.8)])
    body = moved(box(size, float(size.min()) * rng.uniform(0.05, 0.4)), (0, 0, size[2] / 2))
    angle = np.linspace(0, np.pi, 30)
    half, corner = rng.uniform(0.15, 0.42), rng.uniform(0.35, 1)
    rise = rng.uniform(0.15, 0.5) * np.sin(angle) ** corner
    path = [half * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** corner, 0 * angle]
    arch = tube(np.stack([*path, size[2] - 0.03 + rise], axis=1), rng.uniform(0.02, 0.06))
    return [(body, "any"), (arch, "other" if rng.random() < 0.5 else "metal")]


def _slab(rng: np.random.Generator) -> Pieces:
    """A flat thing of a smooth random outline, with an inlay of another material."""
    angle = np.linspace(0, 2 * np.pi, 65)
    outline = 0.5 + sum(
        rng.normal(0, 0.12 / order) * np.cos(order * angle + rng.uniform(0, 6.3))
        for order in (2, 3, 4, 5)
    )
    outline = np.clip(outline, 0.12, None)
    height = rng.uniform(0.03, 0.3)
    steps = [(0, 0), (0.94, 0), (1, height * 0.3), (1, height * 0.7), (0.94, height), (0, height)]

    def layer(scale: float, lift: float) -> np.ndarray:
        rows = [
            np.stack(
                [
                    s * scale * outline * np.cos(angle),
                    s * scale * outline * np.sin(angle),
                    np.full_like(angle, z + lift),
                ],
                axis=1,
            )
            for s, z in steps
        ]
        return from_above(grid(np.stack(rows)))

    pieces: Pieces = [(layer(1.0, 0.0), "any")]
    if rng.random() < 0.6:
        pieces.append((layer(rng.uniform(0.4, 0.9), height * 0.12), "print"))
    return pieces


MAKERS: tuple[Maker, ...] = (
    _disc,
    _disc,
    _disc,
    _vessel,
    _vessel,
    _vessel,
    _collar,
    _tool,
    _tool,
    _sections,
    _with_prongs,
    _two_loops,
    _loops,
    _frame,
    _carried,
    _slab,
)


def _metal(rng: np.random.Generator) -> Material:
    grey = float(rng.uniform(0.55, 0.98))
    tint = (grey, grey * float(rng.uniform(0.8, 1)), grey * float(rng.uniform(0.55, 1)))
    if rng.random() < 0.35:
        texture = (relief(rng, 256) * np.array(tint)).astype(np.uint8)
        return Material(
            (1.0, 1.0, 1.0), texture, float(rng.uniform(0.2, 0.6)), float(rng.uniform(0.4, 1))
        )
    return Material(tint, None, float(rng.uniform(0.08, 0.6)), 1.0)


def _plastic(rng: np.random.Generator) -> Material:
    red, green, blue = (float(value) / 255 for value in random_colour(rng))
    return Material((red, green, blue), None, float(rng.uniform(0.15, 0.9)))


def _of_kind(rng: np.random.Generator, kind: str) -> Material:
    if kind == "metal":
        return _metal(rng)
    if kind == "plastic":
        return _plastic(rng)
    if kind == "print":
        return Material((1.0, 1.0, 1.0), random_texture(rng, PRINTS), float(rng.uniform(0.2, 0.9)))
    if kind.startswith("disc") and rng.random() < 0.6:
        return _metal(rng)
    return random_material(rng) if kind != "plain" else _plastic(rng)


def make_crafted(seed: int) -> Model:
    """The thing number `seed`: one of MAKERS with random proportions and surfaces."""
    rng = np.random.default_rng([seed, 11])
    maker = MAKERS[seed % len(MAKERS)]
    pieces = maker(rng)
    materials: dict[str, Material] = {}
    for _, kind in pieces:
        if kind not in materials:
            materials[kind] = _of_kind(rng, kind)
    parts = [Part(mesh.astype(np.float32), materials[kind]) for mesh, kind in pieces]
    name = f"crafted/{maker.__name__.strip('_')}_{seed}"
    return Model(name, "CC0", "formula", normalised(parts))
