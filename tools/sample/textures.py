"""Surfaces drawn with NumPy and OpenCV: wood, cloth, stone, walls. All are (H, W, 3) uint8 RGB."""

from __future__ import annotations

import cv2
import numpy as np

Colour = tuple[int, int, int]


def fractal_noise(
    size: tuple[int, int], rng: np.random.Generator, cells: tuple[int, int], octaves: int = 5
) -> np.ndarray:
    """Smooth noise (H, W) float32 in 0..1: octaves of random grids, ever finer and weaker."""
    height, width = size
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        grid = (min(height, cells[0] << octave), min(width, cells[1] << octave))
        layer = rng.random(grid, dtype=np.float32)
        total += cv2.resize(layer, (width, height), interpolation=cv2.INTER_CUBIC) / 2**octave
    low, high = np.percentile(total, (0.5, 99.5))
    return np.clip((total - low) / (high - low), 0, 1)


def blend(weight: np.ndarray, low: Colour, high: Colour) -> np.ndarray:
    """Colour ramp from `low` (weight 0) to `high` (weight 1): (H, W, 3) uint8."""
    weight = np.clip(weight, 0, 1)[..., None]
    mixed = np.asarray(low, np.float32) * (1 - weight) + np.asarray(high, np.float32) * weight
    return np.clip(mixed, 0, 255).astype(np.uint8)


def wood(rng: np.random.Generator, dark: Colour, light: Colour, planks: int) -> np.ndarray:
    """Planks along the width with grain, each of its own tone, and a dark joint between them."""
    size = 1536
    rows = np.linspace(0, 1, size, dtype=np.float32)[:, None].repeat(size, 1)
    image = np.zeros((size, size, 3), np.float32)
    edges = np.linspace(0, size, planks + 1).astype(int)
    for top, bottom in zip(edges[:-1], edges[1:], strict=True):
        shape = (bottom - top, size)
        warp = fractal_noise(shape, rng, (2, 3), 4)
        rings = 0.5 + 0.5 * np.sin(rows[top:bottom] * 60 + warp * 26 + rng.uniform(0, 6))
        fibre = fractal_noise(shape, rng, (max(2, shape[0] // 6), 5), 3)
        tone = rng.uniform(-0.12, 0.12)
        image[top:bottom] = blend(0.45 * rings + 0.4 * fibre + 0.1 + tone, dark, light)
        if planks > 1:
            image[top : top + 3] *= 0.45
    return image.astype(np.uint8)


def marble(rng: np.random.Generator, base: Colour, vein: Colour) -> np.ndarray:
    size = 1536
    warp = fractal_noise((size, size), rng, (4, 4), 6)
    broad = fractal_noise((size, size), rng, (3, 3), 4)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    veins = 1 - np.abs(np.sin((x * 1.2 + y * 2.3) * 5 + (warp - 0.5) * 5))
    weight = np.clip(veins**7 * broad * 0.8 + (broad - 0.5) * 0.3, 0, 1)
    return blend(weight, base, vein)


def weave(size: int, pitch: int) -> np.ndarray:
    """Over-under thread pattern of a cloth, (size, size) float32 round 1."""
    y, x = np.mgrid[0:size, 0:size]
    over = ((x // pitch + y // pitch) % 2).astype(np.float32)
    across = np.sin(np.pi * (x % pitch) / pitch)
    along = np.sin(np.pi * (y % pitch) / pitch)
    return (0.8 + 0.25 * (over * across + (1 - over) * along)).astype(np.float32)


def cloth(
    rng: np.random.Generator, ground: Colour, bands: list[tuple[Colour, int, int]]
) -> np.ndarray:
    """Woven cloth; each band (colour, period, width in pixels) runs in both directions."""
    size = 1536
    y, x = np.mgrid[0:size, 0:size]
    image = np.empty((size, size, 3), np.float32)
    image[:] = ground
    for colour, period, width in bands:
        weight = 0.5 * ((x % period) < width) + 0.5 * ((y % period) < width)
        image += weight[..., None] * (np.asarray(colour, np.float32) - image)
    shade = weave(size, 4) * (0.9 + 0.2 * fractal_noise((size, size), rng, (5, 5), 6))
    return np.clip(image * shade[..., None], 0, 255).astype(np.uint8)


def speckle(
    rng: np.random.Generator, base: Colour, grains: list[Colour], density: float
) -> np.ndarray:
    """Terrazzo, laminate or concrete: a cloudy base with grains of several colours and sizes."""
    size = 1536
    cloud = fractal_noise((size, size), rng, (5, 5), 7)
    image = blend(cloud, *(tuple(max(0, c - d) for c in base) for d in (22, -8)))  # type: ignore[arg-type]
    for colour in grains:
        for _ in range(int(density * 1000)):
            centre = tuple(int(v) for v in rng.integers(0, size, 2))
            axes = tuple(int(v) for v in rng.integers(1, 6, 2))
            cv2.ellipse(
                image, centre, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1, cv2.LINE_AA
            )
    return image


def tiles(rng: np.random.Generator, base: Colour, joint: Colour, count: int) -> np.ndarray:
    size = 1536
    image = blend(fractal_noise((size, size), rng, (20, 20), 5), *_around(base, 14))
    edges = np.linspace(0, size, count + 1).astype(int)
    scaled = image.astype(np.float32)
    for top, bottom in zip(edges[:-1], edges[1:], strict=True):
        for left, right in zip(edges[:-1], edges[1:], strict=True):
            scaled[top:bottom, left:right] *= rng.uniform(0.86, 1.08)
    image = np.clip(scaled, 0, 255).astype(np.uint8)
    for edge in edges:
        cv2.line(image, (0, int(edge)), (size, int(edge)), joint, 9)
        cv2.line(image, (int(edge), 0), (int(edge), size), joint, 9)
    return cv2.GaussianBlur(image, (0, 0), 1.2)


def plaster(rng: np.random.Generator, colour: Colour, stripes: int = 0) -> np.ndarray:
    """Painted wall, or a wallpaper with `stripes` vertical bands."""
    size = 768
    image = blend(fractal_noise((size, size), rng, (6, 6), 7), *_around(colour, 7)).astype(
        np.float32
    )
    if stripes:
        columns = 0.92 + 0.08 * (np.arange(size) * stripes * 2 // size % 2)
        image *= columns[None, :, None]
    return image.astype(np.uint8)


def _around(colour: Colour, spread: int) -> tuple[Colour, Colour]:
    low = (colour[0] - spread, colour[1] - spread, colour[2] - spread)
    high = (colour[0] + spread, colour[1] + spread, colour[2] + spread)
    return low, high
