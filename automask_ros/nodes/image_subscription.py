"""The camera's topic, raw or compressed, and why nothing comes from it."""

from __future__ import annotations

import time
from collections.abc import Callable

from rclpy.node import Node
from rclpy.qos import (
    QoSCompatibility,
    QoSProfile,
    QoSReliabilityPolicy,
    qos_check_compatible,
)
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CompressedImage, Image

from automask_ros.nodes.meters import RateMeter
from automask_ros.nodes.parameters import ParameterSpec

IMAGE_TRANSPORT = ParameterSpec(
    "image_transport",
    "raw",
    "How the camera's pictures travel: 'raw' subscribes to image, 'compressed' to image/compressed",
    choices=("raw", "compressed"),
)
PATIENCE = 3.0
"""Seconds without a frame after which a topic counts as silent."""

_TYPES = {"raw": Image, "compressed": CompressedImage}
_TYPE_NAMES = {
    "raw": "sensor_msgs/msg/Image",
    "compressed": "sensor_msgs/msg/CompressedImage",
}


def camera_qos() -> QoSProfile:
    """The newest frames at best effort: it takes what any camera offers, reliable or not."""
    return QoSProfile(depth=5, reliability=QoSReliabilityPolicy.BEST_EFFORT)


class ImageSubscription:
    """Subscribes to the topic `image`, gives each frame on as it came, and watches the flow.

    A remapping of `image` holds for both transports: the compressed topic is the remapped name
    with `/compressed` behind it.
    """

    def __init__(
        self,
        node: Node,
        transport: str,
        on_frame: Callable[[bytes], None],
    ) -> None:
        self._node = node
        self._transport = transport
        self._on_frame = on_frame
        self._base = node.resolve_topic_name("image")
        self.topic = _topic(self._base, transport)
        self.received = 0
        self.rate = RateMeter()
        self._last = time.monotonic()
        self._qos = camera_qos()
        # Raw: a frame that is dropped for a newer one is never turned into Python values.
        self._subscription = node.create_subscription(
            _TYPES[transport], self.topic, self._receive, self._qos, raw=True
        )

    def _receive(self, serialized: bytes) -> None:
        self.received += 1
        self._last = time.monotonic()
        self.rate.tick()
        self._on_frame(serialized)

    def message(self, serialized: bytes) -> Image | CompressedImage:
        """The message in what `on_frame` was given; for the thread that works on it."""
        return deserialize_message(serialized, _TYPES[self._transport])

    def destroy(self) -> None:
        """Leave the topic."""
        self._node.destroy_subscription(self._subscription)

    def problem(self) -> str | None:
        """Why no frame comes, with the remedy, in one line; None while frames come."""
        silent = time.monotonic() - self._last
        if silent < PATIENCE:
            return None
        publishers = self._node.get_publishers_info_by_topic(self.topic)
        if not publishers:
            return self._nobody()
        wanted = _TYPE_NAMES[self._transport]
        if all(publisher.topic_type != wanted for publisher in publishers):
            return f"{self.topic} carries {publishers[0].topic_type}, not {wanted}: remap image"
        for publisher in publishers:
            fit, reason = qos_check_compatible(publisher.qos_profile, self._qos)
            if fit == QoSCompatibility.ERROR:
                return f"{self.topic}: QoS of its publisher does not fit: {reason}"
        return (
            f"{self.topic} has {len(publishers)} publisher(s) but delivered nothing for "
            f"{silent:.0f} s: check that the camera runs, and start it and this node with "
            "FASTRTPS_DEFAULT_PROFILES_FILE (Fast DDS 2: Humble, Jazzy) or "
            "FASTDDS_DEFAULT_PROFILES_FILE (Fast DDS 3) = $(ros2 pkg prefix automask_ros)/share/"
            "automask_ros/config/fastdds.xml (Fast DDS loses large images without it)"
        )

    def _nobody(self) -> str:
        for transport in _TYPES:
            other = _topic(self._base, transport)
            if transport != self._transport and self._node.count_publishers(other):
                return (
                    f"nobody publishes {self.topic}, but {other} is there: "
                    f"set image_transport:={transport}"
                )
        return f"nobody publishes {self.topic}: start the camera or remap image to its topic"


def _topic(base: str, transport: str) -> str:
    return base if transport == "raw" else f"{base}/compressed"
