"""How well the Mask R-CNN finds things of any class: mask AP with pycocotools."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from mask_rcnn_samples import to_tensors, without_specks
from pictures import Pictures, read_scene
from pycocotools import mask as rle
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torchvision.models.detection import MaskRCNN

from automask_ros.detection.base_models import CLASS_AGNOSTIC
from automask_ros.detection.evaluation import coco_results
from automask_ros.detection.prediction import Predictor


def held_out_ap(model: MaskRCNN, pictures: Pictures, limit: int) -> tuple[float, float]:
    """Class-agnostic mask AP50 and AP over `limit` clutter scenes that are never trained on."""
    scenes = (read_scene(path) for path in pictures.held_out("clutter")[:limit])
    return class_agnostic_ap(model, ((image, without_specks(ids)) for image, ids in scenes))


@torch.no_grad()
def class_agnostic_ap(
    model: MaskRCNN, pairs: Iterable[tuple[np.ndarray, np.ndarray]]
) -> tuple[float, float]:
    """Mask AP50 and AP over pictures (H, W, 3) BGR and their ids (H, W), 0 = background."""
    truth: dict[str, Any] = {"images": [], "annotations": [], "categories": [{"id": 1}]}
    found: list[dict[str, Any]] = []
    predictor = Predictor.from_model(model, {CLASS_AGNOSTIC: 1})
    for number, (image, ids) in enumerate(pairs, 1):
        _, target = to_tensors(image, ids)
        truth["images"].append({"id": number, "height": ids.shape[0], "width": ids.shape[1]})
        truth["annotations"] += _annotations(target, number, 1 + len(truth["annotations"]))
        detections = predictor.detect_all(image)
        found += coco_results(detections, number, {CLASS_AGNOSTIC: 1})
    return _score(truth, found)


def _annotations(target: dict[str, Any], image: int, first: int) -> list[dict[str, Any]]:
    """COCO annotations of torchvision's target, numbered from `first`."""
    rows = []
    pairs = zip(target["masks"].numpy(), target["boxes"].tolist(), strict=True)
    for number, (mask, (left, top, right, bottom)) in enumerate(pairs, first):
        rows.append(
            {
                "id": number,
                "image_id": image,
                "category_id": 1,
                "segmentation": _encoded(mask),
                "area": int(mask.sum()),
                "bbox": [left, top, right - left, bottom - top],
                "iscrowd": 0,
            }
        )
    return rows


def _encoded(mask: np.ndarray) -> dict[str, Any]:
    return rle.encode(np.asfortranarray(mask.astype(np.uint8)))


def _score(truth: dict[str, Any], found: list[dict[str, Any]]) -> tuple[float, float]:
    if not found or not truth["annotations"]:
        return float("nan"), float("nan")
    coco = COCO()
    coco.dataset = truth
    # pycocotools prints; a log has no use for it.
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(found), "segm")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[1]), float(evaluation.stats[0])
