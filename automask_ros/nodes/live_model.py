"""The model that detects: which one it is, when it changes, and who is told."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rclpy.lifecycle import LifecycleNode
from vision_msgs.msg import LabelInfo, VisionInfo

from automask_ros.nodes.model_messages import to_label_info, to_vision_info
from automask_ros.nodes.qos import latched

if TYPE_CHECKING:
    from automask_ros.detection.prediction import Predictor


@dataclass(frozen=True)
class LiveModel:
    """A model that is ready to detect, and what to tell about it."""

    predictor: Predictor
    version: int
    location: str
    database_version: int
    least_threshold: float


class LiveModelSlot:
    """Holds the model that detects and the one that is to be next.

    `offer` comes from the thread that loads, `swap` from the one that detects, between two frames:
    all that is published after the model's `vision_info` is that model's.
    """

    def __init__(self, node: LifecycleNode) -> None:
        self._node = node
        self._label_info = node.create_lifecycle_publisher(LabelInfo, "~/label_info", latched())
        self._vision_info = node.create_lifecycle_publisher(VisionInfo, "~/vision_info", latched())
        # Held while a model is told, so that nobody hears of an older one last.
        self._lock = threading.Lock()
        self._next: LiveModel | None = None
        self._closed = False
        self.model: LiveModel | None = None

    def offer(self, model: LiveModel) -> None:
        """Make `model` the next one; nothing once the slot is closed."""
        with self._lock:
            if not self._closed:
                self._next = model

    def swap(self) -> LiveModel | None:
        """Make the next model, if there is one, the one that detects; the one that does now."""
        with self._lock:
            if self._next is not None:
                self.model, self._next = self._next, None
                self._announce(self.model)
            return self.model

    def announce(self) -> None:
        """Say which model detects; nothing goes out while the node is inactive."""
        with self._lock:
            if self.model is not None:
                self._announce(self.model)

    def close(self) -> None:
        """Leave the topics, and give back the models' memory at once."""
        with self._lock:
            self._closed = True
            self.model = self._next = None
        for latch in (self._label_info, self._vision_info):
            self._node.destroy_lifecycle_publisher(latch)

    def _announce(self, model: LiveModel) -> None:
        stamp = self._node.get_clock().now().to_msg()
        self._label_info.publish(
            to_label_info(model.predictor.labels, model.least_threshold, stamp)
        )
        self._vision_info.publish(
            to_vision_info("mask_rcnn", model.location, model.database_version, stamp)
        )
