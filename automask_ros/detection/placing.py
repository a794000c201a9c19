"""Putting cut-outs into a picture: where, how large, how turned; who hides whom."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from automask_ros.detection.cutouts import Cutout
from automask_ros.types import BGRImage, BoolMask

_LEAST_SIDE = 20.0  # pixels; smaller things have no features left
_LARGEST_SHARE = 0.85  # of the picture's shorter side


@dataclass(frozen=True, eq=False)
class Placement:
    """Corners of a cut-out in the picture: ``(4, 2) float32``, x and y, clockwise from top left;
    `scale` is its size there over its own."""

    corners: NDArray[np.float32]
    scale: float

    @classmethod
    def random(
        cls,
        rng: np.random.Generator,
        shape: tuple[int, ...],
        picture: tuple[int, int],
        *,
        scale: tuple[float, float],
        upright_share: float,
    ) -> Placement:
        """A place for a cut-out of `shape` (h, w) in a picture of (height, width)."""
        height, width = shape
        longest = max(height, width)
        factor = float(np.exp(rng.uniform(np.log(scale[0]), np.log(scale[1]))))
        factor = max(factor, _LEAST_SIDE / longest)
        factor = min(factor, _LARGEST_SHARE * min(picture) / longest)
        upright = rng.random() < upright_share
        angle = np.deg2rad(rng.normal(0, 8) if upright else rng.uniform(-180, 180))
        square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2
        corners = square * (width, height) * factor * np.exp(rng.normal(0, 0.06, 2))
        corners += rng.normal(0, 0.03, (4, 2)) * longest * factor  # seen from a little elsewhere
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        centre = rng.uniform(0.04, 0.96, 2) * (picture[1], picture[0])
        return cls((corners @ turn + centre).astype(np.float32), factor)


class Scene:
    """A picture under construction. `instances` are (mask, class id) from back to front."""

    def __init__(
        self, image: BGRImage, instances: list[tuple[BoolMask, int | None]] | None = None
    ) -> None:
        self.image = image.copy()
        self.size: tuple[int, int] = (image.shape[0], image.shape[1])
        self._instances = [
            (mask.copy(), class_id, int(mask.sum()))
            for mask, class_id in instances or []
            if class_id is not None
        ]

    def paste(self, rng: np.random.Generator, cutout: Cutout, placement: Placement) -> None:
        """Put `cutout` on top, with a soft seam and mostly a shadow; hide what lies below."""
        low = np.floor(placement.corners.min(0)).astype(int) - 2
        high = np.ceil(placement.corners.max(0)).astype(int) + 3
        image, alpha = _warp(cutout, placement, low, high)
        whole = int(np.count_nonzero(alpha > 127))
        left, top = np.maximum(low, 0)
        right, bottom = np.minimum(high, (self.size[1], self.size[0]))
        if left >= right or top >= bottom or whole == 0:
            return
        inner = slice(top - low[1], bottom - low[1]), slice(left - low[0], right - low[0])
        outer = slice(top, bottom), slice(left, right)
        if rng.random() < 0.6:
            self._shadow(rng, alpha, low)
        soft = cv2.GaussianBlur(alpha, (0, 0), float(rng.uniform(0.4, 1.1)))
        weight = soft[inner][..., None].astype(np.float32) / 255
        below = self.image[outer]
        self.image[outer] = below + weight * (image[inner].astype(np.float32) - below)
        covered = np.zeros(self.size, bool)
        covered[outer] = alpha[inner] > 127
        for mask, _, _ in self._instances:
            mask &= ~covered
        if cutout.class_id is not None:
            self._instances.append((covered, cutout.class_id, whole))

    def visible(self, least_share: float, least_pixels: int) -> list[tuple[BoolMask, int]]:
        """Masks and class ids of the objects of which enough is still to be seen."""
        return [
            (mask, class_id)
            for mask, class_id, whole in self._instances
            if mask.sum() >= max(least_pixels, least_share * whole)
        ]

    def _shadow(
        self, rng: np.random.Generator, alpha: NDArray[np.uint8], low: NDArray[np.int_]
    ) -> None:
        """Darken what lies under and beside a thing whose alpha starts at pixel `low`."""
        size = max(alpha.shape)
        shift = low + rng.normal(0, 0.05, 2) * size + (0, 0.04 * size)
        spread = max(0.5, float(rng.uniform(0.02, 0.1)) * size)
        depth = float(rng.uniform(0.15, 0.6))
        # Only where the shadow reaches: a blur of the whole picture would take most of the time.
        reach = int(np.ceil(3 * spread)) + 1
        left, top = np.maximum(np.floor(shift).astype(int) - reach, 0)
        far = np.ceil(shift).astype(int) + (alpha.shape[1], alpha.shape[0]) + reach
        right, bottom = np.minimum(far, (self.size[1], self.size[0]))
        if left >= right or top >= bottom:
            return
        matrix = np.array([[1, 0, shift[0] - left], [0, 1, shift[1] - top]], np.float64)
        cast = cv2.warpAffine(alpha, matrix, (int(right - left), int(bottom - top)))
        cast = cv2.GaussianBlur(cast, (0, 0), spread)
        light = 1 - depth * cast[..., None].astype(np.float32) / 255
        part = self.image[top:bottom, left:right]
        part[:] = (part * light).astype(np.uint8)


def _warp(
    cutout: Cutout, placement: Placement, low: NDArray[np.int_], high: NDArray[np.int_]
) -> tuple[BGRImage, NDArray[np.uint8]]:
    """`cutout` in the window of the picture from `low` to `high` (x, y): image and alpha."""
    image, alpha = cutout.image, cutout.alpha
    if placement.scale < 0.6:  # averaged first, for a warp only looks at the nearest pixels
        size = tuple(max(2, round(side * placement.scale)) for side in alpha.shape[::-1])
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        alpha = np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), np.uint8)
    height, width = alpha.shape
    own = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    # Corners are the outer edges of pixels, a warp counts from their centres.
    matrix = cv2.getPerspectiveTransform(
        own - 0.5, placement.corners - low.astype(np.float32) - 0.5
    )
    window = (int(high[0] - low[0]), int(high[1] - low[1]))
    warped = cv2.warpPerspective(image, matrix, window, borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.warpPerspective(alpha, matrix, window, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(warped, np.uint8), np.asarray(mask, np.uint8)
