"""Taught objects cut out of their views, and things that were never taught."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from automask_ros.detection.textures import FloatImage, random_colour, random_texture
from automask_ros.types import BGRImage, BoolMask

# Mean difference of colour (0..255) from which a recoloured object is another object.
_OTHER_COLOUR = 30.0


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


def distractor(rng: np.random.Generator, object_like: Cutout, surroundings: BGRImage) -> Cutout:
    """A thing that must not be detected although it comes close to `object_like`.

    It has the object's outline with another skin, the object's colours on another shape, or
    neither; `surroundings` ``(H, W, 3)`` lends its surface at times.
    """
    height, width = object_like.alpha.shape
    if rng.random() < 0.25:
        recoloured = _recoloured(rng, object_like)
        if recoloured is not None:
            return recoloured
    same_outline = rng.random() < 0.35
    alpha = object_like.alpha if same_outline else random_outline(rng, height, width)
    if not same_outline and rng.random() < 0.5:
        own_pixels = object_like.image[object_like.alpha > 127]
        colour = own_pixels[rng.integers(len(own_pixels))].astype(np.float32)
    else:
        colour = random_colour(rng)
    if rng.random() < 0.35 and min(surroundings.shape[:2]) > 16:
        skin = _patch(rng, surroundings, height, width)
    else:
        skin = _rounded(rng, random_texture(rng, height, width, colour))
    return Cutout(skin, alpha, None)


def random_outline(rng: np.random.Generator, height: int, width: int) -> NDArray[np.uint8]:
    """A box, an ellipse or a lump that fills ``(height, width)``: 0 or 255."""
    alpha: NDArray[np.uint8] = np.zeros((height, width), np.uint8)
    kind = rng.choice(["box", "ellipse", "lump"])
    centre = (width // 2, height // 2)
    if kind == "ellipse":
        cv2.ellipse(
            alpha, centre, (max(width // 2 - 1, 1), max(height // 2 - 1, 1)), 0, 0, 360, 255, -1
        )
        return alpha
    corners = 4 if kind == "box" else int(rng.integers(5, 11))
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    if kind == "box":
        angles = np.array([0.25, 0.75, 1.25, 1.75]) * np.pi
    radius = np.sqrt(0.5) if kind == "box" else rng.uniform(0.3, 0.5, corners)
    points = np.stack([np.cos(angles) * radius + 0.5, np.sin(angles) * radius + 0.5], 1)
    cv2.fillPoly(alpha, [np.round(points * [width - 1, height - 1]).astype(np.int32)], 255)
    rounding = 2 * int(rng.integers(0, max(min(height, width) // 8, 1))) + 1
    if rounding >= 3:
        alpha = np.where(cv2.blur(alpha, (rounding, rounding)) > 127, 255, 0).astype(np.uint8)
    if not alpha.any():
        alpha[:] = 255
    return alpha


def _recoloured(rng: np.random.Generator, cutout: Cutout) -> Cutout | None:
    """`cutout` in another hue; None where that changes too little to be another object."""
    hsv = cv2.cvtColor(cutout.image, cv2.COLOR_BGR2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(np.int32) + int(rng.integers(30, 151))) % 180
    image = np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR), np.uint8)
    difference = np.abs(image.astype(np.int16) - cutout.image)[cutout.alpha > 127].max(1).mean()
    return Cutout(image, cutout.alpha, None) if difference > _OTHER_COLOUR else None


def _patch(rng: np.random.Generator, image: BGRImage, height: int, width: int) -> BGRImage:
    """A random window of `image`, brought to ``(height, width)``."""
    rows = min(height, image.shape[0] // 2)
    columns = min(width, image.shape[1] // 2)
    top = int(rng.integers(0, image.shape[0] - rows))
    left = int(rng.integers(0, image.shape[1] - columns))
    window = image[top : top + rows, left : left + columns]
    return np.asarray(cv2.resize(window, (width, height)), np.uint8)


def _rounded(rng: np.random.Generator, image: BGRImage) -> BGRImage:
    """`image` as if on a body that bends away from the light at its sides."""
    height, width = image.shape[:2]
    across: FloatImage = np.linspace(-1, 1, width, dtype=np.float32) - float(rng.uniform(-0.6, 0.6))
    light = 1.1 - float(rng.uniform(0, 0.6)) * across**2
    return np.clip(image * light[None, :, None], 0, 255).astype(np.uint8)
