#!/usr/bin/env python3
"""Cut a detected object out of the camera's picture, and save it with a transparent background.

    python3 save_crop.py mug --output mug.png --ros-args -r image:=/camera/image_raw

Picture, detections and instances belong together by their stamps, which are exactly the same.
Exit code: 0 when a crop was saved, 1 when not.
"""

import argparse
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import rclpy
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

KEPT = 60  # pictures that wait for their detections: two seconds of a fast camera
# Best effort takes any camera; the detector's own topics are reliable.
TOPICS: dict[str, tuple[Any, Any]] = {
    "image": (Image, qos_profile_sensor_data),
    "detector/detections": (Detection2DArray, 10),
    "detector/instances": (Image, 10),
}
TO_BGR = {
    "bgr8": (3, None),
    "rgb8": (3, cv2.COLOR_RGB2BGR),
    "bgra8": (4, cv2.COLOR_BGRA2BGR),
    "rgba8": (4, cv2.COLOR_RGBA2BGR),
    "mono8": (1, cv2.COLOR_GRAY2BGR),
}


class CropSaver(Node):
    """Waits for a picture in which the object was found.

    Where the package message_filters is there, its TimeSynchronizer does what _take does.
    """

    def __init__(self, label: str) -> None:
        super().__init__("save_crop")
        self.crop: NDArray[np.uint8] | None = None
        self.corner = 0, 0  # x, y of the crop in the picture
        self._label = label
        self.silent = {topic: self.resolve_topic_name(topic) for topic in TOPICS}
        self._waiting: dict[tuple[int, int], dict[str, Any]] = {}
        for topic, (kind, qos) in TOPICS.items():
            self.create_subscription(kind, topic, partial(self._take, topic), qos)

    def _take(self, topic: str, message: Image | Detection2DArray) -> None:
        self.silent.pop(topic, None)
        stamp = (message.header.stamp.sec, message.header.stamp.nanosec)
        together = self._waiting.setdefault(stamp, {})
        together[topic] = message
        if len(together) == 3:
            del self._waiting[stamp]
            self.crop = self._cut(*(together[name] for name in TOPICS))
        elif len(self._waiting) > KEPT:
            del self._waiting[next(iter(self._waiting))]  # the oldest

    def _cut(
        self, image: Image, detections: Detection2DArray, instances: Image
    ) -> NDArray[np.uint8] | None:
        """The surest object of the label, (H, W, 4) uint8 BGRA; None where there is none."""
        labels = [each.results[0].hypothesis.class_id for each in detections.detections]
        if self._label not in labels:
            return None
        # Pixel value i of `instances` belongs to detections[i-1]; 0 is background.
        mask = picture_of(instances, "u2", 1)[:, :, 0] == labels.index(self._label) + 1
        if not mask.any():
            return None  # another object lies on top of all of it
        bgra = cv2.cvtColor(to_bgr(image), cv2.COLOR_BGR2BGRA)
        bgra[:, :, 3] = 255 * mask
        left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
        self.corner = left, top
        return np.asarray(bgra[top : top + height, left : left + width])


def picture_of(message: Image, value: str, channels: int) -> NDArray[Any]:
    """The pixels of a message, (H, W, channels) of `value` "u1" or "u2"; rows may be padded."""
    kind = np.dtype((">" if message.is_bigendian else "<") + value)
    rows = np.frombuffer(message.data, np.uint8).reshape(message.height, message.step)
    used = rows[:, : message.width * channels * kind.itemsize].copy()
    return used.view(kind).reshape(message.height, message.width, channels)


def to_bgr(message: Image) -> NDArray[Any]:
    """A camera's picture as (H, W, 3) uint8 BGR; cv_bridge knows more encodings."""
    if message.encoding not in TO_BGR:
        sys.exit(f"pictures come as {message.encoding}, which this example cannot read")
    channels, code = TO_BGR[message.encoding]
    picture = picture_of(message, "u1", channels)
    return picture if code is None else cv2.cvtColor(picture, code)


def save(node: CropSaver, options: argparse.Namespace) -> int:
    """Save the first crop, if one comes in time; the exit code."""
    output = options.output or Path(f"{options.label}.png")
    until = time.monotonic() + options.timeout
    while node.crop is None and time.monotonic() < until:
        rclpy.spin_once(node, timeout_sec=0.1)
    if node.crop is None:
        nothing = f"; nothing came on {', '.join(node.silent.values())}" if node.silent else ""
        print(f"no {options.label} within {options.timeout:g} s{nothing}", file=sys.stderr)
        return 1
    if not cv2.imwrite(str(output), node.crop):
        print(f"{output} cannot be written", file=sys.stderr)
        return 1
    height, width = node.crop.shape[:2]
    print(f"{output}: {width} x {height} pixels, cut out at {node.corner[0]} {node.corner[1]}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("label", help="the name under which the object was taught")
    parser.add_argument("--output", type=Path, help="PNG file (default: LABEL.png)")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds (default: 60)")
    options = parser.parse_args(remove_ros_args(sys.argv)[1:])
    # Ctrl-C stays Python's own: it arrives between two callbacks, and not inside ROS.
    try:
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        return save(CropSaver(options.label), options)
    except KeyboardInterrupt:
        return 130
    finally:
        rclpy.try_shutdown()


if __name__ == "__main__":
    sys.exit(main())
