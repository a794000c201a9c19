"""Detections, labels and models as vision_msgs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from builtin_interfaces.msg import Time
from std_msgs.msg import Header
from vision_msgs.msg import (
    Detection2D,
    Detection2DArray,
    LabelInfo,
    ObjectHypothesisWithPose,
    VisionClass,
    VisionInfo,
)

from automask_ros.types import Detections


def to_detection_array(
    detections: Detections, header: Header, ids: Sequence[str] = ()
) -> Detection2DArray:
    """Detections in their order, under the source image's own header.

    `class_id` is the label itself; boxes are in pixels, a pixel's corner being at its integer.
    `ids` are those of a tracker, one per detection; without any every `id` stays empty.
    """
    ids = ids or [""] * len(detections)
    message = Detection2DArray(header=header)
    boxes, scores = detections.boxes.tolist(), detections.scores.tolist()
    for box, score, label, track in zip(boxes, scores, detections.labels, ids, strict=True):
        message.detections.append(_to_detection(box, score, label, track, header))
    return message


def _to_detection(
    box: list[float], score: float, label: str, track: str, header: Header
) -> Detection2D:
    left, top, right, bottom = box
    detection = Detection2D(header=header, id=track)
    detection.bbox.center.position.x = (left + right) / 2
    detection.bbox.center.position.y = (top + bottom) / 2
    detection.bbox.size_x = right - left
    detection.bbox.size_y = bottom - top
    result = ObjectHypothesisWithPose()
    result.hypothesis.class_id = label
    result.hypothesis.score = score
    detection.results.append(result)
    return detection


def to_label_info(labels: Mapping[str, int], threshold: float, stamp: Time) -> LabelInfo:
    """Which numeric id stands for which label, and the lowest score that is published."""
    message = LabelInfo(header=Header(stamp=stamp), threshold=threshold)
    message.class_map = [
        VisionClass(class_id=class_id, class_name=label)
        for label, class_id in sorted(labels.items(), key=lambda item: item[1])
    ]
    return message


def to_vision_info(method: str, location: str, database_version: int, stamp: Time) -> VisionInfo:
    """Which model speaks: its method, its folder, and the number of promotions so far."""
    return VisionInfo(
        header=Header(stamp=stamp),
        method=method,
        database_location=location,
        database_version=database_version,
    )
