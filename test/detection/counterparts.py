"""Which detection of one runtime is which of another: equal scores may come in any order."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from automask_ros.types import Detections


def counterparts(one: Detections, other: Detections) -> NDArray[np.intp]:
    """For each detection of `one` the index of that of `other` with its label nearest to it, each
    taken once; there must be as many."""
    assert len(one) == len(other)
    apart = np.abs(one.boxes[:, None] - other.boxes[None]).max(axis=2, initial=0.0)
    strange = np.array(one.labels, object)[:, None] != np.array(other.labels, object)[None]
    order = linear_sum_assignment(apart + 1e6 * strange)[1]
    assert [other.labels[index] for index in order] == list(one.labels)
    return np.asarray(order)
