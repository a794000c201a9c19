"""The depth that belongs to a picture, from the topics of a depth camera, and why there is none."""

from __future__ import annotations

import time
from collections.abc import Callable

from builtin_interfaces.msg import Time
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo, Image

from automask_ros.detection.pinhole import PinholeCamera, may_show_the_same
from automask_ros.errors import AutomaskError
from automask_ros.library.depth_message import decode_depth
from automask_ros.library.image_message import camera_info_topic
from automask_ros.library.image_rows import fields_of
from automask_ros.library.message_faults import BadMessage, Fault
from automask_ros.nodes.camera_infos import read_camera_info
from automask_ros.nodes.fault_counts import FaultCounts
from automask_ros.nodes.image_subscription import PATIENCE
from automask_ros.nodes.parameters import ParameterSpec
from automask_ros.nodes.qos import SUBSCRIPTION, camera_qos, overridable, override_name
from automask_ros.nodes.recent_messages import Hold, RecentMessages
from automask_ros.nodes.serialized_images import read_image
from automask_ros.nodes.silent_topic import why_silent
from automask_ros.types import DepthMap

DEPTH_TOLERANCE = ParameterSpec(
    "depth_tolerance",
    0.05,
    "Seconds by which the stamps of a picture and of its depth may differ",
    minimum=0.0,
    maximum=10.0,
)

LONGEST_WAIT = 0.1
"""Seconds for which depth that is under way is waited for: the next pictures wait as long."""
_LOOK_PERIOD = 0.5  # seconds between two looks whether depth is wanted


def depth_topics(node: Node, name: str) -> tuple[str, str]:
    """The whole names of the topic `name`, as it is remapped, and of the camera_info beside it."""
    topic = str(node.resolve_topic_name(name))
    return topic, camera_info_topic(topic)


class DepthSubscription:
    """Subscribes to the topic `name` and to the camera_info beside it, while depth is wanted.

    `wanted` is asked twice a second: a stream of depth takes several per cent of a core. Messages
    stay serialized until one is used; then it is decoded in the thread that asks.
    """

    def __init__(
        self, node: Node, tolerance: float, wanted: Callable[[], bool], name: str = "depth"
    ) -> None:
        self._node = node
        self._tolerance = tolerance
        self._wanted = wanted
        self._name = name
        self.topic, self.info_topic = depth_topics(node, name)
        self.received = 0
        self._recent = RecentMessages()
        self._info: bytes | None = None
        self.faults = FaultCounts("bad depth", node.get_logger().warning)
        self._gap = 0.0
        self._started = self._last = self._matched = time.monotonic()
        self._subscriptions: list[Subscription] = []
        self._look()
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(_LOOK_PERIOD, self._look, clock=steady)

    def hold(self, stamp: Time) -> Hold:
        """Keep the depth of a picture of this stamp, as long as what is returned is there: until
        the work on it is done, which may take longer than depth is kept otherwise."""
        return self._recent.hold(stamp)

    def depth_at(self, stamp: Time) -> tuple[DepthMap, PinholeCamera] | None:
        """The depth that is nearest to a picture's stamp, and its camera.

        Depth that is under way is waited for, for as long as the tolerance and no longer than
        LONGEST_WAIT. None where nothing came that is near enough, or no camera_info; AutomaskError
        where what came is damaged.
        """
        patience = min(self._tolerance, LONGEST_WAIT)
        nearest, info = self._recent.nearest(stamp, patience), self._info
        if nearest is None or info is None:
            return None
        self._gap, serialized = nearest
        if self._gap > self._tolerance:
            return None
        self._matched = time.monotonic()
        depth = decode_depth(*fields_of(read_image(serialized)))
        return depth, camera_of(read_camera_info(info), depth.shape)

    def destroy(self) -> None:
        """Leave the topics."""
        self._node.destroy_timer(self._timer)
        self._leave()

    def problem(self) -> str | None:
        """Why there is no depth for the pictures, with the remedy, in one line.

        None if there is some, or nobody wants any: a robot may have no depth camera.
        """
        if not self._subscriptions:
            return None
        depth, info = self._subscriptions
        now = time.monotonic()
        if now - self._last >= PATIENCE:
            return self._silence(depth, "sensor_msgs/msg/Image", now - self._last)
        if self.faults.last:
            return self.faults.last
        if self._info is None and now - self._started >= PATIENCE:
            return self._silence(info, "sensor_msgs/msg/CameraInfo", now - self._started)
        if self._gap > self._tolerance and now - self._matched >= PATIENCE:
            return (
                f"{self.topic}: the depth nearest to the last picture is {self._gap:.3f} s away "
                "from it: let the camera publish both with one stamp, or raise depth_tolerance "
                f"(now {self._tolerance} s)"
            )
        return None

    def _silence(self, subscription: Subscription, kind: str, seconds: float) -> str:
        topic = subscription.topic_name
        override = override_name(SUBSCRIPTION, topic, "reliability")
        found = why_silent(
            self._node,
            topic,
            kind,
            subscription.qos_profile,
            seconds,
            name=self._name,
            qos_cure=f"set {override} to best_effort, or change the publisher",
        )
        return found or (
            f"nobody publishes {topic}: let the camera publish depth that is aligned to its "
            f"pictures, and remap {self._name} to that topic (camera_info is looked for beside it)"
        )

    def _look(self) -> None:
        """Subscribe when depth becomes wanted, leave when it no longer is."""
        wanted = self._wanted()
        if wanted and not self._subscriptions:
            self._started = self._last = self._matched = time.monotonic()
            self._subscriptions = [
                self._subscribe(Image, self.topic, self._on_depth),
                self._subscribe(CameraInfo, self.info_topic, self._on_info),
            ]
        elif not wanted:
            self._leave()

    def _subscribe(self, kind: type, topic: str, receive: Callable[[bytes], None]) -> Subscription:
        # Raw: what is not used is never turned into Python values.
        return self._node.create_subscription(
            kind,
            topic,
            receive,
            camera_qos(),
            qos_overriding_options=overridable(self._node, SUBSCRIPTION, topic, camera_qos()),
            raw=True,
        )

    def _leave(self) -> None:
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions = []
        self._recent.clear()
        self._info = None
        self.faults.good()
        self._gap = 0.0

    def _on_depth(self, serialized: bytes) -> None:
        self.received += 1
        self._last = time.monotonic()
        try:
            self._recent.put(serialized)
        except AutomaskError as error:
            self.faults.add(error, self.topic)
        else:
            self.faults.good()

    def _on_info(self, serialized: bytes) -> None:
        self._info = serialized


def camera_of(info: CameraInfo, picture: tuple[int, ...]) -> PinholeCamera:
    """The camera of a rectified `picture` of (height, width) pixels.

    Rectified pictures are P's; K, which is the lens's own, stands in where a driver leaves P out.
    Both are of the whole sensor: of it, the picture shows the region of interest. Binning alike in
    both directions is why a picture has fewer pixels than its region, and changes nothing else.
    AutomaskError as by PinholeCamera.from_matrix, and where the picture's shape is not the
    region's.
    """
    matrix = info.p if info.p[0] > 0 else info.k
    roi = info.roi
    size, origin = (info.height, info.width), (0, 0)
    if roi.height and roi.width:
        size, origin = (roi.height, roi.width), (roi.y_offset, roi.x_offset)
    camera = PinholeCamera.from_matrix(matrix, size, picture, origin)
    binned_alike = max(info.binning_x, 1) == max(info.binning_y, 1)
    if min(size) > 0 and binned_alike and not may_show_the_same(size, picture):
        raise BadMessage(
            f"camera_info of {size[1]}x{size[0]} pixels is not that of pictures of "
            f"{picture[1]}x{picture[0]}: calibrate the camera at the size that it publishes",
            Fault.CAMERA,
        )
    return camera
