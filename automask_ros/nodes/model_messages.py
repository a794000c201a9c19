"""Labels and models as vision_msgs."""

from __future__ import annotations

from collections.abc import Mapping

from builtin_interfaces.msg import Time
from std_msgs.msg import Header
from vision_msgs.msg import LabelInfo, VisionClass, VisionInfo

from automask_ros.nodes.serialized_messages import read_message


def to_label_info(labels: Mapping[str, int], threshold: float, stamp: Time) -> LabelInfo:
    """Which numeric id stands for which label, and the lowest score that is published."""
    message = LabelInfo(header=Header(stamp=stamp), threshold=threshold)
    message.class_map = [
        VisionClass(class_id=class_id, class_name=label)
        for label, class_id in sorted(labels.items(), key=lambda item: item[1])
    ]
    return message


def read_vision_info(serialized: bytes) -> VisionInfo:
    """A serialized vision_msgs/VisionInfo; AutomaskError when it is damaged."""
    message: VisionInfo = read_message(serialized, VisionInfo)
    return message


def to_vision_info(method: str, location: str, database_version: int, stamp: Time) -> VisionInfo:
    """Which model speaks: its method, its folder, and the number of promotions so far."""
    return VisionInfo(
        header=Header(stamp=stamp),
        method=method,
        database_location=location,
        database_version=database_version,
    )
