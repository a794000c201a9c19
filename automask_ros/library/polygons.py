"""Masks as polygons for tools that know nothing else: pixel exact, holes kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from automask_ros.types import BoolMask

Ring = NDArray[np.float64]
"""Corners (N, 2): x, y in pixels, 0 at the left or upper edge of the first pixel."""

# Corners this near to the line between their neighbours are left out; no pixel changes sides yet.
_TOLERANCE: Final = 0.5
#: Pairs of corners whose distances are all looked at: 24 MB.
_EACH_WITH_EACH: Final = 1_000_000


def mask_polygons(pixels: BoolMask) -> list[list[float]]:
    """The parts of a mask (H, W) bool, each as x1, y1, x2, y2, ... in pixels.

    COCO's polygons know no holes. So a polygon runs from its outline to the hole and back on the
    same line, and whoever fills it leaves the hole open.
    """
    # Drawn twice as large, contours tell on which side of a pixel they run.
    twice = pixels.astype(np.uint8).repeat(2, axis=0).repeat(2, axis=1)
    contours, tree = cv2.findContours(twice, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    polygons = []
    for index, contour in enumerate(contours):
        if tree[0][index][3] >= 0 or (outline := _ring(np.asarray(contour))) is None:
            continue
        holes = [_ring(np.asarray(contours[hole])) for hole in _children(tree[0], index)]
        for hole in sorted((h for h in holes if h is not None), key=lambda h: float(h[:, 0].min())):
            outline = _join(outline, hole)
        polygons.append([float(value) for value in outline.reshape(-1)])
    return polygons


def one_polygon(pixels: BoolMask) -> list[float]:
    """The same as a single polygon, for formats that allow no more: from part to part it runs over
    the shortest way, there and back. Empty when the mask is."""
    rings: list[Ring] = [np.reshape(polygon, (-1, 2)) for polygon in mask_polygons(pixels)]
    if not rings:
        return []
    outline: Ring = rings.pop(0)
    ways = [_distances(ring, outline).min() for ring in rings]
    while rings:
        nearest = int(np.argmin(ways))
        ring = rings.pop(nearest)
        del ways[nearest]
        outline = _join(outline, ring)
        ways = _shorter(ways, rings, ring)
    return [float(value) for value in outline.reshape(-1)]


def _shorter(ways: list[float], rings: Sequence[Ring], joined: Ring) -> list[float]:
    """The shortest way from each ring to the outline, now that another ring is part of it."""
    if not rings:
        return []
    starts = np.cumsum([0, *map(len, rings[:-1])])
    found = np.minimum.reduceat(_distances(np.concatenate(rings), joined), starts)
    return list(np.minimum(ways, found))


def _distances(corners: Ring, ring: Ring) -> NDArray[np.float64]:
    """From each of the corners to the nearest one of a ring, (N,)."""
    return np.asarray(cKDTree(ring).query(corners)[0])


def _ring(contour: NDArray[Any]) -> Ring | None:
    """A contour of the doubled mask along the edges of the pixels; None when nothing is left."""
    edges = (contour + contour % 2) // 2
    corners = cv2.approxPolyDP(edges.astype(np.int32), _TOLERANCE, True)[:, 0]
    return corners.astype(np.float64) if len(corners) >= 3 else None


def _children(tree: NDArray[Any], parent: int) -> list[int]:
    found, child = [], int(tree[parent][2])
    while child >= 0:
        found.append(child)
        child = int(tree[child][0])
    return found


def _join(outline: Ring, hole: Ring) -> Ring:
    """One ring of two, over the shortest way between their corners, there and back."""
    if len(outline) * len(hole) <= _EACH_WITH_EACH:
        distances = np.square(outline[:, None] - hole[None]).sum(axis=2)
        at, to = np.unravel_index(int(distances.argmin()), distances.shape)
    else:  # jagged edges of a large picture would take gigabytes
        ways, nearest = cKDTree(hole).query(outline)
        at = np.argmin(ways)
        to = nearest[at]
    around = np.concatenate([hole[to:], hole[: to + 1]])
    return np.concatenate([outline[: at + 1], around, outline[at:]])
