"""Masks in each other are one object; masks beside each other are two."""

import numpy as np
import pytest

from automask_ros.detection.doubles import LEFT, lower_doubles
from automask_ros.types import PlacedMask


def block(top, left, height, width):
    return PlacedMask(top, left, np.ones((height, width), bool))


def lowered(masks, scores, class_ids):
    return lower_doubles(masks, np.array(scores, np.float32), np.array(class_ids)).tolist()


def test_a_part_of_a_better_one_is_lowered_whichever_is_larger():
    whole, part = block(10, 20, 40, 30), block(15, 22, 10, 10)
    assert lowered([whole, part], [0.9, 0.8], [1, 1]) == pytest.approx([0.9, 0.8 * LEFT])
    assert lowered([part, whole], [0.9, 0.8], [1, 1]) == pytest.approx([0.9, 0.8 * LEFT])


def test_other_labels_and_neighbours_stay():
    whole, part, beside = block(10, 20, 40, 30), block(15, 22, 10, 10), block(10, 50, 40, 30)
    assert lowered([whole, part, beside], [0.9, 0.8, 0.7], [1, 2, 1]) == pytest.approx(
        [0.9, 0.8, 0.7]
    )


def test_it_takes_more_than_an_overlap_at_the_rim():
    one = block(0, 0, 10, 10)
    assert lowered([one, block(0, 5, 10, 10)], [0.9, 0.8], [1, 1]) == pytest.approx([0.9, 0.8])
    assert lowered([one, block(0, 3, 10, 10)], [0.9, 0.8], [1, 1]) == pytest.approx(
        [0.9, 0.8 * LEFT]
    )


def test_what_was_lowered_lowers_nothing():
    """The second is a double of the first; the third touches only the second."""
    masks = [block(0, 0, 10, 10), block(0, 3, 10, 10), block(0, 6, 10, 10)]
    assert lowered(masks, [0.9, 0.8, 0.7], [1, 1, 1]) == pytest.approx([0.9, 0.8 * LEFT, 0.7])


def test_empty_masks_and_none_at_all():
    empty = PlacedMask(0, 0, np.zeros((0, 0), bool))
    assert lowered([empty, empty], [0.9, 0.8], [1, 1]) == pytest.approx([0.9, 0.8])
    assert lowered([], [], []) == []
