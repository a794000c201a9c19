"""What is wrong with a COCO annotation, in words that follow its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from automask_ros.library.coco import CocoAnnotation, CocoImage, RunLengths

#: Pixels along one polygon. Whoever fills it takes 40 bytes for each, so that a file of a few
#: hundred kilobytes, which goes to and fro across its image, could take all memory.
_LONGEST: Final = 5_000_000


def shape_fault(annotation: CocoAnnotation, image: CocoImage) -> str | None:
    """Why an annotation's shape cannot be a mask of its image; None when it can."""
    shape = annotation.segmentation
    if not isinstance(shape, list):
        return _fault_of_run_lengths(shape, image)
    if not shape:
        return "has no polygon"
    if any(len(polygon) < 6 or len(polygon) % 2 for polygon in shape):
        return "has a polygon that is no list of at least three points"
    reach = 2 * max(image.width, image.height)
    if any(abs(value) > reach for polygon in shape for value in polygon):
        return "has a polygon far outside its image"
    if any(_length(polygon) > _LONGEST for polygon in shape):
        return f"has a polygon that is longer than {_LONGEST // 1_000_000} million pixels"
    return None


def _length(polygon: Sequence[float]) -> float:
    """How many pixels lie along a closed polygon's edges."""
    corners = np.reshape(polygon, (-1, 2))
    steps = np.abs(corners - np.roll(corners, 1, axis=0))
    return float(steps.max(axis=1).sum())


def _fault_of_run_lengths(shape: RunLengths, image: CocoImage) -> str | None:
    if shape.size != (image.height, image.width):
        return f"has run lengths for {shape.size}, not for its image"
    runs = _runs(shape.counts) if isinstance(shape.counts, str) else shape.counts
    if runs is None or min(runs, default=0) < 0 or sum(runs) != image.width * image.height:
        return "has run lengths that do not cover its image"
    return None


def _runs(counts: str) -> list[int] | None:
    """COCO's compressed run lengths as numbers; None when the string is none.

    Checked here because the C code that decodes them believes what it reads.
    """
    runs: list[int] = []
    value, shift = 0, 0
    for character in counts:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > 30:
            return None
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value, shift = 0, 0
    return None if shift else runs
