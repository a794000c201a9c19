"""Mask and box average precision by pycocotools, of a predictor or of results from elsewhere."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as run_lengths
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from automask_ros.detection.prediction import Predictor
from automask_ros.errors import AutomaskError
from automask_ros.library.coco import CocoSet, encode_mask
from automask_ros.library.coco_names import find_picture
from automask_ros.library.image_file import read_image
from automask_ros.types import Detections, Progress, ProgressCallback

Summary = dict[str, Any]
Result = dict[str, Any]

_log = logging.getLogger(__name__)
_MOST_DETECTIONS = 100


def evaluate(
    predictor: Predictor,
    images_dir: Path,
    coco: CocoSet,
    progress: ProgressCallback | None = None,
) -> tuple[Summary, list[Result]]:
    """Average precision of `predictor` on the images of a COCO file, and its results.

    The summary has ``AP``, ``AP50``, ``AP75`` (masks), the same ``per_label`` and under ``box``,
    ``precision_at_recall`` (per label, at IoU 0.50, for recalls of 0, 0.01 ... 1)
    and ``not_taught``: the categories that the model does not know, which are left out.
    AutomaskError when an image is missing or no category is known.
    """
    categories = {label: number for number, label in coco.categories.items()}
    results: list[Result] = []
    for number, entry in enumerate(coco.images.values(), start=1):
        found = predictor.detect_all(read_image(find_picture(images_dir, entry)))
        results += coco_results(found, entry.id, categories)
        if progress is not None:
            progress(Progress("evaluate", number, len(coco.images)))
    return evaluate_results(coco.to_dict(), results, labels=predictor.labels), results


def evaluate_results(
    truth: Mapping[str, Any], results: list[Result], labels: Iterable[str] | None = None
) -> Summary:
    """Average precision of COCO `results` against COCO `truth` (a parsed file; left unchanged).

    Only the categories in `labels` count, all of them when None; a category without an
    annotation has None for its figures and does not count in the means.
    """
    wanted = {category["name"] for category in truth["categories"]}
    taught = wanted if labels is None else wanted & set(labels)
    if not taught:
        raise AutomaskError(
            f"the annotations name {', '.join(sorted(wanted)) or 'no category'}, the model none of "
            "them; teach these labels or rename the categories"
        )
    left_out = sorted(wanted - taught)
    if left_out:
        _log.warning("categories not taught, left out: %s", ", ".join(left_out))
    ids = {c["name"]: c["id"] for c in truth["categories"] if c["name"] in taught}
    summary: Summary = _figures(truth, results, ids, "segm")
    summary["box"] = _figures(truth, results, ids, "bbox")
    kept = [a for a in truth["annotations"] if a["category_id"] in ids.values()]
    return summary | {
        "images": len(truth["images"]),
        "instances": len(kept),
        "not_taught": left_out,
    }


def coco_results(found: Detections, image_id: int, categories: Mapping[str, int]) -> list[Result]:
    """`found` as COCO results; labels without a category are left out."""
    return [
        {
            "image_id": image_id,
            "category_id": categories[label],
            "bbox": [float(x1), float(y1), float(x2 - x1), float(y2 - y1)],
            "segmentation": encode_mask(found.mask(index)),
            "score": float(found.scores[index]),
        }
        for index, (label, (x1, y1, x2, y2)) in enumerate(
            zip(found.labels, found.boxes, strict=True)
        )
        if label in categories
    ]


def _figures(
    truth: Mapping[str, Any], results: list[Result], ids: Mapping[str, int], kind: str
) -> Summary:
    """AP, AP50, AP75 of masks ('segm') or boxes ('bbox'), over all of `ids` and per label."""
    known = set(ids.values())
    data = copy.deepcopy(
        {
            "info": {},
            "images": truth["images"],
            "categories": [c for c in truth["categories"] if c["id"] in known],
            "annotations": [a for a in truth["annotations"] if a["category_id"] in known],
        }
    )
    mine = copy.deepcopy([result for result in results if result["category_id"] in known])
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools talks
        gold = COCO()
        gold.dataset = data
        gold.createIndex()
        for annotation in data["annotations"]:
            _complete(gold, annotation)
        measured = COCOeval(gold, gold.loadRes(mine) if mine else COCO(), kind)
        measured.params.imgIds = sorted(image["id"] for image in data["images"])
        measured.params.catIds = sorted(known)
        measured.params.maxDets = [1, 10, _MOST_DETECTIONS]
        measured.evaluate()
        measured.accumulate()
    # (10 IoU thresholds, 101 recalls, categories, areas, detections); -1 where nothing is known.
    precision = measured.eval["precision"][:, :, :, 0, -1]
    per_label = {
        label: _measures(precision[:, :, measured.params.catIds.index(number)])
        for label, number in ids.items()
    }
    curves = {
        label: _curve(precision[0, :, measured.params.catIds.index(number)])
        for label, number in ids.items()
    }
    return _measures(precision) | {"per_label": per_label, "precision_at_recall": curves}


def _measures(precision: np.ndarray) -> dict[str, float | None]:
    """AP over all IoU thresholds, at 0.50 and at 0.75; None where nothing was annotated."""
    slices = {"AP": precision, "AP50": precision[0], "AP75": precision[5]}
    known = {name: values[values > -1] for name, values in slices.items()}
    return {name: float(values.mean()) if values.size else None for name, values in known.items()}


def _curve(precision: np.ndarray) -> list[float]:
    """Precision at IoU 0.50 for recalls of 0, 0.01 ... 1; empty where nothing was annotated."""
    return [round(float(value), 4) for value in precision] if (precision > -1).all() else []


def _complete(gold: COCO, annotation: dict[str, Any]) -> None:
    """Add what pycocotools needs and some files leave out."""
    annotation.setdefault("iscrowd", 0)
    if "area" not in annotation or "bbox" not in annotation:
        encoded = gold.annToRLE(annotation)
        annotation.setdefault("area", float(run_lengths.area(encoded)))
        annotation.setdefault("bbox", [float(side) for side in run_lengths.toBbox(encoded)])
