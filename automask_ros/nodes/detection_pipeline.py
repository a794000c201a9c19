"""From the newest frame to the detector's topics."""

from __future__ import annotations

import threading
import time

from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray, LabelInfo, VisionInfo

from automask_ros.drawing import draw_detections
from automask_ros.errors import AutomaskError
from automask_ros.nodes.detection_messages import to_detection_array, to_label_info, to_vision_info
from automask_ros.nodes.image_messages import to_array, to_message
from automask_ros.nodes.image_subscription import ImageSubscription, image_topic
from automask_ros.nodes.meters import LatencyMeter, RateMeter
from automask_ros.nodes.model_loader import LiveModel
from automask_ros.nodes.newest_frame import FrameWorker, NewestFrame
from automask_ros.nodes.qos import (
    PUBLISHER,
    SUBSCRIPTION,
    camera_qos,
    latched,
    output_qos,
    overridable,
)
from automask_ros.nodes.watched_publisher import WatchedPublisher

DETECTIONS, INSTANCES, OVERLAY = "~/detections", "~/instances", "~/overlay"


def declare_qos(node: LifecycleNode, transport: str) -> None:
    """Declare the QoS overrides with the node, so that a wrong one ends its start.

    Raises AutomaskError when one is refused.
    """
    overridable(node, SUBSCRIPTION, image_topic(node, transport), camera_qos())
    for topic in (DETECTIONS, INSTANCES, OVERLAY):
        overridable(node, PUBLISHER, node.resolve_topic_name(topic), output_qos())


class DetectionPipeline:
    """What the detector holds between configure and clean-up: topics, a slot, and a worker.

    Frames are worked on while `active` and while there is a model. `use` swaps the model between
    two frames: all that is published after the model's `vision_info` is that model's.
    """

    def __init__(self, node: LifecycleNode, transport: str) -> None:
        self._node = node
        self._detections = WatchedPublisher(node, Detection2DArray, DETECTIONS)
        self._instances = WatchedPublisher(node, Image, INSTANCES)
        self._overlay = WatchedPublisher(node, Image, OVERLAY)
        self.outputs = (self._detections, self._instances, self._overlay)
        self._label_info = node.create_lifecycle_publisher(LabelInfo, "~/label_info", latched())
        self._vision_info = node.create_lifecycle_publisher(VisionInfo, "~/vision_info", latched())
        self.active = False
        self.model: LiveModel | None = None
        self._between_frames = threading.Lock()
        self.processed = 0
        self.bad_frames = 0
        self.bad_frame = ""
        self.latency = LatencyMeter()
        self.rate = RateMeter()
        self._slot: NewestFrame[tuple[float, bytes]] = NewestFrame()
        self._worker = FrameWorker(node, self._slot, self._work, "detector")
        self.images = ImageSubscription(node, transport, self._on_frame)

    @property
    def dropped(self) -> int:
        """Frames that a newer one replaced before they were worked on."""
        return self._slot.dropped

    def use(self, model: LiveModel) -> None:
        """Make `model` the live one from the next frame on."""
        with self._between_frames:
            self.model = model
            self.announce()

    def announce(self) -> None:
        """Say on the latched topics which model is live; nothing goes out while inactive."""
        model = self.model
        if model is None:
            return
        stamp = self._node.get_clock().now().to_msg()
        self._label_info.publish(
            to_label_info(model.predictor.labels, model.least_threshold, stamp)
        )
        self._vision_info.publish(
            to_vision_info("mask_rcnn", model.location, model.database_version, stamp)
        )

    def pause(self) -> None:
        """Work on no frame from here on; the one in work is finished first."""
        self.active = False
        self._slot.clear()
        with self._between_frames:
            pass

    def close(self) -> None:
        """Leave all topics and end the worker."""
        self.active = False
        self.images.destroy()
        self._worker.close()
        for output in self.outputs:
            output.destroy()
        for latch in (self._label_info, self._vision_info):
            self._node.destroy_lifecycle_publisher(latch)

    def _on_frame(self, frame: bytes) -> None:
        if self.active and self.model is not None:
            self._slot.put((time.monotonic(), frame))

    def _work(self, item: tuple[float, bytes]) -> None:
        received_at, frame = item
        message = self.images.message(frame)
        try:
            image = to_array(message)
        except AutomaskError as error:
            self.bad_frames += 1
            self.bad_frame = str(error)
            return
        self.bad_frame = ""
        with self._between_frames:
            if self.model is None or not self.active:
                return
            detections = self.model.predictor(image)
            # A still life of what was seen at the source's time: the header stays as it came.
            self._detections.publish(to_detection_array(detections, message.header))
            if self._instances.get_subscription_count():
                self._instances.publish(to_message(detections.instances(), message.header))
            if self._overlay.get_subscription_count():
                overlay = draw_detections(image, detections)
                self._overlay.publish(to_message(overlay, message.header))
        self.processed += 1
        self.rate.tick()
        self.latency.add(time.monotonic() - received_at)
