"""Broad light as many lamps: the sky of an environment picture, and by chance a large lamp.

Each lamp throws a shadow of its own. Together they make what real rooms have and one soft key light
has not: a dim foot around each thing, wide half shadows on several sides.
"""

from __future__ import annotations

import numpy as np

# Of the 32 lamps that the renderer takes.
SKY_LAMPS = 22
PANEL_LAMPS = 10
_GOLDEN = np.pi * (3 - np.sqrt(5))


def broad_light(rng: np.random.Generator, environment: np.ndarray, turn: float) -> np.ndarray:
    """(N, 6) directions (unit, above the horizon) and linear colours.

    `environment` (h, w, 3) is equirectangular, z up, turned by `turn` of the whole circle. The
    light on a level surface in the open is about 1.
    """
    lamps = _sky(rng, environment, turn)
    share = rng.choice([0.0, rng.uniform(0.2, 0.7)], p=[0.35, 0.65])
    lamps[:, 3:] *= (1 - share) / _on_level(lamps)
    if share:
        panel = _panel(rng)
        panel[:, 3:] *= share / _on_level(panel)
        lamps = np.concatenate([lamps, panel])
    return lamps


def _sky(rng: np.random.Generator, environment: np.ndarray, turn: float) -> np.ndarray:
    """Directions spread evenly over the upper half, each with the light of its part of the sky."""
    number = np.arange(SKY_LAMPS)
    z = np.clip((number + rng.uniform(0.3, 0.9)) / SKY_LAMPS, 0.05, 0.995)
    azimuth = number * _GOLDEN + rng.uniform(0, 2 * np.pi)
    directions = _directions(azimuth, z)
    height, width = environment.shape[:2]
    rows = np.arange(height // 2)
    polar = (rows + 0.5) / height * np.pi
    around = ((np.arange(width) + 0.5) / width - turn) * 2 * np.pi
    cells = _directions(np.tile(around, len(rows)), np.repeat(np.cos(polar), width))
    owner = (cells @ directions.T).argmax(axis=1)
    weight = np.repeat(np.sin(polar), width)
    colours = environment[: height // 2].reshape(-1, 3).clip(0, rng.uniform(2, 12))
    total = np.stack(
        [np.bincount(owner, weight * colours[:, c], SKY_LAMPS) for c in range(3)], axis=1
    )
    # Rooms have walls: some light comes from everywhere.
    total += rng.uniform(0.05, 0.5) * total.mean(axis=0)
    return np.concatenate([directions, total], axis=1)


def _panel(rng: np.random.Generator) -> np.ndarray:
    """A lamp or a window with an extent: directions within a cone, one colour."""
    z = np.sin(np.radians(rng.uniform(25, 85)))
    middle = _directions(np.array([rng.uniform(0, 2 * np.pi)]), np.array([z]))[0]
    extent = np.exp(rng.uniform(np.log(0.03), np.log(0.35)))
    directions = middle + rng.normal(0, 0.6 * extent, (PANEL_LAMPS, 3))
    directions[:, 2] = np.maximum(directions[:, 2], 0.1)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    tint = 1 + rng.normal(0, 0.08, 3)
    return np.concatenate([directions, np.tile(tint, (PANEL_LAMPS, 1))], axis=1)


def _on_level(lamps: np.ndarray) -> float:
    return max(1e-6, float((lamps[:, 2:3] * lamps[:, 3:]).sum(axis=0).mean()))


def _directions(azimuth: np.ndarray, z: np.ndarray) -> np.ndarray:
    level = np.sqrt(np.maximum(0.0, 1 - z * z))
    return np.stack([level * np.cos(azimuth), level * np.sin(azimuth), z], axis=-1)
