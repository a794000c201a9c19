"""Where the found things lie: from masks and a depth map to points and boxes in space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from automask_ros.detection.oriented_box import OrientedBox, fit_boxes
from automask_ros.detection.pinhole import PinholeCamera, may_show_the_same
from automask_ros.detection.surfaces import object_surface, smooth
from automask_ros.library.message_faults import BadMessage, Fault
from automask_ros.types import DepthMap, Detections, PlacedMask

LEAST_POINTS = 20
"""An instance with fewer points is not localised."""


@dataclass(frozen=True, eq=False)
class LocalisedInstance:
    """Where a detection lies, in metres in the camera's optical frame (x right, y down, z ahead).

    ``index`` is its place among the detections; ``points`` is ``(N, 3) float32``, what the camera
    measured of it; ``box`` is the box of these, and its centre the instance's position: that of
    the side that can be seen, not of what lies hidden behind.
    """

    index: int
    points: NDArray[np.float32]
    box: OrientedBox


def localise(
    detections: Detections, depth: DepthMap, camera: PinholeCamera
) -> list[LocalisedInstance]:
    """Localise the `detections` in `depth`, in their order, without those that have no depth.

    `depth` is ``(h, w) float32`` in metres, NaN where there is none, of the same view as the
    picture but maybe of another resolution; `camera` is that of the depth map. Masks that overlap
    share points. AutomaskError when the two cannot be the same view.
    """
    _check_view(detections.image_size, depth)
    focal_length = min(camera.fx, camera.fy)
    placed = _placed_in(depth, detections)
    windows = [np.ascontiguousarray(depth[own.window]) for own in placed]
    # One step for all instances after the other: a third faster than all steps for one.
    surfaces = [
        object_surface(window, own.pixels, focal_length)
        for window, own in zip(windows, placed, strict=True)
    ]
    places = [np.flatnonzero(surface) for surface in surfaces]
    found = [index for index, own in enumerate(places) if len(own) >= LEAST_POINTS]
    x, y = camera.slopes(depth.shape)
    points = [_unproject(windows[i], places[i], placed[i].window, x, y) for i in found]
    smoothed = [smooth(windows[i], surfaces[i]).ravel()[places[i]] for i in found]
    boxes = fit_boxes([own * (z / own[2]) for own, z in zip(points, smoothed, strict=True)])
    return [
        LocalisedInstance(index, own.T, box)
        for index, own, box in zip(found, points, boxes, strict=True)
    ]


def _check_view(image_size: tuple[int, int], depth: DepthMap) -> None:
    height, width = depth.shape
    if not may_show_the_same(depth.shape, image_size):
        raise BadMessage(
            f"depth of {width}x{height} pixels is not the view of a picture of "
            f"{image_size[1]}x{image_size[0]}: remap depth to the topic that is aligned to it",
            Fault.VIEW,
        )


def _placed_in(depth: DepthMap, detections: Detections) -> Sequence[PlacedMask]:
    """The masks of the detections in the depth map's own pixels."""
    if detections.image_size == depth.shape:
        return detections.masks
    rows, columns = (
        ((np.arange(own) + 0.5) * (its / own)).astype(int)
        for own, its in zip(depth.shape, detections.image_size, strict=True)
    )
    return [_resampled(placed, rows, columns) for placed in detections.masks]


def _resampled(placed: PlacedMask, rows: NDArray[np.int_], columns: NDArray[np.int_]) -> PlacedMask:
    """A mask in a depth map whose pixels see the picture's `rows` and `columns`."""
    height, width = placed.pixels.shape
    top, bottom = np.searchsorted(rows, (placed.top, placed.top + height))
    left, right = np.searchsorted(columns, (placed.left, placed.left + width))
    own = np.ix_(rows[top:bottom] - placed.top, columns[left:right] - placed.left)
    return PlacedMask(int(top), int(left), placed.pixels[own])


def _unproject(
    depth: DepthMap,
    places: NDArray[np.intp],
    window: tuple[slice, slice],
    x: NDArray[np.float32],
    y: NDArray[np.float32],
) -> NDArray[np.float32]:
    """The points at `places` of a window of the depth map, of which `x` and `y` are the slopes of
    all columns and rows; ``(3, N)``."""
    points = np.empty((3, len(places)), np.float32)
    across, down = depth * x[window[1]], depth * y[window[0], None]
    for row, values in zip(points, (across, down, depth), strict=True):
        row[:] = values.ravel()[places]
    return points
