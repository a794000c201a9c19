"""IoU of the lite FCN alone (threshold, largest blob) with people's polygons on photographs.

    python measure_photographs.py --weights lite_fcn.safetensors --images DIR --annotations
    COCO.json

To know how well rendered pictures prepare for real ones: never to train on, never to choose by.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import torch
from backbone import load_lite
from fcn_samples import to_tensors
from pictures import read_image
from pycocotools.coco import COCO

from automask_ros.segmentation.fcn import LiteFCN


def main() -> None:
    """Logs mean IoU and the share above 0.8, for all photographs and per label."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--annotations", type=Path, required=True)
    parser.add_argument(
        "--input-size", type=int, default=320, help="longer side, as the network sees it"
    )
    parser.add_argument("--every", type=int, default=1, help="measure on every n-th photograph")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    model = load_lite(options.weights)
    coco = COCO(str(options.annotations))
    values: dict[str, list[float]] = defaultdict(list)
    for number in sorted(coco.getImgIds())[:: options.every]:
        annotations = coco.loadAnns(coco.getAnnIds(imgIds=number))
        wanted = np.any([coco.annToMask(row) > 0 for row in annotations], axis=0)
        image = read_image(options.images / coco.loadImgs(number)[0]["file_name"])
        found = largest_blob(logits(model, image, options.input_size) > 0)
        label = coco.loadCats(annotations[0]["category_id"])[0]["name"]
        values[label].append(float((found & wanted).sum() / (found | wanted).sum()))
    figures = summary(values)
    logging.info(json.dumps(figures, indent=1))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


@torch.inference_mode()
def logits(model: LiteFCN, image: np.ndarray, input_size: int) -> np.ndarray:
    """(H, W) float32 of an (H, W, 3) uint8 BGR picture."""
    height, width = image.shape[:2]
    scale = input_size / max(height, width)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(image, (round(width * scale), round(height * scale)), interpolation=way)
    pixels, _ = to_tensors([(small, np.zeros(small.shape[:2], bool))])
    return cv2.resize(model(pixels)[0, 0].numpy(), (width, height))


def largest_blob(mask: np.ndarray) -> np.ndarray:
    """The largest connected region of a bool mask."""
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 2:
        return mask
    return labels == 1 + int(statistics[1:, cv2.CC_STAT_AREA].argmax())


def summary(values: dict[str, list[float]]) -> dict[str, object]:
    """The figures of a report."""
    everything = np.concatenate([np.asarray(rows) for rows in values.values()])
    return {
        "photographs": len(everything),
        "mean_iou": round(float(everything.mean()), 4),
        "share_above_080": round(float((everything > 0.8).mean()), 4),
        "per_label": {
            label: round(float(np.mean(rows)), 4) for label, rows in sorted(values.items())
        },
    }


if __name__ == "__main__":
    main()
