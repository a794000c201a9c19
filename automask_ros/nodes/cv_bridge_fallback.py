"""Pictures in an encoding that is not ours, through cv_bridge where it works.

Imports neither ROS nor cv_bridge before a picture asks for it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from automask_ros.errors import AutomaskError
from automask_ros.library.files import one_line
from automask_ros.library.image_file import check_size
from automask_ros.library.image_message import UnknownEncoding
from automask_ros.nodes.environment import probe

if TYPE_CHECKING:
    from sensor_msgs.msg import Image

    from automask_ros.nodes.serialized_images import SerializedImage

#: Converts one pixel. A cv_bridge that was built for another NumPy can be imported, and crashes.
TRIAL = """
import cv_bridge
from sensor_msgs.msg import Image
pixel = Image(encoding="rgba16", height=1, width=1, step=8, data=bytes(8))
cv_bridge.CvBridge().imgmsg_to_cv2(pixel, "bgr8")
print(cv_bridge.__file__)
"""
#: All encodings of sensor_msgs are shorter. cv_bridge matches a regular expression against the
#: name, which overflows the stack where somebody sends a long one.
_LONGEST_NAME = 32


@cache
def problem() -> str | None:
    """Why cv_bridge does not work here; None where it does.

    Found out once, which takes about a second, in a process that may crash.
    """
    try:
        probe(TRIAL)
    except AutomaskError as error:
        return str(error)
    return None


def convert(message: Image | SerializedImage, unknown: UnknownEncoding) -> np.ndarray:
    """The picture in a message as (H, W, 3) uint8 BGR; `unknown` is what we say of its encoding.

    AutomaskError: cv_bridge does not work here, does not take the encoding, or not the message.
    """
    if len(message.encoding) > _LONGEST_NAME:
        raise unknown
    reason = problem()
    if reason is not None:
        fitting = f"a cv_bridge that was built for NumPy {np.__version__}"
        raise UnknownEncoding(f"{unknown}; or install {fitting} (here: {reason})")
    height, width = message.height, message.width
    check_size(height, width, f"the {ascii(message.encoding)} image")
    from cv_bridge import CvBridge

    try:
        image = np.asarray(CvBridge().imgmsg_to_cv2(message, "bgr8"))
    except Exception as error:  # noqa: BLE001 - it lets through what NumPy and OpenCV raise
        raise UnknownEncoding(f"{unknown}; cv_bridge refuses it: {one_line(error)}") from error
    if image.shape != (height, width, 3) or image.dtype != np.uint8:
        # Where the step is too short it leaves out what does not fit.
        found = f"{image.shape} {image.dtype} of {width}x{height} with step {message.step}"
        raise UnknownEncoding(f"{unknown}; cv_bridge makes {found}; check the camera's driver")
    return image
