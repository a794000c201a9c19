"""Average precision where it is known by hand."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from automask_ros.detection.evaluation import coco_results, evaluate, evaluate_results
from automask_ros.detection.prediction import Predictor
from automask_ros.detection.thresholds import (
    Judged,
    choose_threshold,
    judge_detections,
    matched,
    working_point,
)
from automask_ros.errors import AutomaskError
from automask_ros.library.coco import encode_mask, read_coco
from automask_ros.types import BGRImage, Detections, PlacedMask

SIZE = (60, 80)
CATEGORIES = {"mug": 1, "can": 2}


def rectangle(left: int, top: int, width: int, height: int) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[top : top + height, left : left + width] = True
    return mask


def truth(instances: list[tuple[int, str, np.ndarray]], images: int = 2) -> dict:
    """COCO ground truth of (image, label, mask)."""
    return {
        "images": [
            {"id": i, "file_name": f"{i}.png", "height": SIZE[0], "width": SIZE[1]}
            for i in range(images)
        ],
        "categories": [{"id": n, "name": label} for label, n in CATEGORIES.items()],
        "annotations": [
            {
                "id": k + 1,
                "image_id": image,
                "category_id": CATEGORIES[label],
                "segmentation": encode_mask(mask),
            }
            for k, (image, label, mask) in enumerate(instances)
        ],
    }


def detections(found: list[tuple[str, float, np.ndarray]]) -> Detections:
    """Detections of (label, score, mask), best first."""
    boxes, masks = [], []
    for _, _, mask in found:
        rows, columns = np.where(mask.any(1))[0], np.where(mask.any(0))[0]
        boxes.append([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
        crop = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        masks.append(PlacedMask(int(rows[0]), int(columns[0]), crop))
    return Detections(
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.array([score for _, score, _ in found], np.float32),
        class_ids=np.array([CATEGORIES[label] for label, _, _ in found], np.int32),
        labels=tuple(label for label, _, _ in found),
        masks=tuple(masks),
        image_size=SIZE,
    )


MUG, CAN = rectangle(10, 10, 20, 30), rectangle(45, 20, 20, 20)


def test_perfect_detections_reach_one() -> None:
    gold = truth([(0, "mug", MUG), (1, "can", CAN)])
    results = coco_results(detections([("mug", 0.9, MUG)]), 0, CATEGORIES)
    results += coco_results(detections([("can", 0.4, CAN)]), 1, CATEGORIES)
    summary = evaluate_results(gold, results)
    assert (summary["AP"], summary["AP50"], summary["AP75"]) == pytest.approx((1, 1, 1))
    assert summary["per_label"]["can"] == pytest.approx({"AP": 1, "AP50": 1, "AP75": 1})
    assert summary["box"]["AP"] == pytest.approx(1)
    assert (summary["images"], summary["instances"]) == (2, 2)
    assert "area" not in gold["annotations"][0]  # the caller's truth is left as it was


def test_nothing_found_and_wrong_labels_reach_zero() -> None:
    gold = truth([(0, "mug", MUG), (1, "can", CAN)])
    assert evaluate_results(gold, [])["AP"] == 0
    swapped = coco_results(detections([("can", 0.9, MUG)]), 0, CATEGORIES)
    assert evaluate_results(gold, swapped)["AP50"] == 0


def test_one_of_two_found_reaches_a_half() -> None:
    gold = truth([(0, "mug", MUG), (1, "mug", MUG)])
    results = coco_results(detections([("mug", 0.9, MUG)]), 0, CATEGORIES)
    summary = evaluate_results(gold, results)
    # Precision is 1 up to a recall of 0.50: 51 of the 101 recalls at which it is read.
    assert summary["AP"] == pytest.approx(51 / 101)
    assert summary["per_label"]["can"]["AP"] is None  # never annotated: no figure, not a zero


def test_masks_count_not_boxes() -> None:
    """A mask with IoU 0.6 and the right box: right at 0.50, 0.55 and 0.60 alone."""
    part = MUG.copy()
    part[12:38, 12:28][::1, 4:12] = False
    share = part.sum() / MUG.sum()
    assert 0.60 < share < 0.70
    gold = truth([(0, "mug", MUG)])
    summary = evaluate_results(gold, coco_results(detections([("mug", 0.9, part)]), 0, CATEGORIES))
    steps = np.count_nonzero(share >= np.arange(0.5, 1.0, 0.05) - 1e-9)
    assert summary["AP50"] == pytest.approx(1)
    assert summary["AP75"] == 0
    assert summary["AP"] == pytest.approx(steps / 10)
    assert summary["box"]["AP"] == pytest.approx(1)


def test_categories_not_taught_are_left_out_and_named() -> None:
    gold = truth([(0, "mug", MUG), (1, "can", CAN)])
    results = coco_results(detections([("mug", 0.9, MUG)]), 0, CATEGORIES)
    summary = evaluate_results(gold, results, labels=["mug"])
    assert summary["AP"] == pytest.approx(1)
    assert summary["not_taught"] == ["can"]
    assert set(summary["per_label"]) == {"mug"}
    with pytest.raises(AutomaskError, match="the annotations name can, mug, the model none"):
        evaluate_results(gold, results, labels=["spoon"])


class _FixedRuntime:
    """A network that sees one full mask in the middle of each picture, with score 0.8."""

    name = "fixed"

    def __call__(self, image: BGRImage, minimum: np.ndarray):  # noqa: ANN204
        height, width = image.shape[:2]
        # To RoIAlign pixel i lies at i, so its outer edge at i - 0.5.
        quarters = np.array([[width / 4, height / 4, 3 * width / 4, 3 * height / 4]], np.float32)
        box = quarters - np.float32(0.5)
        return box, np.array([0.8], np.float32), np.array([1]), np.ones((1, 28, 28), np.float32)


def test_evaluate_reads_images_by_name(tmp_path: Path) -> None:
    predictor = Predictor(_FixedRuntime(), {"mug": 1}, {}, 120)
    gold = truth([(0, "mug", rectangle(20, 15, 40, 30)), (1, "mug", rectangle(20, 15, 40, 30))])
    annotations = tmp_path / "truth.json"
    annotations.write_text(json.dumps(gold))
    cv2.imwrite(str(tmp_path / "0.png"), np.zeros((*SIZE, 3), np.uint8))
    with pytest.raises(AutomaskError, match="there is no picture '1.png' in"):
        evaluate(predictor, tmp_path, read_coco(annotations))
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((*SIZE, 3), np.uint8))
    steps = []
    summary, results = evaluate(predictor, tmp_path, read_coco(annotations), steps.append)
    assert len(results) == 2
    assert summary["AP"] == pytest.approx(1)
    assert summary["box"]["AP"] == pytest.approx(1)
    assert [(step.step, step.total) for step in steps] == [(1, 2), (2, 2)]


def test_each_object_is_found_once() -> None:
    found = detections([("mug", 0.9, MUG), ("mug", 0.7, MUG), ("can", 0.6, MUG)])
    judged = judge_detections(found, [("mug", MUG), ("can", CAN)])
    assert [each.right for each in judged] == [True, False, False]


def test_threshold_lies_between_right_and_wrong() -> None:
    scores = [(0.9, True), (0.8, True), (0.4, False), (0.35, False)]
    judged = [Judged("mug", score, right) for score, right in scores]
    assert choose_threshold(judged, 2) == pytest.approx(0.6)
    assert choose_threshold([], 2) == 0.5
    assert choose_threshold([Judged("mug", 0.2, False)], 2) == 0.5
    # All right and none wrong: half the least score, but not below what is allowed.
    assert choose_threshold(judged[:2], 2) == pytest.approx(0.4)
    assert choose_threshold([Judged("mug", 0.1, True)], 1) == 0.3
    point = working_point(judged, {"mug": 4}, {"mug": 0.38})["mug"]
    assert point["precision"] == pytest.approx(2 / 3)
    assert point["recall"] == pytest.approx(1 / 2)


def test_how_well_a_picture_is_matched() -> None:
    both = [("mug", MUG), ("can", CAN)]
    assert matched(detections([("mug", 0.9, MUG), ("can", 0.8, CAN)]), both) == 1
    assert matched(detections([]), both) == 0
    assert matched(detections([("can", 0.9, MUG)]), []) == 0
    # One right with all its pixels, one missed: 1 / (1 + 1/2); and one wrong beside it: 1 / 2.
    assert matched(detections([("mug", 0.9, MUG)]), both) == pytest.approx(2 / 3)
    wrong = detections([("mug", 0.9, MUG), ("mug", 0.8, CAN)])
    assert matched(wrong, both) == pytest.approx(1 / 2)
