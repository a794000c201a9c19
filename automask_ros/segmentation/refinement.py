"""Edges at the resolution of the image: the probability map drawn to the boundary one sees.

A guided filter (He, Sun, Tang, "Guided Image Filtering", 2010, and "Fast Guided Filter", 2015):
around each pixel the probability is explained as a linear function of colour, so that it changes
where the colour does. The coefficients are found on a small copy of the object's surroundings and
applied to every full-size pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from automask_ros.segmentation.surroundings import find_surroundings, shrink

# The upper triangle of a symmetric 3x3 matrix.
_UPPER = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


@dataclass(frozen=True)
class RefineConfig:
    """How far and how strongly the colours of the image pull the boundary."""

    radius: float = 0.08
    """Half the window, in square roots of the object's area: how far off a boundary may be."""
    epsilon: float = 1e-4
    """Colour variance (of values in 0..1) below which a window counts as flat."""
    working_side: int = 160
    """The coefficients are found with the surroundings' longer side reduced to this many pixels."""


def refine_edges(
    image: np.ndarray, probability: np.ndarray, mask: np.ndarray, config: RefineConfig | None = None
) -> np.ndarray:
    """`probability` (H, W) float32 with its edges moved to those of `image` (H, W, 3) uint8 BGR.

    Only the surroundings of `mask` (H, W) bool are touched; it gives the scale. An empty mask
    changes nothing.
    """
    config = config or RefineConfig()
    if not mask.any():
        return probability
    window = find_surroundings(mask, 3 * config.radius)
    guide = image[window].astype(np.float32) / 255.0
    small_guide = shrink(guide, config.working_side)
    small = shrink(probability[window], config.working_side)
    reach = config.radius * math.sqrt(np.count_nonzero(mask))
    radius = max(1, round(reach * max(small.shape) / max(guide.shape)))
    slope, offset = _guided_coefficients(small_guide, small, radius, config.epsilon)
    size = (guide.shape[1], guide.shape[0])
    slope, offset = (cv2.resize(a, size, interpolation=cv2.INTER_LINEAR) for a in (slope, offset))
    refined = probability.copy()
    refined[window] = np.clip((slope * guide).sum(axis=2) + offset, 0.0, 1.0)
    return refined


def _guided_coefficients(
    guide: np.ndarray, target: np.ndarray, radius: int, epsilon: float
) -> tuple[np.ndarray, np.ndarray]:
    """Smoothed slope (h, w, 3) and offset (h, w) of target = slope . guide + offset."""

    def mean(values: np.ndarray) -> np.ndarray:
        blurred: np.ndarray = cv2.blur(values, (2 * radius + 1, 2 * radius + 1))
        return blurred

    mean_guide, mean_target = mean(guide), mean(target)
    # The products of the colour channels, and with them the triangle of their covariance.
    products = np.stack([guide[..., i] * guide[..., j] for i, j in _UPPER], axis=-1)
    upper = [
        mean(products[..., k]) - mean_guide[..., i] * mean_guide[..., j]
        for k, (i, j) in enumerate(_UPPER)
    ]
    covariance = mean(guide * target[..., None]) - mean_guide * mean_target[..., None]
    slope = _solve_symmetric(upper, covariance, epsilon)
    offset = mean_target - (slope * mean_guide).sum(axis=2)
    return mean(slope), mean(offset)


def _solve_symmetric(upper: list[np.ndarray], right: np.ndarray, epsilon: float) -> np.ndarray:
    """x (h, w, 3) of (A + epsilon I) x = right by Cramer's rule, A by its upper triangle."""
    a, b, c, d, e, f = upper
    a, d, f = a + epsilon, d + epsilon, f + epsilon
    adjugate = (
        d * f - e * e,
        c * e - b * f,
        b * e - c * d,
        a * f - c * c,
        b * c - a * e,
        a * d - b * b,
    )
    determinant = a * adjugate[0] + b * adjugate[1] + c * adjugate[2]
    x, y, z = right[..., 0], right[..., 1], right[..., 2]
    solution = (
        adjugate[0] * x + adjugate[1] * y + adjugate[2] * z,
        adjugate[1] * x + adjugate[3] * y + adjugate[4] * z,
        adjugate[2] * x + adjugate[4] * y + adjugate[5] * z,
    )
    return np.stack([s / determinant for s in solution], axis=-1)
