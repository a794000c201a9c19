"""A recording's camera messages, as they were recorded, ready to be published again.

Messages stay serialized: ROS 2 records and publishes the same bytes, so what was recorded is what
subscribers get.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
from builtin_interfaces.msg import Time
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import QoSProfile, QoSReliabilityPolicy
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from automask_ros.errors import AutomaskError
from automask_ros.library.image_message import camera_info_topic
from automask_ros.library.recording import Recording
from automask_ros.nodes.image_messages import to_array, to_compressed_message, to_message
from automask_ros.nodes.serialized_stamp import nanoseconds_of, read_stamp, with_stamp

RAW = "raw"
COMPRESSED = "compressed"

_IMAGE_TYPES = {RAW: Image, COMPRESSED: CompressedImage}
_TRANSPORTS = {"sensor_msgs/msg/Image": RAW, "sensor_msgs/msg/CompressedImage": COMPRESSED}
_JPEG_QUALITY = 95
_QUEUE = 10
"""Pictures that are kept for a reliable subscriber."""


@dataclass(frozen=True)
class RecordedMessage:
    """One serialized message: a picture, or the camera_info that goes with pictures."""

    is_image: bool
    data: bytes

    @property
    def stamp(self) -> Time:
        """The header's stamp."""
        return read_stamp(self.data)

    @property
    def stamp_ns(self) -> int:
        """The header's stamp in nanoseconds."""
        return nanoseconds_of(self.stamp)

    def restamped(self, stamp: Time) -> RecordedMessage:
        """The same message, with another stamp in its header."""
        return RecordedMessage(self.is_image, with_stamp(self.data, stamp))


class RecordedCamera:
    """The pictures of one topic of a recording and their camera_info, in recorded order."""

    def __init__(self, path: Path, topic: str | None = None) -> None:
        """Open a recording; AutomaskError when it is none, or when the topic is unclear."""
        self._recording = Recording(path, topic)
        self.path = self._recording.path
        self.topic = self._recording.topic
        self.transport = _TRANSPORTS[self._recording.kind]

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self._recording)

    def __iter__(self) -> Iterator[RecordedMessage]:
        for message in self._recording.messages():
            yield RecordedMessage(message.topic == self.topic, message.data)


class CameraPublisher:
    """Publishes recorded messages as a camera does: `image` (or `image/compressed`), `camera_info`.

    A remapping of `image` holds for both transports and for the camera_info beside it. Reliable,
    and never so many ahead that one would leave the queue unsent: a subscriber who asks for
    reliability gets every frame, unless it stands still.
    """

    def __init__(self, node: Node, recorded: str, transport: str) -> None:
        """`recorded` is how the messages come, `transport` how they shall travel."""
        self._recorded, self._transport = recorded, transport
        base = node.resolve_topic_name("image")
        self.topic = base if transport == RAW else f"{base}/compressed"
        self._ahead = 0
        qos = QoSProfile(depth=_QUEUE, reliability=QoSReliabilityPolicy.RELIABLE)
        self.image = node.create_publisher(_IMAGE_TYPES[transport], self.topic, qos)
        self.info = node.create_publisher(CameraInfo, camera_info_topic(self.topic), qos)

    def publish(self, message: RecordedMessage) -> None:
        """Publish a message; the bytes go out as they are unless the transport changes."""
        if not message.is_image:
            self.info.publish(message.data)
            return
        self._ahead += 1
        if self._ahead > _QUEUE // 2:
            self.wait_for_reliable(1.0)
        if self._recorded == self._transport:
            self.image.publish(message.data)
        else:
            picture = deserialize_message(message.data, _IMAGE_TYPES[self._recorded])
            self.image.publish(_converted(picture, self._transport))

    def wait_for_reliable(self, seconds: float) -> None:
        """Wait until subscribers that ask for reliability have every picture, but not for ever."""
        self.image.wait_for_all_acked(Duration(seconds=seconds))
        self._ahead = 0


def _converted(picture: Image | CompressedImage, transport: str) -> Image | CompressedImage:
    pixels = to_array(picture)
    if transport == RAW:
        return to_message(pixels, picture.header)
    done, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not done:
        raise AutomaskError(f"cannot compress a picture of {pixels.shape}; replay it raw")
    return to_compressed_message(data.tobytes(), "jpeg", picture.header)
