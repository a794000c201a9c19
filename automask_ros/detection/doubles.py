"""One object, two detections: a part of it, or it and its shadow, found beside the whole.

Non-maximum suppression of boxes lets them pass, for their boxes differ enough. Their masks tell:
one lies in the other. Two equal objects that hide each other share no pixel.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from automask_ros.types import PlacedMask

INSIDE = 0.6
"""Share of the smaller mask that lies in the other from which both are one object."""
LEFT = 0.3
"""What is left of the score of the one that scored less."""


def lower_doubles(
    masks: Sequence[PlacedMask], scores: NDArray[np.float32], class_ids: NDArray[np.int64]
) -> NDArray[np.float32]:
    """The scores ``(N,)``, lowered where a mask doubles a better one of its class.

    Lowered and not dropped: at times the lower one was right, and one that stands alone below its
    label's threshold is dropped anyway.
    """
    lowered = scores.copy()
    enough = INSIDE * _smaller_areas(masks)
    # Masks share no more than their windows do: few pairs are worth a look at the pixels.
    possible = (_shared_windows(masks) > enough) & (class_ids[:, None] == class_ids)
    single = np.zeros(len(masks), bool)
    for index in np.argsort(-scores, kind="stable"):
        better = np.flatnonzero(possible[index] & single)
        if any(_shared(masks[index], masks[other]) > enough[index, other] for other in better):
            lowered[index] *= LEFT
        else:
            single[index] = True
    return lowered


def _smaller_areas(masks: Sequence[PlacedMask]) -> NDArray[np.int64]:
    """Pixels of the smaller mask of each pair, ``(N, N)``."""
    areas = np.array([np.count_nonzero(mask.pixels) for mask in masks], np.int64)
    return np.minimum(areas[:, None], areas)


def _shared_windows(masks: Sequence[PlacedMask]) -> NDArray[np.int64]:
    """Pixels that the windows of each pair share, ``(N, N)``."""
    first = np.array([(mask.top, mask.left) for mask in masks], np.int64).reshape(-1, 2)
    last = first + np.array([mask.pixels.shape for mask in masks], np.int64).reshape(-1, 2)
    sides = np.minimum(last[:, None], last) - np.maximum(first[:, None], first)
    return np.asarray(np.maximum(sides, 0).prod(axis=2))


def _shared(one: PlacedMask, other: PlacedMask) -> int:
    """Pixels that both masks have."""
    top, left = max(one.top, other.top), max(one.left, other.left)
    bottom = min(one.top + one.pixels.shape[0], other.top + other.pixels.shape[0])
    right = min(one.left + one.pixels.shape[1], other.left + other.pixels.shape[1])
    if top >= bottom or left >= right:
        return 0
    parts = [
        mask.pixels[top - mask.top : bottom - mask.top, left - mask.left : right - mask.left]
        for mask in (one, other)
    ]
    return int(np.count_nonzero(parts[0] & parts[1]))
