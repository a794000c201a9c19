"""One camera of the detector: the topic it comes from, and those that its detections go to."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rclpy.lifecycle import LifecycleNode
from rclpy.node import Node
from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray, Detection3DArray

from automask_ros.detection.localisation import localise
from automask_ros.detection.tracking import Tracker
from automask_ros.drawing import draw_detections
from automask_ros.errors import AutomaskError
from automask_ros.nodes.depth_messages import to_detection_3d_array, to_point_cloud
from automask_ros.nodes.depth_subscription import DepthSubscription, depth_topics
from automask_ros.nodes.fault_counts import FaultCounts
from automask_ros.nodes.image_messages import seconds_of, to_array
from automask_ros.nodes.image_subscription import ImageSubscription, image_topic
from automask_ros.nodes.qos import PUBLISHER, SUBSCRIPTION, camera_qos, output_qos, overridable
from automask_ros.nodes.recent_messages import Hold
from automask_ros.nodes.serialized_detections import write_detections
from automask_ros.nodes.serialized_images import write_image
from automask_ros.nodes.serialized_stamp import read_stamp
from automask_ros.nodes.stage_meters import FrameTimes
from automask_ros.nodes.topic_names import check_different, whole_name
from automask_ros.nodes.watched_publisher import WatchedPublisher
from automask_ros.types import BGRImage, Detections

DETECTIONS, INSTANCES, OVERLAY = "detections", "instances", "overlay"
DETECTIONS_3D, POINTS = "detections_3d", "points"
_LONGEST_AGE = 3600.0
"""Seconds from a stamp to its arrival above which the camera's clock is another one."""


@dataclass(frozen=True)
class StreamTopics:
    """Where a camera's pictures and depth come from, and the name that its results go below."""

    image: str
    below: str = "~"
    depth: str = "depth"

    @classmethod
    def of(
        cls, node: Node, images: Sequence[str], depths: Sequence[str] = ()
    ) -> list[StreamTopics]:
        """The cameras of the parameters `image_topics` and `depth_topics`.

        One camera's results lie at the node itself, those of several each below the name of its
        topic. Its depth, where none is named, is `depth`, or `depth` below that name. AutomaskError
        where a name is no topic's, or cameras would share a topic.
        """
        if any(depths) and len(depths) != len(images):
            raise AutomaskError(
                f"parameter depth_topics names {len(depths)} topics and image_topics "
                f"{len(images)}: name the depth of each camera, in the same order"
            )
        if len(images) == 1:
            cameras = [cls(images[0])]
        else:
            cameras = [cls(image, f"~/{image.lstrip('/~')}", f"{image}/depth") for image in images]
        if any(depths):
            cameras = [replace(own, depth=name) for own, name in zip(cameras, depths, strict=True)]
        check_different(node, "image_topics", images)
        check_different(node, "depth_topics", (camera.depth for camera in cameras))
        _check_outputs(node, cameras)
        return cameras

    def output(self, name: str) -> str:
        """The topic of one kind of result."""
        return f"{self.below}/{name}"


def _check_outputs(node: Node, cameras: Sequence[StreamTopics]) -> None:
    try:
        outputs = {whole_name(node, camera.output(DETECTIONS_3D)) for camera in cameras}
    except AutomaskError as error:
        raise AutomaskError(f"parameter image_topics: {error}") from error
    if len(outputs) < len(cameras):
        raise AutomaskError(
            "parameter image_topics: the results of two cameras would lie below one name: "
            "let their names differ in more than the beginning, / or ~/"
        )


@dataclass(frozen=True)
class StreamConfig:
    """How each camera is listened to: `transport` is raw or compressed, `track_memory` the seconds
    for which an object out of sight keeps its id, 0 for no ids, `depth_tolerance` those by which
    the stamps of a picture and of its depth may differ."""

    transport: str
    track_memory: float
    depth_tolerance: float


@dataclass(frozen=True)
class ReceivedFrame:
    """A serialized picture, when it came by the steady clock, and by the node's (unix seconds);
    `depth` keeps the depth that belongs to it, if somebody wants any."""

    serialized: bytes
    came_at: float
    clock_at: float
    depth: Hold | None = None


@dataclass(frozen=True, eq=False)
class OpenFrame:
    """A picture that is worked on: ``(H, W, 3)`` as it came, and `fitted` to the network's size;
    `depth` keeps the depth that belongs to it until the work is done."""

    header: Header
    image: BGRImage
    fitted: BGRImage
    times: FrameTimes
    depth: Hold | None = None


class CameraStream:
    """Gives on the frames of a camera while there is use for them, and publishes what they show."""

    def __init__(
        self,
        node: LifecycleNode,
        topics: StreamTopics,
        config: StreamConfig,
        on_frame: Callable[[ReceivedFrame], None],
    ) -> None:
        self._node = node
        self._on_frame = on_frame
        self.active = False
        self._detections = WatchedPublisher(node, Detection2DArray, topics.output(DETECTIONS))
        self._instances = WatchedPublisher(node, Image, topics.output(INSTANCES))
        self._overlay = WatchedPublisher(node, Image, topics.output(OVERLAY))
        self._detections_3d = WatchedPublisher(node, Detection3DArray, topics.output(DETECTIONS_3D))
        self._points = WatchedPublisher(node, PointCloud2, topics.output(POINTS))
        self.outputs = (
            self._detections,
            self._instances,
            self._overlay,
            self._detections_3d,
            self._points,
        )
        self._tracker = Tracker(config.track_memory) if config.track_memory else None
        self.depth = DepthSubscription(
            node, config.depth_tolerance, self._depth_wanted, topics.depth
        )
        warn = node.get_logger().warning
        self.bad_frames = FaultCounts("bad frame", warn)
        self.bad_depths = FaultCounts("bad depth", warn)
        self.images = ImageSubscription(node, config.transport, self._receive, topics.image)

    def open(
        self, received: ReceivedFrame, fit: Callable[[BGRImage], BGRImage]
    ) -> OpenFrame | None:
        """A frame as a picture, and as `fit` gives it to the network; None for one that is none."""
        times = FrameTimes(received.came_at)
        times.seconds["wait"] = time.monotonic() - received.came_at
        try:
            with times.stage("convert"):
                message = self.images.message(received.serialized)
                image = to_array(message)
                fitted = fit(image)
        except AutomaskError as error:
            self.bad_frames.add(error, self.images.topic)
            return None
        self.bad_frames.good()
        age = received.clock_at - seconds_of(message.header.stamp)
        times.seconds["transport"] = age if 0.0 <= age <= _LONGEST_AGE else 0.0
        return OpenFrame(message.header, image, fitted, times, received.depth)

    def publish(self, image: BGRImage, detections: Detections, header: Header) -> tuple[str, ...]:
        """Publish what `image` ``(H, W, 3)`` shows, pictures only if somebody listens; the
        detections' track ids, none without a tracker."""
        ids: tuple[str, ...] = ()
        if self._tracker is not None:
            ids = self._tracker.update(detections, seconds_of(header.stamp))
        # A still life of what was seen at the source's time: the header stays as it came.
        self._detections.publish(write_detections(detections, header, ids))
        if self._instances.get_subscription_count():
            self._instances.publish(write_image(detections.instances(), header))
        if self._overlay.get_subscription_count():
            self._overlay.publish(write_image(draw_detections(image, detections), header))
        return ids

    def publish_3d(self, detections: Detections, ids: Sequence[str], header: Header) -> None:
        """Publish where the detections are in space, if somebody listens and there is depth.

        Nothing where no depth belongs to the picture: an empty array would say that it shows
        nothing.
        """
        if not self._depth_wanted():
            self.bad_depths.good()
            return
        try:
            found = self.depth.depth_at(header.stamp)
            if found is not None:
                instances = localise(detections, *found)
                if self._detections_3d.get_subscription_count():
                    self._detections_3d.publish(
                        to_detection_3d_array(instances, detections, header, ids)
                    )
                if self._points.get_subscription_count():
                    self._points.publish(to_point_cloud(instances, header))
        except AutomaskError as error:
            self.bad_depths.add(error)
        else:
            self.bad_depths.good()

    def faults(self) -> tuple[FaultCounts, ...]:
        """What was wrong with pictures and depth."""
        return self.bad_frames, self.bad_depths, self.depth.faults

    def problems(self) -> list[str | None]:
        """What is wrong with the topics, with remedies."""
        return [
            self.images.problem(),
            self.bad_frames.last,
            self.depth.problem(),
            self.bad_depths.last,
            *(output.problem() for output in self.outputs),
        ]

    def forget_problems(self) -> None:
        """Complain no more of pictures and depth of before: none is worked on."""
        self.bad_frames.good()
        self.bad_depths.good()

    def destroy(self) -> None:
        """Leave all topics."""
        self.images.destroy()
        self.depth.destroy()
        for output in self.outputs:
            output.destroy()

    def _depth_wanted(self) -> bool:
        listened_to = (self._detections_3d, self._points)
        return self.active and any(each.get_subscription_count() for each in listened_to)

    def _receive(self, serialized: bytes) -> None:
        now = self._node.get_clock().now().nanoseconds * 1e-9
        self._on_frame(ReceivedFrame(serialized, time.monotonic(), now, self._hold(serialized)))

    def _hold(self, serialized: bytes) -> Hold | None:
        """Keep the depth of a picture, if somebody wants any, for as long as the picture waits and
        is worked on."""
        if not self._depth_wanted():
            return None
        try:
            return self.depth.hold(read_stamp(serialized))
        except AutomaskError:
            return None  # too short for a picture: told once it is opened


def declare_qos(node: LifecycleNode, topics: StreamTopics, transport: str) -> None:
    """Declare the QoS overrides with the node, so that a wrong one ends its start.

    Raises AutomaskError when one is refused.
    """
    images = image_topic(node, transport, topics.image)
    for subscribed in (images, *depth_topics(node, topics.depth)):
        overridable(node, SUBSCRIPTION, subscribed, camera_qos())
    for name in (DETECTIONS, INSTANCES, OVERLAY, DETECTIONS_3D, POINTS):
        topic: Any = node.resolve_topic_name(topics.output(name))
        overridable(node, PUBLISHER, topic, output_qos())
