import numpy as np
import pytest

from automask_ros.types import Detections, PlacedMask, Verdict, View


def two_overlapping() -> Detections:
    return Detections(
        boxes=np.array([[1, 1, 3, 3], [0, 0, 2, 2]], np.float32),
        scores=np.array([0.9, 0.5], np.float32),
        class_ids=np.array([2, 1], np.int32),
        labels=("mug", "can"),
        masks=(
            PlacedMask(1, 1, np.ones((2, 2), bool)),
            PlacedMask(0, 0, np.array([[True, True], [False, True]])),
        ),
        image_size=(3, 4),
    )


def test_the_higher_score_is_on_top_in_instances():
    expected = [[2, 2, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0]]
    instances = two_overlapping().instances()
    assert instances.dtype == np.uint16
    assert instances.tolist() == expected


def test_mask_places_the_crop_in_the_whole_image():
    mask = two_overlapping().mask(1)
    assert mask.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]


def test_nothing_found():
    nothing = Detections.empty((5, 7))
    assert len(nothing) == 0
    assert nothing.instances().shape == (5, 7)
    assert not nothing.instances().any()


def test_lengths_that_differ_and_rising_scores_are_refused():
    good = two_overlapping()
    with pytest.raises(ValueError, match="differ in length"):
        Detections(good.boxes, good.scores, good.class_ids, good.labels, good.masks[:1], (3, 4))
    with pytest.raises(ValueError, match="descending"):
        Detections(good.boxes, good.scores[::-1], good.class_ids, good.labels, good.masks, (3, 4))


@pytest.mark.parametrize(
    ("verdict", "vetoed", "trainable"),
    [
        (None, False, False),
        (Verdict(True, 0.9), False, True),
        (Verdict(True, 0.9), True, False),
        (Verdict(False, 0.2, ("touches the border",)), False, False),
    ],
)
def test_what_is_trained_on(verdict, vetoed, trainable):
    view = View("a", "mug", 0.0, "test", 4, 3, verdict=verdict, vetoed=vetoed)
    assert view.trainable is trainable
