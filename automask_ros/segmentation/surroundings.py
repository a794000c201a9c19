"""The object and what lies around it: the part of an image that the fine work is done on."""

from __future__ import annotations

import math

import cv2
import numpy as np


def find_surroundings(mask: np.ndarray, margin: float) -> tuple[slice, slice]:
    """Rows and columns around a mask (H, W) bool, wider by `margin` square roots of its area.

    The window is clipped to the image. The mask must hold at least one pixel.
    """
    reach = math.ceil(margin * math.sqrt(np.count_nonzero(mask)))
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return (
        slice(max(0, top - reach), top + height + reach),
        slice(max(0, left - reach), left + width + reach),
    )


def find_square(mask: np.ndarray, margin: float, least: int = 1) -> tuple[slice, slice]:
    """Like `find_surroundings`, but as near to a square as the image allows, and no smaller than
    `least` pixels."""
    window = find_surroundings(mask, margin)
    ends = [(part.start, min(part.stop, n)) for part, n in zip(window, mask.shape, strict=True)]
    side = max(least, *(stop - start for start, stop in ends))
    rows, columns = (
        _around((start + stop) // 2, min(side, n), n)
        for (start, stop), n in zip(ends, mask.shape, strict=True)
    )
    return rows, columns


def _around(centre: int, length: int, limit: int) -> slice:
    """`length` places around `centre`, moved so that they lie within 0..limit."""
    start = max(0, min(limit - length, centre - length // 2))
    return slice(start, start + length)


def shrink(array: np.ndarray, longest_side: int) -> np.ndarray:
    """An (H, W) or (H, W, C) image brought down to a longer side of at most so many pixels."""
    scale = longest_side / max(array.shape[:2])
    if scale >= 1.0:
        return array
    size = (max(1, round(array.shape[1] * scale)), max(1, round(array.shape[0] * scale)))
    small: np.ndarray = cv2.resize(array, size, interpolation=cv2.INTER_AREA)
    return small
