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
from rclpy.node import Node
from rclpy.qos import QoSProfile, QoSReliabilityPolicy
from rclpy.serialization import deserialize_message
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore
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
_CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
_JPEG_QUALITY = 95


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
        recording = Recording(path, topic)
        self.path = recording.path
        self.topic = recording.topic
        self._length = len(recording)
        with AnyReader([self.path], default_typestore=get_typestore(Stores.ROS2_JAZZY)) as reader:
            self.transport = next(
                _TRANSPORTS[connection.msgtype]
                for connection in reader.connections
                if connection.topic == self.topic
            )

    def __len__(self) -> int:
        """How many pictures there are."""
        return self._length

    def __iter__(self) -> Iterator[RecordedMessage]:
        info_topic = camera_info_topic(self.topic)
        with AnyReader([self.path], default_typestore=get_typestore(Stores.ROS2_JAZZY)) as reader:
            wanted = [
                connection
                for connection in reader.connections
                if connection.topic == self.topic
                or (connection.topic == info_topic and connection.msgtype == _CAMERA_INFO)
            ]
            for connection, _, data in reader.messages(wanted):
                yield RecordedMessage(connection.topic == self.topic, bytes(data))


class CameraPublisher:
    """Publishes recorded messages as a camera does: `image` (or `image/compressed`), `camera_info`.

    A remapping of `image` holds for both transports and for the camera_info beside it. Reliable,
    so that a subscriber who wants every frame gets every frame.
    """

    def __init__(self, node: Node, recorded: str, transport: str) -> None:
        """`recorded` is how the messages come, `transport` how they shall travel."""
        self._recorded, self._transport = recorded, transport
        base = node.resolve_topic_name("image")
        self.topic = base if transport == RAW else f"{base}/compressed"
        qos = QoSProfile(depth=10, reliability=QoSReliabilityPolicy.RELIABLE)
        self.image = node.create_publisher(_IMAGE_TYPES[transport], self.topic, qos)
        self.info = node.create_publisher(CameraInfo, camera_info_topic(self.topic), qos)

    def publish(self, message: RecordedMessage) -> None:
        """Publish a message; the bytes go out as they are unless the transport changes."""
        if not message.is_image:
            self.info.publish(message.data)
        elif self._recorded == self._transport:
            self.image.publish(message.data)
        else:
            picture = deserialize_message(message.data, _IMAGE_TYPES[self._recorded])
            self.image.publish(_converted(picture, self._transport))


def _converted(picture: Image | CompressedImage, transport: str) -> Image | CompressedImage:
    pixels = to_array(picture)
    if transport == RAW:
        return to_message(pixels, picture.header)
    done, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not done:
        raise AutomaskError(f"cannot compress a picture of {pixels.shape}; replay it raw")
    return to_compressed_message(data.tobytes(), "jpeg", picture.header)
