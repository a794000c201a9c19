"""Surfaces drawn from random numbers: tables, walls and the skins of things never taught."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from automask_ros.types import BGRImage

FloatImage = NDArray[np.float32]


def value_noise(
    rng: np.random.Generator, height: int, width: int, stretch: float = 1.0
) -> FloatImage:
    """``(height, width) float32`` in 0..1: smooth noise of several octaves.

    `stretch` above 1 draws it out along the rows, as the grain of wood is.
    """
    total = np.zeros((height, width), np.float32)
    amplitude, cells = 1.0, int(rng.integers(2, 5))
    while cells < min(height, width):
        across = max(2, int(cells / stretch))
        grid = rng.random((cells, across), np.float32)
        total += amplitude * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        amplitude *= rng.uniform(0.4, 0.75)
        cells *= int(rng.integers(2, 4))
    low, high = float(total.min()), float(total.max())
    return (total - low) / max(high - low, 1e-6)


def random_colour(rng: np.random.Generator) -> FloatImage:
    """A colour ``(3,) float32`` BGR in 0..255: greys and browns more often than bright ones."""
    grey = rng.uniform(20, 245)
    spread = rng.choice([6.0, 25.0, 90.0], p=[0.4, 0.35, 0.25])
    return np.clip(grey + rng.normal(0, spread, 3), 0, 255).astype(np.float32)


def random_texture(
    rng: np.random.Generator, height: int, width: int, colour: FloatImage | None = None
) -> BGRImage:
    """``(height, width, 3) uint8``: plain, grained, striped, checked or blotchy, turned at random.

    With `colour` the surface keeps to its neighbourhood.
    """
    first = random_colour(rng) if colour is None else colour
    contrast = rng.uniform(0.05, 0.6) if colour is None else rng.uniform(0.02, 0.25)
    second = (1 - contrast) * first + contrast * random_colour(rng)
    kind = rng.choice(["plain", "grain", "stripes", "checks", "blotches"])
    if kind == "plain":
        weight = 0.3 * value_noise(rng, height, width)
    elif kind == "grain":
        weight = value_noise(rng, height, width, stretch=float(rng.uniform(4, 16)))
    elif kind == "blotches":
        noise = value_noise(rng, height, width)
        weight = np.clip((noise - 0.5) * float(rng.uniform(2, 12)) + 0.5, 0, 1)
    else:
        weight = _pattern(rng, height, width, both_ways=kind == "checks")
        weight = weight * 0.8 + 0.2 * value_noise(rng, height, width)
    mixed = first + weight[..., None] * (second - first)
    return np.clip(mixed, 0, 255).astype(np.uint8)


def _pattern(rng: np.random.Generator, height: int, width: int, both_ways: bool) -> FloatImage:
    """Soft-edged stripes, or checks where `both_ways`, at a random angle; 0..1."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    angle, period = rng.uniform(0, np.pi), rng.uniform(6, 60)
    along = np.cos(angle) * columns + np.sin(angle) * rows
    across = -np.sin(angle) * columns + np.cos(angle) * rows
    wave = np.sin(2 * np.pi * along / period)
    if both_ways:
        wave = wave * np.sin(2 * np.pi * across / period)
    return np.clip(wave * rng.uniform(1, 8) + 0.5, 0, 1).astype(np.float32)


def random_background(rng: np.random.Generator, height: int, width: int) -> BGRImage:
    """``(height, width, 3) uint8``: a table, mostly with a wall behind it, unevenly lit."""
    table = random_texture(rng, height, width)
    if rng.random() < 0.6:
        horizon = int(rng.uniform(0.05, 0.5) * height)
        table[:horizon] = random_texture(rng, max(horizon, 1), width)[:horizon]
        blurred = cv2.GaussianBlur(table, (0, 0), float(rng.uniform(0.5, 2.5)))
        table[: horizon + 2] = blurred[: horizon + 2]
    light = 1.0 + rng.uniform(0, 0.5) * (value_noise(rng, height, width)[..., None] - 0.5)
    return np.clip(table * light, 0, 255).astype(np.uint8)
