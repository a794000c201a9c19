"""The oriented box around points that show one side of a thing.

Two orientations are tried. Where a thing has a flat face, this gives the box its own axes: the face
is found by RANSAC (Fischler and Bolles 1981, scored after Geman and McClure 1987), and in its plane
the rectangle of least area. Where it has none, the direction in which the points spread least
stands for the face's normal. The two are told apart by how close the points lie to the sides of the
box, as where boxes are fitted to cars (Zhang et al. 2017, Efficient L-Shape Fitting): of a crate
that is seen over its edge, the principal axes run across the corners, at no smaller volume.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from automask_ros.detection.surfaces import noise

Points: TypeAlias = NDArray[np.float32]

_SAMPLE = 128  # points from which the orientation is found
_MANY = 2048  # points among which those are looked for that lie farthest out
_FACE_GAIN = 0.7  # how much closer the face's box has to lie: else its normal is chance
_TURN_GAIN = 0.05  # of the area: what a rectangle has to save by being turned
_TRIANGLES = np.array(
    [np.random.default_rng(seed).choice(_SAMPLE, 3, replace=False) for seed in range(64)]
).T


def _directions(count: int) -> Points:
    """Directions evenly spread over half a sphere (a Fibonacci lattice), ``(count, 3)``."""
    place = np.arange(count)
    height = (place + 0.5) / count
    turn = math.pi * (1 + math.sqrt(5)) * place
    radius = np.sqrt(1 - height**2)
    return np.stack([radius * np.cos(turn), radius * np.sin(turn), height], 1).astype(np.float32)


_DIRECTIONS = _directions(20)


@dataclass(frozen=True, eq=False)
class OrientedBox:
    """A box in space.

    ``centre`` is ``(3,)`` in metres; ``rotation`` ``(3, 3)``, its columns the box's own axes x, y
    and z, right-handed; ``size`` ``(3,)`` in metres along them. x runs along the longest side, down
    or to the right, z along the shortest towards the camera.
    """

    centre: NDArray[np.float64]
    rotation: NDArray[np.float64]
    size: NDArray[np.float64]

    @property
    def quaternion(self) -> tuple[float, float, float, float]:
        """The rotation as x, y, z, w."""
        vector = cv2.Rodrigues(self.rotation)[0].ravel()
        half = float(np.linalg.norm(vector)) / 2
        x, y, z = (0.5 * np.sinc(half / math.pi) * vector).tolist()
        return x, y, z, math.cos(half)


def fit_boxes(clouds: Sequence[Points]) -> list[OrientedBox]:
    """The box of each cloud, ``(3, N) float32`` in metres with at least three points: it holds all
    of them.

    All clouds are worked on together: for one at a time, most of the time would go into the calls.
    """
    if not clouds:
        return []
    samples = np.stack([_evenly(cloud, _SAMPLE) for cloud in clouds])
    extremes = np.stack([_extremes(cloud) for cloud in clouds])
    by_spread, by_face = (
        _least_rectangles(_level(normals), extremes)
        for normals in (_least_spread(samples), _face_normals(samples))
    )
    closer = _gaps(by_face, samples, extremes) < _FACE_GAIN * _gaps(by_spread, samples, extremes)
    return _boxes(np.where(closer[:, None, None], by_face, by_spread), clouds)


def _evenly(cloud: Points, count: int) -> Points:
    """`count` points of a cloud, ``(3, count)``; some of them several times where it has fewer."""
    return cloud[:, np.arange(count) * cloud.shape[1] // count]


def _extremes(cloud: Points) -> Points:
    """The points that lie farthest out, ``(3, 40)``: corners are among them."""
    some = np.ascontiguousarray(cloud[:, :: cloud.shape[1] // _MANY + 1])
    along = _DIRECTIONS @ some
    return some[:, np.concatenate([along.argmin(1), along.argmax(1)])]


def _least_spread(points: Points) -> Points:
    """The direction in which each of ``(n, 3, N)`` points spread least, ``(n, 3)``."""
    return _least_axes(points - points.mean(2, keepdims=True))


def _least_axes(centred: Points) -> Points:
    spread = (centred @ centred.transpose(0, 2, 1)).astype(np.float64)
    return np.asarray(np.linalg.eigh(spread)[1][:, :, 0], np.float32)


def _face_normals(samples: Points) -> Points:
    """The normal of the largest face in each of the ``(n, 3, N)`` samples, ``(n, 3)``."""
    units = np.array([noise(float(distance)) for distance in samples[:, 2].mean(1)], np.float32)
    points = (samples - samples.mean(2, keepdims=True)) / units[:, None, None]
    first, second, third = (points[:, :, corner] for corner in _TRIANGLES)
    normals = np.cross(second - first, third - first, axis=1)
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    offsets = -(normals * first).sum(1, keepdims=True)
    # A triangle that is smaller than the noise lies in no plane: nothing is near that one.
    planes = np.concatenate([normals, offsets], 1) / np.maximum(lengths, 1)
    planes[:, 3:][lengths < 1] = 1e9
    homogeneous = np.concatenate([points, np.ones_like(points[:, :1])], 1)
    fits = planes.transpose(0, 2, 1) @ homogeneous
    # In place, for these are the largest arrays there are: 1 in the plane, 0.5 as far as the noise.
    np.square(fits, out=fits)
    fits += 1
    np.reciprocal(fits, out=fits)
    best = (fits @ np.ones(_SAMPLE, np.float32)).argmax(1)
    near = np.where(fits[np.arange(len(best)), best] > 0.5, 1, 1e-3).astype(np.float32)[:, None]
    means = (points * near).sum(2, keepdims=True) / near.sum(2, keepdims=True)
    return _least_axes((points - means) * near)


def _level(normals: Points) -> Points:
    """Axes, the rows of ``(n, 3, 3)``: the last are `normals`, the first run level in the picture,
    as far as they can."""
    across = np.where(np.abs(normals[:, :1]) < 0.9, (1, 0, 0), (0, 1, 0))
    level = across - (across * normals).sum(1, keepdims=True) * normals
    level /= np.linalg.norm(level, axis=1, keepdims=True)
    return np.stack([level, np.cross(normals, level), normals], 1).astype(np.float32)


def _least_rectangles(axes: Points, points: Points) -> Points:
    """`axes` turned about their last until the rectangle around the points is smallest.

    They stay where that saves little: a disc's rectangle would turn from picture to picture.
    """
    turned = axes.copy()
    flat = axes[:, :2] @ points
    areas = np.ptp(flat, axis=2).prod(1)
    for own, outline, area in zip(turned, flat.transpose(0, 2, 1), areas, strict=True):
        _, (width, height), angle = cv2.minAreaRect(np.ascontiguousarray(outline))
        if width * height < (1 - _TURN_GAIN) * area:
            cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            own[:2] = cosine * own[0] + sine * own[1], cosine * own[1] - sine * own[0]
    return turned


def _gaps(axes: Points, samples: Points, extremes: Points) -> Points:
    """How far the samples lie from the nearest side of their box, on average, ``(n,)``."""
    bounds = axes @ extremes
    low, high = bounds.min(2, keepdims=True), bounds.max(2, keepdims=True)
    inside = axes @ samples
    return np.asarray(np.minimum(inside - low, high - inside).min(1).mean(1), np.float32)


def _bounds(axes: Points, cloud: Points) -> tuple[Points, Points]:
    along = axes @ cloud
    return along.min(1), along.max(1)


def _boxes(axes: Points, clouds: Sequence[Points]) -> list[OrientedBox]:
    """The boxes along `axes`, the rows of ``(n, 3, 3)``, around all points of the clouds."""
    bounds = [_bounds(own, cloud) for own, cloud in zip(axes, clouds, strict=True)]
    low, high = np.array(bounds).swapaxes(0, 1)
    rows = axes.astype(np.float64)
    centres = ((low + high)[:, None] / 2 @ rows)[:, 0]
    order = np.argsort(low - high, axis=1)
    sizes = np.take_along_axis((high - low).astype(np.float64), order, 1)
    x, _, z = np.take_along_axis(rows, order[:, :, None], 1).swapaxes(0, 1)
    x = x * np.sign(np.take_along_axis(x, np.abs(x).argmax(1)[:, None], 1))
    z = z * np.where((z * centres).sum(1, keepdims=True) > 0, -1, 1)
    rotations = np.stack([x, np.cross(z, x), z], 2)
    return [OrientedBox(*own) for own in zip(centres, rotations, sizes, strict=True)]
