"""Ids that stay with their objects from picture to picture.

Tracking by detection, as SORT does it (Bewley et al., Simple Online and Realtime Tracking, ICIP
2016): a Kalman filter of constant velocity predicts where each object is, and the Hungarian method
pairs predictions with detections. Two things are different here. Detectors on robots are slow and
uneven, so time is that of the stamps, with white noise acceleration in between (Bar-Shalom, Li and
Kirubarajan, Estimation with Applications to Tracking and Navigation, 2001, section 6.2); and since
boxes of one object need not overlap at two pictures a second, a pair's cost is its likelihood ratio
(Blackman and Popoli, Design and Analysis of Modern Tracking Systems, 1999, chapter 6) and not IoU.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from automask_ros.types import Detections

# Lengths are in widths of the object's box along x and in its heights along y.
PLACE_NOISE = 0.1
"""Standard deviation of a detected box's centre."""
SPEED = 2.5
"""Standard deviation of an object's speed, a second, before its second detection."""
ACCELERATION = 3.0
"""Standard deviation of how much an object's speed changes within a second."""
REACH = 1.0
"""Largest standard deviation of where an object is, however long it was out of sight."""
SIZE_NOISE = 0.25
"""Standard deviation of the natural logarithm of a detected box's width and height."""
LARGEST_SIZE_COST = 4.0
"""What another size costs at most: a box that is half hidden may still be the object's."""
COST_OF_NEW = 8.0
"""What an object that is lost and a new one cost together: a pair that costs more is these."""
CUT = 0.15
"""A box that lacks more of the object's size than this share is cut: something hides a part."""
GROWTH, SHRINKAGE = 2.0, 0.5
"""How fast an object's size follows its boxes, a second: a smaller box may be a cut one."""

Floats = NDArray[np.float64]


class Tracker:
    """Gives each detection the id of the object that it shows; one tracker for one camera.

    An object that is out of sight for up to `memory` seconds keeps its id. Two objects of one label
    that meet are told apart by how they move: where both turn back unseen, their ids are exchanged.
    """

    def __init__(self, memory: float = 1.0) -> None:
        self._memory = memory
        self._stamp = 0.0
        self._given = 0
        self._tracks = _tracks_of(Detections.empty((0, 0)), 0.0)

    def update(self, detections: Detections, stamp: float) -> tuple[str, ...]:
        """The ids, one per detection: decimal numbers, none of which is ever given to two objects.

        `stamp` is when the picture was taken, in seconds. Where it lies before the last one, or
        more than `memory` after it, all objects are new.
        """
        elapsed, self._stamp = stamp - self._stamp, stamp
        kept = (stamp - self._tracks.seen <= self._memory) & (elapsed >= 0)
        tracks = _predict(self._tracks.take(kept), elapsed)
        found = _tracks_of(detections, stamp)
        old, new, moved = _pair(tracks, found)
        found.ids[new] = tracks.ids[old]
        fresh = np.flatnonzero(found.ids == 0)
        found.ids[fresh] = np.arange(1, len(fresh) + 1) + self._given
        self._given += len(fresh)
        # Those seen at this very stamp go at once: without time that passes they would pile up.
        missed = tracks.seen < stamp
        missed[old] = False
        again = _correct(tracks.take(old), found.take(new), moved)
        self._tracks = _joined(again, found.take(fresh), tracks.take(missed))
        return tuple(map(str, found.ids.tolist()))


class _Tracks(NamedTuple):
    """What is known of N objects.

    ``states`` (N, 2, 2): centre in pixels and velocity in pixels a second, each as x, y.
    ``covariances`` (N, 2, 2): of place and speed, the same along both axes.
    ``sizes`` (N, 2): width and height in pixels. ``seen`` (N,): stamp of the last detection.
    """

    ids: NDArray[np.int64]
    labels: NDArray[np.str_]
    states: Floats
    covariances: Floats
    sizes: Floats
    seen: Floats

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> _Tracks:
        return _Tracks._make(column[rows] for column in self)


def _joined(*parts: _Tracks) -> _Tracks:
    return _Tracks._make(np.concatenate(columns) for columns in zip(*parts, strict=True))


def _tracks_of(detections: Detections, stamp: float) -> _Tracks:
    """What one look tells of each detection; the ids are 0."""
    count = len(detections)
    corners = detections.boxes.astype(np.float64).reshape(count, 2, 2)
    states = np.zeros((count, 2, 2))
    states[:, 0] = corners.mean(axis=1)
    return _Tracks(
        ids=np.zeros(count, np.int64),
        labels=np.array(detections.labels, np.str_),
        states=states,
        covariances=np.tile(np.diag([PLACE_NOISE**2, SPEED**2]), (count, 1, 1)),
        sizes=np.maximum(corners[:, 1] - corners[:, 0], 1.0),
        seen=np.full(count, stamp),
    )


def _predict(tracks: _Tracks, elapsed: float) -> _Tracks:
    """The tracks `elapsed` seconds later: moved on, and less certain."""
    step = np.array([[1.0, elapsed], [0.0, 1.0]])
    drift = np.array([[elapsed**3 / 3, elapsed**2 / 2], [elapsed**2 / 2, elapsed]])
    return tracks._replace(
        states=step @ tracks.states,
        covariances=step @ tracks.covariances @ step.T + ACCELERATION**2 * drift,
    )


def _pair(tracks: _Tracks, found: _Tracks) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """Rows of `tracks`, rows of `found` that show them, and ``(K, 2)`` pixels off the prediction.

    The sum of -2 ln of all likelihood ratios is least.
    """
    sizes = tracks.sizes[:, None]
    off = found.states[:, 0] - tracks.states[:, None, 0]
    # What hides one side of an object moves the middle of its box by up to half of what is hidden.
    hidden = np.maximum((1 - CUT) * sizes - found.sizes, 0) / 2
    off = np.sign(off) * np.maximum(np.abs(off) - hidden, 0)
    variance = np.minimum(tracks.covariances[:, None, 0, 0] + PLACE_NOISE**2, REACH**2)
    place_cost = ((off / sizes) ** 2).sum(axis=2) / variance + 2 * np.log(variance)
    grown = np.log(found.sizes) - np.log(sizes)
    size_cost = (grown**2).sum(axis=2) / SIZE_NOISE**2
    cost = place_cost + np.minimum(size_cost, LARGEST_SIZE_COST)
    cost[(tracks.labels[:, None] != found.labels) | (cost > COST_OF_NEW)] = COST_OF_NEW
    old, new = linear_sum_assignment(cost)
    likely = cost[old, new] < COST_OF_NEW
    old, new = old[likely], new[likely]
    return old, new, off[old, new]


def _correct(tracks: _Tracks, found: _Tracks, off: Floats) -> _Tracks:
    """The tracks after they were found, row by row, `off` ``(K, 2)`` pixels their prediction."""
    variance = tracks.covariances[:, 0, 0] + PLACE_NOISE**2
    gain = tracks.covariances[:, :, :1] / variance[:, None, None]
    rate = np.where(found.sizes > tracks.sizes, GROWTH, SHRINKAGE)
    share = 1 - np.exp(-rate * (found.seen - tracks.seen)[:, None])
    return tracks._replace(
        states=tracks.states + gain * off[:, None],
        covariances=tracks.covariances - gain * tracks.covariances[:, :1],
        sizes=tracks.sizes * (found.sizes / tracks.sizes) ** share,
        seen=found.seen,
    )
