"""Serialized messages of cameras, as the middleware brings them: nobody has looked at them."""

from __future__ import annotations

from contextlib import suppress

import cv2
import numpy as np
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage
from std_msgs.msg import Header

from automask_ros.errors import AutomaskError
from automask_ros.library.depth_message import decode_depth
from automask_ros.library.image_rows import fields_of
from automask_ros.nodes.depth_subscription import camera_of, read_camera_info
from automask_ros.nodes.image_messages import to_array
from automask_ros.nodes.recent_messages import RecentMessages
from automask_ros.nodes.serialized_images import read_compressed_image, read_image, write_image

_PICTURE = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)


def seeds() -> list[bytes]:
    """A raw picture, a compressed one, and a camera_info."""
    header = Header(frame_id="eye")
    jpeg = cv2.imencode(".jpg", _PICTURE)[1].tobytes()
    info = CameraInfo(header=header, height=6, width=8, distortion_model="plumb_bob", d=[0.0] * 5)
    info.k = np.array([8.0, 0, 4, 0, 8, 3, 0, 0, 1])
    messages = [CompressedImage(header=header, format="jpeg", data=jpeg), info]
    return [write_image(_PICTURE, header), *map(serialize_message, messages)]


def check(data: bytes) -> bool:
    """The same bytes as each kind of message."""
    taken = False
    with suppress(AutomaskError):
        RecentMessages().put(data)
    for read in (read_image, read_compressed_image):
        with suppress(AutomaskError):
            message = read(data)
            assert len(message.data) <= len(data) and len(message.header.frame_id) <= len(data)
            picture = to_array(message)
            assert picture.ndim == 3 and picture.shape[2] == 3 and picture.dtype == np.uint8
            taken = True
    with suppress(AutomaskError):
        depth = decode_depth(*fields_of(read_image(data)))
        assert depth.ndim == 2 and depth.dtype == np.float32
        taken = True
    with suppress(AutomaskError):
        assert camera_of(read_camera_info(data), (6, 8)).fx > 0
        taken = True
    return taken
