"""Pixels in and out of the network: images brought to its size, its 28x28 masks brought back."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from automask_ros.detection.mask_rcnn import longest_side
from automask_ros.types import BGRImage, PlacedMask

MASK_THRESHOLD = 0.5


def network_size(height: int, width: int, image_size: int) -> tuple[int, int]:
    """(height, width) in the network: the shorter side is `image_size` where aspect allows.

    Never larger than the image: enlarged it shows no more, and less like what was learned from.
    """
    scale = min(image_size / min(height, width), longest_side(image_size) / max(height, width), 1.0)
    return max(1, round(height * scale)), max(1, round(width * scale))


def fit_image(image: BGRImage, image_size: int) -> BGRImage:
    """`image` ``(H, W, 3)`` brought to the network's size; the same array when it has it."""
    height, width = network_size(image.shape[0], image.shape[1], image_size)
    if (height, width) == image.shape[:2]:
        return np.ascontiguousarray(image)
    smaller = height < image.shape[0]
    interpolation = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=interpolation), np.uint8)


def paste_mask(
    probability: NDArray[np.float32],
    box: Sequence[float],
    image_size: tuple[int, int],
    scale: tuple[float, float] = (1.0, 1.0),
) -> PlacedMask:
    """The pixels of one instance: its ``(M, M)`` probabilities above a half, at its own box.

    `box` is x1, y1, x2, y2 in pixels of an image of `image_size` (height, width); `scale` says how
    many of these pixels one pixel of the network's input spans, across and down. The crop is
    clipped to the image; it is empty where the box lies outside.

    This inverts RoIAlign as the mask targets were sampled, pixel centres included; torchvision's
    own pasting truncates to whole pixels, which shifts masks by up to one.
    """
    across = _axis(box[0], box[2], probability.shape[1], image_size[1], scale[0])
    down = _axis(box[1], box[3], probability.shape[0], image_size[0], scale[1])
    if across is None or down is None:
        return PlacedMask(0, 0, np.zeros((0, 0), bool))
    left, width, step_x, start_x = across
    top, height, step_y, start_y = down
    to_probability = np.array([[step_x, 0.0, start_x], [0.0, step_y, start_y]])
    resized = cv2.warpAffine(
        np.asarray(probability, np.float32),
        to_probability,
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=0.0,
    )
    return PlacedMask(top, left, resized > MASK_THRESHOLD)


def _axis(
    low: float, high: float, bins: int, limit: int, scale: float
) -> tuple[int, int, float, float] | None:
    """First pixel, pixels, bins a pixel and the first pixel's bin along one axis; None: outside."""
    bin_width = max(high - low, 1e-3) / bins
    # A mask reaches at most half a bin over its box.
    first = max(math.floor(low - bin_width), 0)
    last = min(math.ceil(high + bin_width), limit)
    if first >= last:
        return None
    start = (first + 0.5 - 0.5 * scale - low) / bin_width - 0.5
    return first, last - first, 1.0 / bin_width, start
