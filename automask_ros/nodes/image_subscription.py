"""The camera's topic, raw or compressed, and why nothing comes from it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import QoSReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

from automask_ros.nodes.frame_losses import LossMeter
from automask_ros.nodes.meters import RateMeter
from automask_ros.nodes.parameters import ParameterSpec
from automask_ros.nodes.qos import SUBSCRIPTION, camera_qos, overridable, override_name
from automask_ros.nodes.serialized_images import (
    SerializedCompressedImage,
    SerializedImage,
    read_compressed_image,
    read_image,
)
from automask_ros.nodes.silent_topic import why_silent
from automask_ros.nodes.transport_remedy import transport_remedy

IMAGE_TRANSPORT = ParameterSpec(
    "image_transport",
    "raw",
    "How the camera's pictures travel: 'raw' subscribes to image, 'compressed' to image/compressed",
    choices=("raw", "compressed"),
)
PATIENCE = 3.0
"""Seconds without a frame after which a topic counts as silent."""

_TYPES = {"raw": Image, "compressed": CompressedImage}
_READERS: dict[str, Callable[[bytes], SerializedImage | SerializedCompressedImage]] = {
    "raw": read_image,
    "compressed": read_compressed_image,
}
_TYPE_NAMES = {
    "raw": "sensor_msgs/msg/Image",
    "compressed": "sensor_msgs/msg/CompressedImage",
}


def image_topic(node: Node, transport: str, name: str = "image") -> str:
    """The whole name of the topic `name` in this transport, as it is remapped."""
    base = node.resolve_topic_name(name)
    return str(base) if transport == "raw" else f"{base}/compressed"


class ImageSubscription:
    """Subscribes to a topic of pictures, gives each frame on as it came, and watches the flow.

    A remapping of the topic holds for both transports: the compressed topic is the remapped name
    with `/compressed` behind it.
    """

    def __init__(
        self,
        node: Node,
        transport: str,
        on_frame: Callable[[bytes], None],
        name: str = "image",
    ) -> None:
        self._node = node
        self._transport = transport
        self._on_frame = on_frame
        self._name = name
        self.topic = image_topic(node, transport, name)
        self.received = 0
        self.rate = RateMeter()
        self._last = time.monotonic()
        self.losses = LossMeter(lambda: node.count_publishers(self.topic) == 1)
        # Its second argument, the message info, is not in rclpy's types.
        receive: Callable[..., None] = self._receive
        # Raw: a frame that is dropped for a newer one is never turned into Python values.
        self._subscription = node.create_subscription(
            _TYPES[transport],
            self.topic,
            receive,
            camera_qos(),
            event_callbacks=SubscriptionEventCallbacks(message_lost=self.losses.on_lost),
            qos_overriding_options=overridable(node, SUBSCRIPTION, self.topic, camera_qos()),
            raw=True,
        )
        self._qos = self._subscription.qos_profile

    def _receive(self, serialized: bytes, info: Mapping[str, Any]) -> None:
        self.received += 1
        self._last = time.monotonic()
        self.rate.tick()
        self.losses.on_frame(info["publication_sequence_number"])
        self._on_frame(serialized)

    def message(self, serialized: bytes) -> SerializedImage | SerializedCompressedImage:
        """The fields of what `on_frame` was given; for the thread that works on it.

        AutomaskError when it is damaged.
        """
        return _READERS[self._transport](serialized)

    def destroy(self) -> None:
        """Leave the topic."""
        self._node.destroy_subscription(self._subscription)

    def figures(self) -> dict[str, Any]:
        """For the diagnostics: what was sent and did not come, and the QoS that was asked for."""
        return {
            "lost": self.losses.lost,
            "lost_share": self.losses.share(),
            "overrun": self.losses.overrun,
            "image_qos": f"{self._qos.reliability.name.lower()}, depth {self._qos.depth}",
        }

    def problem(self) -> str | None:
        """Why no frame comes, or few do, with the remedy, in one line; None while all is well."""
        if self.losses.starving():
            share = round(100 * self.losses.share())
            return f"{self.topic} loses {share} % of its frames on the way: {self._cure()}"
        silent = time.monotonic() - self._last
        return self._silence(silent) if silent >= PATIENCE else None

    def _silence(self, seconds: float) -> str:
        found = why_silent(
            self._node,
            self.topic,
            _TYPE_NAMES[self._transport],
            self._qos,
            seconds,
            name=self._name,
            qos_cure=f"set {self._override('reliability')} to best_effort, or change the publisher",
        )
        return found or self._nobody()

    def _cure(self) -> str:
        """What helps against frames lost on the way: only what can help with this camera."""
        cures = [transport_remedy()]
        publishers = self._node.get_publishers_info_by_topic(self.topic)
        resent = QoSReliabilityPolicy.RELIABLE
        if self._qos.reliability != resent and all(
            publisher.qos_profile.reliability == resent for publisher in publishers
        ):
            cures.append(f"set {self._override('reliability')} to reliable")
        if self._transport != "compressed":
            cures.append("set image_transport:=compressed")
        return ", or ".join(cures)

    def _override(self, policy: str) -> str:
        return override_name(SUBSCRIPTION, self.topic, policy)

    def _nobody(self) -> str:
        for transport in _TYPES:
            other = image_topic(self._node, transport, self._name)
            if transport != self._transport and self._node.count_publishers(other):
                return (
                    f"nobody publishes {self.topic}, but {other} is there: "
                    f"set image_transport:={transport}"
                )
        return f"nobody publishes {self.topic}: start the camera or remap {self._name} to its topic"
