"""Simple things made from formulas: cards, coins, boxes, cans, mugs, bottles, bowls, sticks,
rings, cables."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from meshes import Material, Model, Part, normalised, soup
from textures import PRINTS, random_colour, random_texture


def grid(points: np.ndarray) -> np.ndarray:
    """A (rows, columns, 3) net of points as smooth-shaded triangles, (3n, 8)."""
    rows, columns = points.shape[:2]
    along = np.gradient(points, axis=0)
    across = np.gradient(points, axis=1)
    normals = np.cross(across, along)
    v, u = np.meshgrid(np.linspace(0, 1, rows), np.linspace(0, 1, columns), indexing="ij")
    uvs = np.stack([u, v], axis=-1)
    first = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = first[:-1, :-1], first[:-1, 1:], first[1:, 1:], first[1:, :-1]
    index = np.stack([a, b, c, a, c, d], axis=-1).ravel()
    flat = (points.reshape(-1, 3), uvs.reshape(-1, 2), normals.reshape(-1, 3))
    return soup(flat[0][index], flat[1][index], flat[2][index])


def lathe(profile: np.ndarray, segments: int = 40) -> np.ndarray:
    """The (n, 2) profile of radius and height turned around z."""
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    radius, height = profile[:, 0, None], profile[:, 1, None]
    return grid(
        np.stack([radius * np.cos(angle), radius * np.sin(angle), height + 0 * angle], axis=-1)
    )


def tube(path: np.ndarray, radius: float, segments: int = 12) -> np.ndarray:
    """A round tube along the (n, 3) path."""
    tangent = np.gradient(path, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-9
    side = np.cross(tangent, [0.31, 0.52, 0.79])
    side /= np.linalg.norm(side, axis=1, keepdims=True) + 1e-9
    other = np.cross(tangent, side)
    angle = np.linspace(0, 2 * np.pi, segments + 1)[:, None]
    ring = side[:, None] * np.cos(angle) + other[:, None] * np.sin(angle)
    return grid(path[:, None] + radius * ring)


def box(size: np.ndarray, roundness: float) -> np.ndarray:
    """A box with rounded corners; each side carries the whole texture."""
    steps = np.linspace(-1, 1, 9)
    faces = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            u, v = np.meshgrid(steps, steps, indexing="ij")
            cube = np.stack([np.full_like(u, sign), u * sign, v], axis=-1)
            cube = np.roll(cube, axis, axis=-1) * size / 2
            inner = np.clip(cube, -size / 2 + roundness, size / 2 - roundness)
            away = cube - inner
            length = np.linalg.norm(away, axis=-1, keepdims=True)
            faces.append(grid(inner + roundness * away / np.maximum(length, 1e-9)))
    return np.concatenate(faces)


def _card(rng: np.random.Generator) -> list[np.ndarray]:
    size = np.array([1.0, rng.uniform(0.3, 1.0), rng.uniform(0.006, 0.03)])
    return [box(size, size[2] / 3)]


def _box(rng: np.random.Generator) -> list[np.ndarray]:
    size = np.sort(rng.uniform(0.15, 1.0, 3))[::-1].copy()
    return [box(size, size.min() * rng.uniform(0.02, 0.45))]


def _coin(rng: np.random.Generator) -> list[np.ndarray]:
    return [_solid(0.5, rng.uniform(0.03, 0.12))]


def _can(rng: np.random.Generator) -> list[np.ndarray]:
    return [_solid(0.5, rng.uniform(0.4, 3.0))]


def _solid(radius: float, height: float) -> np.ndarray:
    bevel = min(0.04, height / 4)
    outline = [(0, 0), (radius - bevel, 0), (radius, bevel), (radius, height - bevel)]
    return lathe(np.array([*outline, (radius - bevel, height), (0, height)]))


def _bottle(rng: np.random.Generator) -> list[np.ndarray]:
    neck, shoulder, height = rng.uniform(0.1, 0.3), rng.uniform(0.5, 0.8), rng.uniform(1.2, 3.2)
    radius = 0.5 * (1 + 0.15 * rng.normal(0, 1, 5).clip(-1, 1))
    t = np.linspace(0, 1, 12)
    slope = radius[-1] + (neck - radius[-1]) * (3 * t**2 - 2 * t**3)
    body = [
        (0, 0),
        *((r, h * shoulder * height) for r, h in zip(radius, np.linspace(0, 1, 5), strict=True)),
    ]
    top = [(r, height * (shoulder + (0.9 - shoulder) * s)) for r, s in zip(slope, t, strict=True)]
    cap = lathe(np.array([(neck * 1.15, height * 0.88), (neck * 1.15, height), (0, height)]))
    return [lathe(np.array(body + top)), cap]


def _bowl(rng: np.random.Generator) -> list[np.ndarray]:
    depth, rim = rng.uniform(0.1, 0.9), 1.0
    t = np.linspace(0, 1, 10)
    outside = np.stack([0.3 + (rim - 0.3) * np.sin(t * np.pi / 2), depth * t**2], axis=1)
    inside = outside[::-1] * [0.95, 1.0] + [0, 0.03]
    return [lathe(np.vstack([[(0, 0)], outside, inside, [(0, 0.03)]]))]


def _mug(rng: np.random.Generator) -> list[np.ndarray]:
    height, taper = rng.uniform(0.7, 1.8), rng.uniform(0.65, 1.0)
    wall = rng.uniform(0.02, 0.06)
    outside = [(0, 0), (0.5 * taper, 0), (0.5, height)]
    inside = [(0.5 - wall, height), (0.5 * taper - wall, wall), (0, wall)]
    meshes = [lathe(np.array(outside + inside))]
    angle = np.linspace(-np.pi / 2, np.pi / 2, 16)
    reach, half = rng.uniform(0.2, 0.4), height * rng.uniform(0.2, 0.4)
    place = 0.5 * (taper + 1) / 2 - 0.02 + reach * np.cos(angle)
    path = np.stack([place, 0 * angle, height / 2 + half * np.sin(angle)], axis=1)
    return [*meshes, tube(path, rng.uniform(0.03, 0.07))]


def _ring(rng: np.random.Generator) -> list[np.ndarray]:
    angle = np.linspace(0, 2 * np.pi, 49)
    path = np.stack([np.cos(angle), rng.uniform(0.5, 1) * np.sin(angle), 0 * angle], axis=1)
    return [tube(path, rng.uniform(0.04, 0.35), 20)]


def _stick(rng: np.random.Generator) -> list[np.ndarray]:
    radius = rng.uniform(0.015, 0.08)
    profile = [(0, 0), (radius * 0.2, 0), (radius, rng.uniform(0.02, 0.2)), (radius, 1.0), (0, 1.0)]
    stick = lathe(np.array(profile), 20)
    stick[:, [0, 2]] = stick[:, [2, 0]]
    stick[:, [3, 5]] = stick[:, [5, 3]]
    return [stick]


def _cable(rng: np.random.Generator) -> list[np.ndarray]:
    knots = rng.normal(0, 1, (int(rng.integers(3, 7)), 2))
    t = np.linspace(0, len(knots) - 1, 100)
    path = np.stack(
        [np.interp(t, np.arange(len(knots)), knots[:, axis]) for axis in (0, 1)], axis=1
    )
    kernel = np.ones(21) / 21
    path = np.stack([np.convolve(np.pad(c, 10, "edge"), kernel, "valid") for c in path.T], axis=1)
    radius = rng.uniform(0.02, 0.06)
    rise = np.linspace(0, 2 * radius, len(path))[:, None]
    return [tube(np.hstack([path, rise]), radius)]


def _ball(rng: np.random.Generator) -> list[np.ndarray]:
    t = np.linspace(0, np.pi, 24)
    flat = rng.uniform(0.3, 1.0)
    return [lathe(np.stack([np.sin(t), flat * (1 - np.cos(t))], axis=1))]


def _block_with_cap(rng: np.random.Generator) -> list[np.ndarray]:
    body = box(np.array([1.0, rng.uniform(0.3, 0.6), rng.uniform(0.1, 0.3)]), 0.04)
    size = np.array([rng.uniform(0.2, 0.5), rng.uniform(0.2, 0.3), 0.1])
    cap = box(size, 0.01)
    cap[:, 0] += 0.5 + size[0] / 2 - 0.02
    return [body, cap]


SHAPES: tuple[Callable[[np.random.Generator], list[np.ndarray]], ...] = (
    _card,
    _box,
    _box,
    _coin,
    _can,
    _bottle,
    _bowl,
    _mug,
    _mug,
    _ring,
    _stick,
    _cable,
    _ball,
    _block_with_cap,
)


def random_material(rng: np.random.Generator) -> Material:
    """Printed, metal or of one colour."""
    kind = rng.random()
    red, green, blue = (float(value) / 255 for value in random_colour(rng))
    if kind < 0.45:
        texture = random_texture(rng, PRINTS)
        return Material((1.0, 1.0, 1.0), texture, float(rng.uniform(0.2, 0.9)))
    if kind < 0.65:
        grey = float(rng.uniform(0.6, 0.95))
        tint = (grey, grey * float(rng.uniform(0.75, 1)), grey * float(rng.uniform(0.5, 1)))
        return Material(tint, None, float(rng.uniform(0.1, 0.5)), 1.0)
    return Material((red, green, blue), None, float(rng.uniform(0.1, 0.95)))


def make_model(seed: int) -> Model:
    """The thing number `seed`: one of SHAPES with random proportions and surfaces."""
    rng = np.random.default_rng([seed, 7])
    shape = SHAPES[seed % len(SHAPES)]
    meshes = shape(rng)
    first = random_material(rng)
    parts = [
        Part(mesh, first if place == 0 or rng.random() < 0.5 else random_material(rng))
        for place, mesh in enumerate(meshes)
    ]
    return Model(
        f"procedural/{shape.__name__.strip('_')}_{seed}", "CC0", "formula", normalised(parts)
    )
