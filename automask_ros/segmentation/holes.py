"""Holes of a mask: what one sees through, and what only looks like it.

A handle's hole shows what lies around the object. The dull middle of a disc shows the disc, however
unsure the network is of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from automask_ros.segmentation.surroundings import find_surroundings

# Smaller holes are specks.
_SPECK = 8
# So many colours describe the surroundings; found in at most so many of their pixels.
_PALETTE = 8
_SAMPLE = 1500


@dataclass(frozen=True)
class HoleConfig:
    """Which holes stay open."""

    smallest_share: float = 0.002
    """Holes below this share of the object's area are pinholes, and are filled."""
    doubt: float = 0.4
    """A hole is filled if its mean probability is above this; below, its colours decide."""
    colour_distance: float = 18.0
    """Distance in 8-bit CIELAB up to which a colour counts as one of the surroundings'."""
    seen_through: float = 0.5
    """Share of a hole's pixels that must have colours of the surroundings."""
    margin: float = 0.3
    """How far the surroundings reach, in square roots of the object's area."""


def find_holes(pixels: np.ndarray) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Background components (H, W) int32, and (label, area) of those that the mask encloses."""
    height, width = pixels.shape
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(
        (~pixels).astype(np.uint8), connectivity=4
    )
    enclosed = []
    for label in range(1, count):
        left, top, w, h, area = (int(v) for v in statistics[label])
        if left > 0 and top > 0 and left + w < width and top + h < height:
            enclosed.append((label, area))
    return labels, enclosed


def fill_false_holes(
    pixels: np.ndarray,
    probability: np.ndarray,
    image: np.ndarray | None = None,
    config: HoleConfig | None = None,
) -> np.ndarray:
    """A mask (H, W) bool without pinholes and without holes that one cannot see through.

    `probability` (H, W) float32 is the network's, `image` (H, W, 3) uint8 BGR what it saw; without
    the image, the probability alone decides.
    """
    config = config or HoleConfig()
    labels, holes = find_holes(pixels)
    if not holes:
        return pixels
    smallest = max(_SPECK, config.smallest_share * int(np.count_nonzero(pixels)))
    masses = np.bincount(labels.ravel(), weights=probability.ravel())
    filled, doubtful = [], []
    for label, area in holes:
        mean = masses[label] / area
        if area < smallest or mean > config.doubt:
            filled.append(label)
        else:
            doubtful.append(label)
    if doubtful and image is not None:
        filled += _not_seen_through(labels, doubtful, pixels, image, config)
    return pixels | np.isin(labels, filled)


def _not_seen_through(
    labels: np.ndarray,
    holes: list[int],
    pixels: np.ndarray,
    image: np.ndarray,
    config: HoleConfig,
) -> list[int]:
    """Those of the holes whose colours are not the surroundings'."""
    window = find_surroundings(pixels, config.margin)
    colours = cv2.cvtColor(image[window], cv2.COLOR_BGR2LAB).astype(np.float32)
    near, inside = labels[window], pixels[window]
    _, enclosed = find_holes(pixels)
    outside = ~inside & ~np.isin(near, [label for label, _ in enclosed])
    if not outside.any():
        return []
    palette = _palette(colours[outside])
    opaque = []
    for hole in holes:
        seen = colours[near == hole]
        distance = np.linalg.norm(seen[:, None] - palette[None], axis=2).min(axis=1)
        if (distance <= config.colour_distance).mean() < config.seen_through:
            opaque.append(hole)
    return opaque


def _palette(colours: np.ndarray) -> np.ndarray:
    """The colours (K, 3) that stand for many (N, 3) float32."""
    sample = np.ascontiguousarray(colours[:: max(1, len(colours) // _SAMPLE)])
    if len(sample) <= _PALETTE:
        return sample
    cv2.setRNGSeed(0)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 10, 1.0)
    start = np.zeros((len(sample), 1), np.int32)
    centres: np.ndarray = cv2.kmeans(sample, _PALETTE, start, criteria, 1, cv2.KMEANS_PP_CENTERS)[2]
    return centres
