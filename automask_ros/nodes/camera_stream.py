"""One camera of the detector: the topic it comes from, and those that its detections go to."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from automask_ros.drawing import draw_detections
from automask_ros.nodes.detection_messages import to_detection_array
from automask_ros.nodes.image_messages import seconds_of, to_message
from automask_ros.nodes.image_subscription import ImageSubscription, image_topic
from automask_ros.nodes.qos import PUBLISHER, SUBSCRIPTION, camera_qos, output_qos, overridable
from automask_ros.nodes.watched_publisher import WatchedPublisher
from automask_ros.types import BGRImage, Detections

DETECTIONS, INSTANCES, OVERLAY = "detections", "instances", "overlay"


@dataclass(frozen=True)
class StreamTopics:
    """Where a camera's pictures come from, and the name below the node that its results go to."""

    image: str
    below: str = "~"

    @classmethod
    def of(cls, images: list[str]) -> list[StreamTopics]:
        """One camera's results lie at the node itself, those of several each below the name of its
        topic."""
        if len(images) == 1:
            return [cls(images[0])]
        return [cls(image, f"~/{image.lstrip('/~')}") for image in images]

    def output(self, name: str) -> str:
        """The topic of one kind of result."""
        return f"{self.below}/{name}"


@dataclass(frozen=True)
class ReceivedFrame:
    """A serialized picture, when it came by the steady clock, and by the node's (unix seconds)."""

    serialized: bytes
    came_at: float
    clock_at: float


class CameraStream:
    """Gives on the frames of a camera while there is use for them, and publishes what they show."""

    def __init__(
        self,
        node: LifecycleNode,
        topics: StreamTopics,
        transport: str,
        on_frame: Callable[[ReceivedFrame], None],
    ) -> None:
        self._node = node
        self._on_frame = on_frame
        self._detections = WatchedPublisher(node, Detection2DArray, topics.output(DETECTIONS))
        self._instances = WatchedPublisher(node, Image, topics.output(INSTANCES))
        self._overlay = WatchedPublisher(node, Image, topics.output(OVERLAY))
        self.outputs = (self._detections, self._instances, self._overlay)
        self.images = ImageSubscription(node, transport, self._receive, topics.image)

    def publish(self, image: BGRImage, detections: Detections, header: Header) -> None:
        """Publish what `image` ``(H, W, 3)`` shows; pictures only if somebody listens."""
        # A still life of what was seen at the source's time: the header stays as it came.
        self._detections.publish(to_detection_array(detections, header))
        if self._instances.get_subscription_count():
            self._instances.publish(to_message(detections.instances(), header))
        if self._overlay.get_subscription_count():
            self._overlay.publish(to_message(draw_detections(image, detections), header))

    def problems(self) -> list[str | None]:
        """What is wrong with the topics, with remedies."""
        return [self.images.problem(), *(output.problem() for output in self.outputs)]

    def destroy(self) -> None:
        """Leave all topics."""
        self.images.destroy()
        for output in self.outputs:
            output.destroy()

    def _receive(self, serialized: bytes) -> None:
        now = seconds_of(self._node.get_clock().now().to_msg())
        self._on_frame(ReceivedFrame(serialized, time.monotonic(), now))


def declare_qos(node: LifecycleNode, topics: StreamTopics, transport: str) -> None:
    """Declare the QoS overrides with the node, so that a wrong one ends its start.

    Raises AutomaskError when one is refused.
    """
    overridable(node, SUBSCRIPTION, image_topic(node, transport, topics.image), camera_qos())
    for name in (DETECTIONS, INSTANCES, OVERLAY):
        topic: Any = node.resolve_topic_name(topics.output(name))
        overridable(node, PUBLISHER, topic, output_qos())
