"""Class-agnostic mask AP of the lite Mask R-CNN on photographs with people's polygons.

    python measure_mask_rcnn.py --weights lite_mask_rcnn.safetensors --images DIR \\
        --annotations COCO.json

Without any teaching: how much of "object" it brings along. Never to train on, never to choose by.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from measuring import class_agnostic_ap
from pictures import read_image
from pycocotools.coco import COCO

from automask_ros.detection.base_models import build, load_checkpoint


def main() -> None:
    """Logs AP50 and AP."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--annotations", type=Path, required=True)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    model = build(load_checkpoint(options.weights))
    ap50, ap = class_agnostic_ap(model, _photographs(options.images, options.annotations))
    logging.info(json.dumps({"AP50": round(ap50, 4), "AP": round(ap, 4)}))


def _photographs(images: Path, annotations: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    coco = COCO(str(annotations))
    for number in sorted(coco.getImgIds()):
        row = coco.loadImgs(number)[0]
        ids = np.zeros((row["height"], row["width"]), np.uint8)
        for place, polygon in enumerate(coco.loadAnns(coco.getAnnIds(imgIds=number)), 1):
            ids[coco.annToMask(polygon) > 0] = place
        yield read_image(images / row["file_name"]), ids


if __name__ == "__main__":
    main()
