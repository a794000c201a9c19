"""Taught objects cut out of their views, and the views without them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from automask_ros.types import BGRImage, BoolMask


@dataclass(frozen=True, eq=False)
class Cutout:
    """Something to paste: ``image (h, w, 3) uint8 BGR``, ``alpha (h, w) uint8``.

    `class_id` is None for a thing that is not to be detected.
    """

    image: BGRImage
    alpha: NDArray[np.uint8]
    class_id: int | None

    @property
    def longest_side(self) -> int:
        return max(self.alpha.shape)


def cut_out(image: BGRImage, mask: BoolMask, class_id: int) -> Cutout:
    """The object under `mask` with a margin of two pixels; the mask must not be empty.

    The outermost pixel is left out: it is a mixture of object and background.
    """
    rows, columns = np.where(mask.any(1))[0], np.where(mask.any(0))[0]
    top, bottom = max(rows[0] - 2, 0), min(rows[-1] + 3, mask.shape[0])
    left, right = max(columns[0] - 2, 0), min(columns[-1] + 3, mask.shape[1])
    alpha = mask[top:bottom, left:right].astype(np.uint8) * 255
    inner = np.asarray(cv2.erode(alpha, np.ones((3, 3), np.uint8), borderValue=255), np.uint8)
    if np.count_nonzero(inner) > 0.5 * np.count_nonzero(alpha):
        alpha = inner
    return Cutout(np.ascontiguousarray(image[top:bottom, left:right]), alpha, class_id)


def remove_object(image: BGRImage, mask: BoolMask) -> BGRImage:
    """`image` with the object filled in from around it, a margin included.

    The margin also takes what a tight mask left standing, which would be an object without label.
    """
    height, width = mask.shape
    margin = 2 * round(0.05 * np.sqrt(mask.sum()) + 2) + 1
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (margin, margin))
    hole = cv2.dilate(mask.astype(np.uint8), ellipse)
    quarter = (max(width // 4, 8), max(height // 4, 8))
    small_hole = cv2.resize(hole, quarter, interpolation=cv2.INTER_AREA)
    small_hole = cv2.dilate((small_hole > 0).astype(np.uint8), np.ones((3, 3), np.uint8))
    small = cv2.resize(image, quarter, interpolation=cv2.INTER_AREA)
    filled = cv2.inpaint(small, small_hole, 3, cv2.INPAINT_TELEA)
    filled = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR)
    soft = cv2.GaussianBlur(hole.astype(np.float32), (0, 0), 2)[..., None]
    soft = np.maximum(soft, hole[..., None])
    return np.asarray(image * (1 - soft) + filled * soft, np.uint8)
