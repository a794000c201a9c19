"""`evaluate_masks` on a small library with masks whose figures can be worked out by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from automask_ros.errors import AutomaskError
from automask_ros.library.coco import CocoSet, encode_mask, read_coco
from automask_ros.library.library import Library
from automask_ros.segmentation.evaluation import evaluate_masks, mask_iou, rank_correlation
from automask_ros.types import Mask, Verdict

SHAPE = (20, 30)


def rows(count: int) -> np.ndarray:
    """A mask of that many full rows from the top: IoU of rows(a) and rows(b) is a / b, a <= b."""
    pixels = np.zeros(SHAPE, bool)
    pixels[:count] = True
    return pixels


def write_coco(path: Path, truths: dict[tuple[str, str], np.ndarray]) -> CocoSet:
    labels = sorted({label for label, _ in truths})
    images, annotations = [], []
    for index, ((label, stem), pixels) in enumerate(truths.items(), start=1):
        height, width = pixels.shape
        images.append({"id": index, "file_name": f"{stem}.jpg", "height": height, "width": width})
        annotations.append(
            {
                "id": index,
                "image_id": index,
                "category_id": labels.index(label) + 1,
                "segmentation": encode_mask(pixels),
                "iscrowd": 0,
            }
        )
    categories = [{"id": index, "name": label} for index, label in enumerate(labels, start=1)]
    content = {"images": images, "categories": categories, "annotations": annotations}
    path.write_text(json.dumps(content), encoding="utf-8")
    return read_coco(path)


def add(
    library: Library, label: str, stem: str, mask: np.ndarray | None, verdict: Verdict | None
) -> None:
    image = np.zeros((*SHAPE, 3), np.uint8)
    view = library.add_view(label, image, captured_at=1.0, source="test", view_id=stem)
    if mask is not None and verdict is not None:
        library.write_mask(view, Mask(mask, verdict), fcn="lite")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    library = Library(tmp_path / "library", create=True)
    add(library, "cup", "a", rows(10), Verdict(True, 0.9))  # IoU 1.0
    add(library, "cup", "b", rows(9), Verdict(True, 0.7))  # IoU 0.9
    add(library, "cup", "c", rows(5), Verdict(False, 0.4, ("boundary uncertain",)))  # IoU 0.5
    add(library, "can", "d", rows(7), Verdict(True, 0.8))  # IoU 0.7
    add(library, "can", "e", None, None)  # no mask: IoU 0
    add(library, "can", "unannotated", rows(1), Verdict(True, 1.0))
    return library


TRUTHS = {
    (label, stem): rows(10) for label, stem in zip(["cup"] * 3 + ["can"] * 2, "abcde", strict=True)
}


def test_figures(library: Library, tmp_path: Path) -> None:
    figures = evaluate_masks(library, write_coco(tmp_path / "truth.json", TRUTHS))
    assert (figures["views"], figures["drawn"]) == (5, 0)
    assert figures["mean_iou"] == pytest.approx((1.0 + 0.9 + 0.5 + 0.7 + 0.0) / 5)
    assert figures["share_above_080"] == pytest.approx(2 / 5)
    assert figures["accepted"]["share"] == pytest.approx(3 / 5)
    assert figures["accepted"]["mean_iou"] == pytest.approx((1.0 + 0.9 + 0.7) / 3)
    # Ranks of the scores .9 .7 .4 .8: 3 1 0 2; of the IoUs 1 .9 .5 .7: 3 2 0 1.
    assert figures["spearman"] == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert figures["per_label"] == {
        "can": {"mean_iou": pytest.approx(0.35)},
        "cup": {"mean_iou": pytest.approx(0.8)},
    }
    json.dumps(figures, allow_nan=False)


def test_a_vetoed_view_is_not_accepted(library: Library, tmp_path: Path) -> None:
    library.set_vetoed(library.view("cup", "a"), True)
    figures = evaluate_masks(library, write_coco(tmp_path / "truth.json", TRUTHS))
    assert figures["accepted"]["share"] == pytest.approx(2 / 5)


def test_what_a_person_drew_is_not_measured(library: Library, tmp_path: Path) -> None:
    coco = write_coco(tmp_path / "truth.json", TRUTHS)
    library.write_drawn_mask(library.view("cup", "c"), rows(10))
    figures = evaluate_masks(library, coco)
    assert (figures["views"], figures["drawn"]) == (4, 1)
    assert figures["mean_iou"] == pytest.approx((1.0 + 0.9 + 0.7 + 0.0) / 4)
    for label, stem in TRUTHS:
        library.write_drawn_mask(library.view(label, stem), rows(10))
    with pytest.raises(AutomaskError, match="all 5 masks .* were drawn by a person"):
        evaluate_masks(library, coco)


def test_without_masks_there_are_no_means_over_nothing(tmp_path: Path) -> None:
    library = Library(tmp_path / "library", create=True)
    add(library, "cup", "a", None, None)
    figures = evaluate_masks(library, write_coco(tmp_path / "t.json", {("cup", "a"): rows(3)}))
    assert figures["mean_iou"] == 0
    assert figures["accepted"] == {"share": 0.0, "mean_iou": None}
    assert figures["spearman"] is None


def test_nothing_matches(library: Library, tmp_path: Path) -> None:
    coco = write_coco(tmp_path / "truth.json", {("cup", "z"): rows(3)})
    with pytest.raises(AutomaskError, match="no view of .* is annotated in .*truth.json"):
        evaluate_masks(library, coco)


def test_another_size_is_named(library: Library, tmp_path: Path) -> None:
    coco = write_coco(tmp_path / "truth.json", {("cup", "a"): np.ones((10, 10), bool)})
    with pytest.raises(AutomaskError, match="annotated at 10x10, but the view has 30x20"):
        evaluate_masks(library, coco)


def test_iou() -> None:
    assert mask_iou(rows(5), rows(10)) == 0.5
    assert mask_iou(rows(0), rows(0)) == 1.0
    assert mask_iou(rows(0), rows(1)) == 0.0


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([1, 2, 3], [10, 20, 90], 1.0),
        ([1, 2, 3], [3, 2, 1], -1.0),
        # Ties share a rank: 0.5 0.5 2 3 against 0 1 2 3.
        ([5, 5, 6, 7], [1, 2, 3, 4], 4.5 / np.sqrt(4.5 * 5)),
        ([1, 1], [1, 2], None),
        ([1], [1], None),
    ],
)
def test_rank_correlation(first: list[float], second: list[float], expected: float | None) -> None:
    found = rank_correlation(np.array(first), np.array(second))
    assert found == (None if expected is None else pytest.approx(expected))
