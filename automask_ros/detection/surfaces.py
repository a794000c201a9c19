"""Which of a mask's depths lie on the object, not on what is seen past its rim or through it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from automask_ros.types import FARTHEST_DEPTH, BoolMask, DepthMap

_STEEPEST = 8.0  # depth per width of a pixel: a surface 83 degrees away from facing the camera
_LEAST_PART = 0.05  # of the largest surface: what is smaller is noise
_LEAST_PIXELS = 8
_MOST_PARTS = 8  # that are looked at


def noise(distance: float) -> float:
    """How far, in metres, a depth at a `distance` in metres may well be off.

    It grows with the distance's square, as the error of a disparity makes it: about two standard
    deviations of what Nguyen, Izadi and Lovell 2012 (Modeling Kinect Sensor Noise) measured.
    """
    return 0.001 + 0.003 * distance * distance


def object_surface(depth: DepthMap, mask: BoolMask, focal_length: float) -> BoolMask:
    """The pixels of `mask` that see the object, ``(h, w) bool``.

    `depth` is ``(h, w) float32`` in metres, NaN where there is none; what is not positive or lies
    beyond FARTHEST_DEPTH is none either. `focal_length` is in pixels.
    Neighbours lie on one surface where the depth between them rises no more than on a steep one;
    the largest surface is the object, with large pieces that continue it. So what is seen past the
    mask's rim and through its holes is left out, and so are the flying pixels between, whose depth
    is a mixture of both.
    """
    # floodFill's picture of what is taken, one pixel wider on all sides; 0 is free.
    taken = np.ones((depth.shape[0] + 2, depth.shape[1] + 2), np.uint8)
    parts = taken[1:-1, 1:-1]
    parts[...] = ~(mask & (depth > 0) & (depth <= FARTHEST_DEPTH))
    sizes: list[int] = []
    while len(sizes) < _MOST_PARTS:
        free = np.flatnonzero(parts == 0)
        if len(free) < max(_LEAST_PIXELS, _LEAST_PART * max(sizes, default=0)):
            break
        sizes.append(_fill(depth, taken, free, _value(len(sizes)), focal_length))
    if not sizes:
        return np.zeros_like(mask)
    first, *others = sorted(range(len(sizes)), key=lambda part: -sizes[part])
    least = max(_LEAST_PIXELS, _LEAST_PART * sizes[first])
    pieces = [parts == _value(part) for part in others if sizes[part] >= least]
    surface: BoolMask = parts == _value(first)
    return _joined(depth, surface, pieces, focal_length) if pieces else surface


def smooth(depth: DepthMap, surface: BoolMask) -> DepthMap:
    """`depth` as the mean of those of 3x3 pixels that are of `surface`."""
    counts, sums = (
        cv2.boxFilter(values, cv2.CV_32F, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
        for values in (surface.view(np.uint8), np.where(surface, depth, np.float32(0)))
    )
    return np.asarray(sums / np.maximum(counts, 1), np.float32)


def _value(part: int) -> int:
    """What stands for a part in the picture of what is taken: 0 is free, 1 is out of the mask."""
    return part + 2


def _fill(
    depth: DepthMap,
    taken: NDArray[np.uint8],
    free: NDArray[np.intp],
    value: int,
    focal_length: float,
) -> int:
    """Mark the surface on which the median of the `free` pixels lies; how many pixels it has."""
    some = free[:: len(free) // 256 + 1]
    middle = len(some) // 2
    seed = int(some[np.argpartition(depth.ravel()[some], middle)[middle]])
    row, column = divmod(seed, depth.shape[1])
    distance = float(depth[row, column])
    step = _STEEPEST * distance / focal_length + noise(distance)
    flags = 8 | value << 8 | cv2.FLOODFILL_MASK_ONLY
    return int(cv2.floodFill(depth, taken, (column, row), 0, step, step, flags)[0])


def _joined(
    depth: DepthMap, surface: BoolMask, pieces: Sequence[BoolMask], focal_length: float
) -> BoolMask:
    """The surface and those `pieces` that continue it beyond a gap: what stands before an object,
    or a reflex without depth, can cut it in two. Over the gap it rises less than it is wide."""
    gaps, nearest = cv2.distanceTransformWithLabels(
        (~surface).view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    beyond = np.empty(int(nearest.max()) + 1, np.float32)
    beyond[nearest[surface]] = depth[surface]
    rises = np.abs(depth - beyond[nearest]) - noise(float(beyond[1:].max()))
    near = rises <= gaps * (depth / np.float32(focal_length))
    return np.logical_or.reduce([surface, *(piece for piece in pieces if near[piece].any())])
