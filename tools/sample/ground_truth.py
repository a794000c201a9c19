"""Exact instance masks: from the index render to COCO annotations."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from camera import HEIGHT, WIDTH
from plans import LABELS
from pycocotools import mask as coco_mask

MIN_PIXELS = 100
MIN_VISIBLE = 0.15


def silhouette_area(pixels: np.ndarray, triangles: np.ndarray) -> int:
    """Pixels that an object would cover if nothing hid it, also beyond the image border.

    pixels: projected vertices (N, 2); triangles: vertex indices (M, 3).
    """
    low = np.floor(pixels.min(0)).astype(int) - 2
    size = np.ceil(pixels.max(0)).astype(int) + 2 - low
    if size.max() > 6000:
        raise ValueError("an object passes too near to the camera")
    canvas = np.zeros((size[1], size[0]), np.uint8)
    for corners in np.round((pixels - low)[triangles] * 16).astype(np.int32):
        cv2.fillConvexPoly(canvas, corners, 1, cv2.LINE_8, 4)
    return int(canvas.sum())


def annotation(
    instance: dict[str, Any], index_map: np.ndarray, image_id: int, number: int
) -> dict[str, Any] | None:
    """One COCO annotation with the visible pixels, or None when nothing of the instance is seen.

    Below MIN_PIXELS visible pixels or MIN_VISIBLE of the silhouette it becomes `iscrowd` 1: a
    detection there counts neither for nor against.
    """
    mask = index_map == instance["index"]
    area = int(mask.sum())
    if area == 0:
        return None
    visible = min(1.0, area / max(1, instance["silhouette"]))
    encoded = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {
        "id": number,
        "image_id": image_id,
        "category_id": LABELS.index(instance["label"]) + 1,
        "segmentation": {"size": [HEIGHT, WIDTH], "counts": encoded["counts"].decode("ascii")},
        "bbox": [float(v) for v in coco_mask.toBbox(encoded)],
        "area": area,
        "iscrowd": int(area < MIN_PIXELS or visible < MIN_VISIBLE),
        "view": {**instance["view"], "pose": instance["pose"], "visible": round(visible, 3)},
    }


def coco_set(
    sequence: str, frames: list[tuple[int, int, list[dict[str, Any]], np.ndarray]]
) -> dict[str, Any]:
    """COCO from frames of (index, stamp in ns, instances, index map (H, W) uint8)."""
    images, annotations = [], []
    for index, stamp, instances, index_map in frames:
        image_id = index + 1
        images.append(
            {
                "id": image_id,
                "file_name": f"{sequence}_{index:04d}.jpg",
                "width": WIDTH,
                "height": HEIGHT,
                "stamp_ns": stamp,
            }
        )
        for instance in instances:
            entry = annotation(instance, index_map, image_id, len(annotations) + 1)
            if entry is not None:
                annotations.append(entry)
    return {
        "info": {
            "description": f"automask_ros sample, {sequence}: visible pixels, rendered",
            "version": "1",
        },
        "licenses": [
            {"id": 1, "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"}
        ],
        "categories": [
            {"id": i + 1, "name": label, "supercategory": "object"}
            for i, label in enumerate(LABELS)
        ],
        "images": images,
        "annotations": annotations,
    }
