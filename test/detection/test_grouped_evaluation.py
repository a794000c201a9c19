"""AP by view: what is found of one group of instances, and what stands outside it."""

import numpy as np
import pytest

from automask_ros.detection.evaluation import Result
from automask_ros.detection.grouped_evaluation import evaluate_by
from automask_ros.errors import AutomaskError
from automask_ros.library.coco import encode_mask


def square(place: int) -> np.ndarray:
    mask = np.zeros((60, 200), bool)
    mask[20:40, 20 * place + 2 : 20 * place + 18] = True
    return mask


def truth(properties: list[dict]) -> dict:
    """One cup beside the other in one picture, each with its properties."""
    return {
        "images": [{"id": 1, "file_name": "a.png", "height": 60, "width": 200}],
        "categories": [{"id": 1, "name": "cup"}, {"id": 2, "name": "can"}],
        "annotations": [
            {
                "id": place + 1,
                "image_id": 1,
                "category_id": 1,
                "segmentation": encode_mask(square(place)),
                "iscrowd": 0,
                **each,
            }
            for place, each in enumerate(properties)
        ],
    }


def found(place: int, score: float) -> Result:
    mask = square(place)
    return {
        "image_id": 1,
        "category_id": 1,
        "segmentation": encode_mask(mask),
        "bbox": [20.0 * place + 2, 20.0, 16.0, 20.0],
        "score": score,
    }


def test_each_group_counts_its_own_instances_and_all_false_ones(capsys):
    poses = [{"view": {"pose": pose}} for pose in ("upright", "lying", "upright", "lying")]
    # Both upright ones and one that lies are found; the best detection of all shows nothing.
    results = [found(9, 0.99), found(0, 0.9), found(2, 0.8), found(1, 0.7)]
    by = evaluate_by(truth(poses), results, ["cup"], "pose")["cup"]
    assert by["upright"]["instances"] == by["lying"]["instances"] == 2
    # Precision is 1/2 and 2/3 at recalls of 1/2 and 1: 2/3 everywhere, as COCO interpolates.
    assert by["upright"]["AP50"] == pytest.approx(2 / 3)
    # One of two is found, after one wrong detection: half up to a recall of 1/2, nothing beyond.
    assert by["lying"]["AP50"] == pytest.approx(0.5 * 51 / 101)
    assert capsys.readouterr().out == ""


def test_what_belongs_to_an_object_outside_a_group_is_left_out_at_every_iou():
    poses = [{"view": {"pose": pose}} for pose in ("upright", "lying")]
    large = found(1, 0.95)
    mask = square(1)
    mask[18:42] |= mask[30]
    large["segmentation"] = encode_mask(mask)
    by = evaluate_by(truth(poses), [large, found(0, 0.9), found(1, 0.3)], ["cup"], "pose")["cup"]
    assert by["upright"]["AP"] == pytest.approx(1)
    assert 0.5 < by["lying"]["AP"] < 1


def test_numbers_are_cut_into_four_groups():
    yaws = [{"view": {"yaw": float(yaw)}} for yaw in (0, 10, 100, 110, 200, 210, 300, 310)]
    results = [found(place, 0.9) for place in (0, 1, 2, 4)]
    by = evaluate_by(truth(yaws), results, ["cup"], "yaw")["cup"]
    assert [row["instances"] for row in by.values()] == [2, 2, 2, 2]
    scores = [row["AP50"] for row in by.values()]
    assert scores == pytest.approx([1.0, 51 / 101, 51 / 101, 0.0])


def test_a_property_of_the_annotation_itself_and_none_at_all():
    by = evaluate_by(truth([{"hidden": 0.5}, {}]), [found(0, 0.9)], ["cup"], "hidden")
    assert by["cup"]["0.5 to 0.5"]["AP50"] == pytest.approx(1)
    with pytest.raises(AutomaskError, match="no annotation has 'pose'; they have .*iscrowd"):
        evaluate_by(truth([{}]), [], ["cup"], "pose")
