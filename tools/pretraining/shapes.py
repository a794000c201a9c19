"""Meshes that crafted things are put together from, and moving them. A mesh is (n, 8), as
`meshes.py` has it."""

from __future__ import annotations

import numpy as np
from procedural import box, lathe, tube


def moved(mesh: np.ndarray, offset: tuple[float, float, float]) -> np.ndarray:
    """A copy of the (n, 8) mesh, shifted."""
    mesh = mesh.copy()
    mesh[:, :3] += offset
    return mesh


def turned(mesh: np.ndarray, axis: int, angle: float) -> np.ndarray:
    """A copy of the (n, 8) mesh, turned about a coordinate axis by radians."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    c, s = np.cos(angle), np.sin(angle)
    mesh = mesh.copy()
    for start in (0, 3):
        a, b = mesh[:, start + first].copy(), mesh[:, start + second].copy()
        mesh[:, start + first], mesh[:, start + second] = c * a - s * b, s * a + c * b
    return mesh


def from_above(mesh: np.ndarray) -> np.ndarray:
    """In place: the texture as a picture laid on the thing from above."""
    low, high = mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)
    mesh[:, 6:8] = (mesh[:, :2] - low) / max(float((high - low).max()), 1e-6)
    return mesh


def collar(inner: float, outer: float, low: float, high: float) -> np.ndarray:
    """A ring of rectangular section."""
    around = [(inner, low), (outer, low), (outer, high), (inner, high), (inner, low)]
    fine = [np.linspace(a, b, 5)[:-1] for a, b in zip(around, around[1:], strict=False)]
    return lathe(np.vstack([*fine, [around[0]]]), 48)


def loop(wide: float, long: float, thick: float, corner: float = 1.0) -> np.ndarray:
    """A closed tube: an ellipse when `corner` is 1, ever more of a rectangle below."""
    angle = np.linspace(0, 2 * np.pi, 49)
    c, s = np.cos(angle), np.sin(angle)
    path = [np.sign(c) * np.abs(c) ** corner * wide, np.sign(s) * np.abs(s) ** corner * long]
    return tube(np.stack([*path, 0 * angle], axis=1), thick)


def rod(rng: np.random.Generator, length: float, radius: float) -> np.ndarray:
    """A bar along x from 0 to `length`: round, waisted or angular."""
    if rng.random() < 0.35:
        size = np.array([length, 2 * radius, 2 * radius * rng.uniform(0.25, 1)])
        return moved(box(size, float(size.min()) * 0.25), (length / 2, 0, 0))
    t = np.linspace(0, 1, 14)
    radii = radius * (1 + rng.normal(0, 0.12) * np.sin(np.pi * t) + rng.normal(0, 0.08) * t)
    ends = np.vstack([[(0, 0)], np.stack([radii, length * t], axis=1), [(0, length)]])
    return turned(lathe(ends, 20), 1, np.pi / 2)


def profile(rng: np.random.Generator, height: float) -> np.ndarray:
    """(12, 2) radius and height of a vessel's outside: straight, conical, bellied or waisted."""
    t = np.linspace(0, 1, 12)
    bottom = rng.uniform(0.28, 0.5)
    belly = rng.normal(0, 0.1) * np.sin(np.pi * t) + rng.normal(0, 0.03) * np.sin(2 * np.pi * t)
    radius = np.maximum(bottom + (0.5 - bottom) * t ** rng.uniform(0.5, 2) + belly, 0.15)
    return np.stack([radius, height * t], axis=1)


def handle(rng: np.random.Generator, outside: np.ndarray) -> np.ndarray:
    """A bow at the side of a vessel: round, pointed like an ear, or nearly square."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, 24)
    corner, height = rng.uniform(0.35, 1.0), outside[-1, 1]
    half, reach = height * rng.uniform(0.18, 0.42), rng.uniform(0.14, 0.5)
    middle = height * rng.uniform(0.45, 0.6)
    z = middle + half * np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** corner
    wall = np.interp(z, outside[:, 1], outside[:, 0]) - 0.015
    drop = rng.uniform(-0.3, 0.15) * half * np.cos(angle)
    path = np.stack([wall + reach * np.cos(angle) ** corner, 0 * angle, z + drop], axis=1)
    mesh = tube(path, rng.uniform(0.018, 0.06))
    mesh[:, 1] *= rng.uniform(0.8, 2.5)
    return mesh
