"""Detections as a subscriber reads them: from the two topics to COCO results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

from automask_ros.errors import AutomaskError
from automask_ros.library.coco import encode_mask

_BYTES_OF = {"mono8": 1, "mono16": 2}


def read_instances(message: Image) -> np.ndarray:
    """The `instances` picture as ``(H, W)`` uint8 or uint16; 0 is background.

    AutomaskError when it is neither mono8 nor mono16, or holds fewer bytes than its header says.
    """
    if message.encoding not in _BYTES_OF:
        raise AutomaskError(f"instances come as {message.encoding}, not as mono8 or mono16")
    size, length = _BYTES_OF[message.encoding], message.height * message.step
    if len(message.data) < length or message.step < message.width * size:
        raise AutomaskError("instances hold fewer bytes than their header says")
    rows = np.frombuffer(message.data, np.uint8, length).reshape(message.height, message.step)
    order = ">" if message.is_bigendian else "<"
    return rows[:, : message.width * size].copy().view(f"{order}u{size}")


def to_coco_results(
    detections: Detection2DArray, instances: Image, image_id: int, categories: Mapping[str, int]
) -> list[dict[str, Any]]:
    """COCO results of one image: detection ``i`` with the mask ``instances == i + 1``.

    Labels without a category are left out.
    """
    pixels = read_instances(instances)
    results = []
    for index, detection in enumerate(detections.detections):
        hypothesis, box = detection.results[0].hypothesis, detection.bbox
        if hypothesis.class_id not in categories:
            continue
        left = box.center.position.x - box.size_x / 2
        top = box.center.position.y - box.size_y / 2
        results.append(
            {
                "image_id": image_id,
                "category_id": categories[hypothesis.class_id],
                "bbox": [left, top, box.size_x, box.size_y],
                "segmentation": encode_mask(pixels == index + 1),
                "score": hypothesis.score,
            }
        )
    return results
