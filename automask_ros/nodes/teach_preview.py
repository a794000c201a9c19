"""`teach/preview`: the camera with what to do written below it, drawn only while somebody looks."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.subscription import Subscription
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from automask_ros.errors import AutomaskError
from automask_ros.nodes.fault_counts import FaultCounts
from automask_ros.nodes.guidance import Guidance
from automask_ros.nodes.image_messages import to_array, to_message
from automask_ros.nodes.image_subscription import ImageSubscription
from automask_ros.nodes.newest_frame import FrameWorker, NewestFrame
from automask_ros.nodes.qos import output_qos
from automask_ros.nodes.serialized_images import read_image
from automask_ros.teaching_picture import teaching_picture

_LOOK_PERIOD = 0.5
"""Seconds between two looks at whether somebody listens, and whether the camera is silent."""
_SILENCE = 1.0
"""Seconds without a frame after which words are shown without one."""
_GREY = 60
_SIZE = (480, 640)
"""Height and width of a picture without a frame, before the first one."""


class TeachPreview:
    """Subscribes to the camera and to the masks while there are listeners; the newest frame wins.

    `guidance` is called for each picture, from the thread that draws.
    """

    def __init__(
        self, node: Node, transport: str, rate: float, guidance: Callable[[], Guidance]
    ) -> None:
        self._node, self._transport, self._guidance = node, transport, guidance
        self._period = 1.0 / rate
        self._publisher = node.create_publisher(Image, "~/preview", output_qos())
        self._images: ImageSubscription | None = None
        self._masks: Subscription | None = None
        self._mask: np.ndarray | None = None
        self._size = _SIZE
        self._drawn_at = self._arrived_at = 0.0
        self.bad_frames = FaultCounts("bad frame", node.get_logger().warning)
        self._slot: NewestFrame[bytes | None] = NewestFrame()
        self._worker = FrameWorker(node, self._slot, self._draw, "preview")
        node.create_timer(_LOOK_PERIOD, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))

    @property
    def listeners(self) -> int:
        """How many look at it."""
        return int(self._publisher.get_subscription_count())

    def close(self) -> None:
        """Finish the picture in work."""
        self._worker.close()

    def _look(self) -> None:
        if not self.listeners:
            self._leave()
            return
        if self._images is None:
            self._images = ImageSubscription(self._node, self._transport, self._on_frame)
            self._masks = self._node.create_subscription(
                Image, "mask_generator/overlay", self._on_mask, 1, raw=True
            )
        if time.monotonic() - self._arrived_at > _SILENCE:
            self._slot.put(None)

    def _leave(self) -> None:
        if self._images is not None:
            self._images.destroy()
        if self._masks is not None:
            self._node.destroy_subscription(self._masks)
        self._images = self._masks = self._mask = None

    def _on_frame(self, frame: bytes) -> None:
        now = self._arrived_at = time.monotonic()
        if now - self._drawn_at >= self._period:
            self._drawn_at = now
            self._slot.put(frame)

    def _on_mask(self, serialized: bytes) -> None:
        try:
            self._mask = to_array(read_image(serialized)).copy()
        except AutomaskError as error:
            self.bad_frames.add(error)

    def _draw(self, frame: bytes | None) -> None:
        image, header = (
            np.full((*self._size, 3), _GREY, np.uint8),
            Header(stamp=self._node.get_clock().now().to_msg()),
        )
        images = self._images
        if frame is not None and images is not None:
            try:
                message = images.message(frame)
                image, header = to_array(message), message.header
            except AutomaskError as error:
                self.bad_frames.add(error)
                return
            self.bad_frames.good()
            self._size = image.shape[:2]
        told = self._guidance()
        lines = (told.text, told.detail)
        picture = teaching_picture(image, lines, told.tone.colour, told.share, self._mask)
        self._publisher.publish(to_message(picture, header))
