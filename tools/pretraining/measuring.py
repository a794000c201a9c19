"""How well the Mask R-CNN finds things in held-out clutter: mask AP with pycocotools."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import torch
from mask_rcnn_samples import to_tensors, without_specks
from pictures import Pictures, read_scene
from pycocotools import mask as rle
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torchvision.models.detection import MaskRCNN


@torch.no_grad()
def held_out_ap(model: MaskRCNN, pictures: Pictures, limit: int) -> tuple[float, float]:
    """Class-agnostic mask AP50 and AP over `limit` clutter scenes that are never trained on."""
    truth: dict[str, Any] = {
        "images": [],
        "annotations": [],
        "categories": [{"id": 1, "name": "object"}],
    }
    found: list[dict[str, Any]] = []
    for number, path in enumerate(pictures.held_out("clutter")[:limit], 1):
        image, ids = read_scene(path)
        pixels, target = to_tensors(image, without_specks(ids))
        height, width = ids.shape
        truth["images"].append({"id": number, "height": height, "width": width})
        for mask, box in zip(target["masks"].numpy(), target["boxes"].numpy(), strict=True):
            corners = [float(box[0]), float(box[1]), float(box[2] - box[0]), float(box[3] - box[1])]
            truth["annotations"].append(
                {
                    "id": len(truth["annotations"]) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "segmentation": _encoded(mask),
                    "area": int(mask.sum()),
                    "bbox": corners,
                    "iscrowd": 0,
                }
            )
        output = model([pixels])[0]
        for mask, score in zip(
            output["masks"][:, 0].numpy(), output["scores"].tolist(), strict=True
        ):
            found.append(
                {
                    "image_id": number,
                    "category_id": 1,
                    "segmentation": _encoded(mask > 0.5),
                    "score": score,
                }
            )
    return _score(truth, found)


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
