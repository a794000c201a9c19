"""A camera's own description, read from what anybody may have sent."""

from __future__ import annotations

from sensor_msgs.msg import CameraInfo

from automask_ros.library.message_faults import BadMessage, Fault
from automask_ros.nodes.serialized_images import LONGEST_TEXT
from automask_ros.nodes.serialized_messages import read_message

MOST_COEFFICIENTS = 64
"""Numbers in D; the richest model of a lens has 14. They are written beside every view."""


def read_camera_info(serialized: bytes) -> CameraInfo:
    """A serialized sensor_msgs/CameraInfo; AutomaskError when it is damaged or no camera's."""
    info: CameraInfo = read_message(serialized, CameraInfo)
    longest = max(len(info.header.frame_id), len(info.distortion_model))
    if longest > LONGEST_TEXT:
        raise BadMessage(
            f"a CameraInfo holds a text of {longest} letters, where up to {LONGEST_TEXT} are "
            "taken; check who publishes it",
            Fault.TEXT,
        )
    if len(info.d) > MOST_COEFFICIENTS:
        raise BadMessage(
            f"a CameraInfo has {len(info.d)} distortion coefficients, where up to "
            f"{MOST_COEFFICIENTS} are taken; check who publishes it",
            Fault.CAMERA,
        )
    return info
