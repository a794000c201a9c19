"""The pinhole camera: which ray a pixel looks along."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from automask_ros.library.message_faults import BadMessage, Fault

_SHORTEST, _LONGEST = 0.01, 1000.0  # focal lengths, in sides of the picture: 179 to 0.06 degrees
_MOST_DIFFERENCE = 0.02  # of the sides' ratios of two pictures of one view, which are rounded
_MOST_ASIDE = 100.0  # sides of the picture: how far away from it the principal point may lie


@dataclass(frozen=True)
class PinholeCamera:
    """Focal lengths and principal point in pixels; a pixel's centre lies at its integer.

    The optical frame is that of ROS (REP 103): x to the right, y down, z ahead, in metres.
    """

    fx: float
    fy: float
    cx: float
    cy: float

    @classmethod
    def from_matrix(
        cls,
        matrix: Sequence[float],
        size: tuple[int, int],
        picture: tuple[int, ...],
        origin: tuple[int, int] = (0, 0),
    ) -> PinholeCamera:
        """The camera of `matrix`, row by row, as in a sensor_msgs/CameraInfo: 3x3 as its K, or 3x4
        as its P.

        The camera shows `size` (height, width) pixels from `origin` (row, column) on; where the
        `picture` at hand has others, it is the same view at another resolution. AutomaskError
        without a focal length, or with numbers that no camera has: points along its rays would not
        be finite.
        """
        second = len(matrix) // 3
        fx, fy, cx, cy = (float(matrix[place]) for place in (0, second + 1, 2, second + 2))
        numbers = f"[fx, fy, cx, cy] = {[fx, fy, cx, cy]}"
        if not (fx > 0 and fy > 0 and all(map(math.isfinite, (fx, fy, cx, cy)))):
            raise BadMessage(
                f"camera_info has no focal length ({numbers}): calibrate the camera", Fault.CAMERA
            )
        camera = cls(fx, fy, cx - origin[1], cy - origin[0])
        if min(size) > 0:
            camera = camera.resized(size, picture)
        if not camera.may_see(picture):
            raise BadMessage(
                f"camera_info is that of no camera ({numbers}, {size[1]}x{size[0]} pixels): "
                "calibrate the camera",
                Fault.CAMERA,
            )
        return camera

    def may_see(self, picture: tuple[int, ...]) -> bool:
        """Whether there are cameras like this one, for a `picture` of (height, width) pixels."""
        height, width = picture
        return all(
            _SHORTEST <= length / side <= _LONGEST and abs(centre) / side <= _MOST_ASIDE
            for length, centre, side in ((self.fx, self.cx, width), (self.fy, self.cy, height))
        )

    def resized(self, before: tuple[int, ...], after: tuple[int, ...]) -> PinholeCamera:
        """The camera of the same view with `after` instead of `before` (height, width) pixels."""
        down, across = after[0] / before[0], after[1] / before[1]
        return PinholeCamera(
            self.fx * across,
            self.fy * down,
            (self.cx + 0.5) * across - 0.5,
            (self.cy + 0.5) * down - 0.5,
        )

    def slopes(self, size: tuple[int, ...]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """x/z of each column and y/z of each row of a picture of `size` (height, width) pixels."""
        x = (np.arange(size[1]) - self.cx) / self.fx
        y = (np.arange(size[0]) - self.cy) / self.fy
        return x.astype(np.float32), y.astype(np.float32)


def may_show_the_same(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether pictures of two sizes (height, width) can be one view at two resolutions."""
    ratio = one[1] / one[0] * other[0] / other[1]
    return abs(ratio - 1) <= _MOST_DIFFERENCE
