"""Salt-and-pepper noise of a bad camera link: found, and removed where it is, nowhere else."""

from __future__ import annotations

import cv2
import numpy as np

# Grey levels by which an impulse stands out from all its eight neighbours.
_CONTRAST = 24
# Share of impulses from which an image counts as noisy: clean photographs stay well below.
_NOISY_SHARE = 0.002

_NEIGHBOURS = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], np.uint8)


def find_impulses(image: np.ndarray) -> np.ndarray:
    """(H, W) bool: the pixels of an (H, W, 3) BGR image that stand out from all neighbours."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    brighter = cv2.subtract(grey, cv2.dilate(grey, _NEIGHBOURS)) > _CONTRAST
    darker = cv2.subtract(cv2.erode(grey, _NEIGHBOURS), grey) > _CONTRAST
    impulses: np.ndarray = brighter | darker
    return impulses


def remove_impulse_noise(image: np.ndarray) -> np.ndarray:
    """An (H, W, 3) BGR image without salt-and-pepper noise; the very same array if there is none.

    Where there is noise, the pixels around each impulse become the median of their neighbourhood
    (compression and resampling have smeared it there), all others stay as they are: a median filter
    over the whole image would round corners.
    """
    impulses = find_impulses(image)
    if impulses.mean() < _NOISY_SHARE:
        return image
    median = cv2.medianBlur(image, 5)
    # Once an image is known to be noisy, weaker and paired impulses are noise too.
    deviation = cv2.absdiff(image, median).max(axis=2) > _CONTRAST
    touched = cv2.dilate(impulses.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    return np.where((touched | deviation)[..., None], median, image)
