"""From the newest frames of the cameras to the detector's topics."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from rclpy.lifecycle import LifecycleNode
from std_msgs.msg import Header
from vision_msgs.msg import LabelInfo, VisionInfo

from automask_ros.errors import AutomaskError
from automask_ros.nodes.camera_stream import (
    CameraStream,
    ReceivedFrame,
    StreamConfig,
    StreamTopics,
)
from automask_ros.nodes.detection_messages import to_label_info, to_vision_info
from automask_ros.nodes.image_messages import seconds_of, to_array
from automask_ros.nodes.meters import RateMeter
from automask_ros.nodes.newest_frame import NewestFrame
from automask_ros.nodes.qos import latched
from automask_ros.nodes.spin import start_worker
from automask_ros.nodes.stage_meters import FrameTimes, StageMeters
from automask_ros.types import BGRImage

if TYPE_CHECKING:
    from automask_ros.nodes.model_loader import LiveModel

_LONGEST_AGE = 3600.0
"""Seconds from a stamp to its arrival above which the camera's clock is another one."""


@dataclass(frozen=True, eq=False)
class _Frame:
    """A picture that is worked on: as it came, and at the network's size."""

    stream: CameraStream
    header: Header
    image: BGRImage
    fitted: BGRImage
    times: FrameTimes


class DetectionPipeline:
    """What the detector holds between configure and clean-up: cameras, a slot, and a worker.

    Frames are worked on while `active` and while there is a model; those of several cameras that
    wait go through the network together. `use` swaps the model between two of these: all that is
    published after the model's `vision_info` is that model's.
    """

    def __init__(
        self, node: LifecycleNode, cameras: Sequence[StreamTopics], config: StreamConfig
    ) -> None:
        self._node = node
        self._label_info = node.create_lifecycle_publisher(LabelInfo, "~/label_info", latched())
        self._vision_info = node.create_lifecycle_publisher(VisionInfo, "~/vision_info", latched())
        self._active = False
        self.model: LiveModel | None = None
        self._next_model: LiveModel | None = None
        self._at_work = threading.Lock()
        self.processed = 0
        self.bad_frames = 0
        self.bad_frame = ""
        self.stages = StageMeters()
        self.rate = RateMeter()
        self._slot: NewestFrame[ReceivedFrame] = NewestFrame()
        self._worker = start_worker(node, self._run, "detector")
        self.cameras = [
            CameraStream(node, topics, config, partial(self._on_frame, number))
            for number, topics in enumerate(cameras)
        ]

    @property
    def active(self) -> bool:
        """Whether frames are worked on."""
        return self._active

    def activate(self) -> None:
        """Work on frames from here on."""
        self._set_active(True)
        self.announce()

    @property
    def dropped(self) -> int:
        """Frames that a newer one of their camera replaced before they were worked on."""
        return self._slot.dropped

    def use(self, model: LiveModel) -> None:
        """Make `model` the live one: at once, or after the frames in work."""
        self._next_model = model
        self._slot.wake()

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
        """Work on no frame from here on; those in work are finished first."""
        self._set_active(False)
        self._slot.clear()
        with self._at_work:
            pass

    def close(self, patience: float = 2.0) -> None:
        """Leave all topics and end the worker."""
        self._set_active(False)
        self._slot.close()
        self._worker.join(patience)
        # At once: a network's memory must not wait for the garbage collector.
        self.model = self._next_model = None
        for camera in self.cameras:
            camera.destroy()
        for latch in (self._label_info, self._vision_info):
            self._node.destroy_lifecycle_publisher(latch)

    def figures(self) -> dict[str, Any]:
        """For the diagnostics: frames and how long they take."""
        images = [camera.images for camera in self.cameras]
        return {
            "received": sum(each.received for each in images),
            "received_hz": sum(each.rate.rate() for each in images),
            "processed": self.processed,
            "processed_hz": self.rate.rate(),
            "dropped": self.dropped,
            "bad_frames": self.bad_frames,
            "bad_depths": sum(camera.bad_depths for camera in self.cameras),
            **self.stages.figures(),
            **images[0].figures(),
        }

    def problems(self) -> list[str | None]:
        """What is wrong with frames and topics, with remedies."""
        return [
            self.bad_frame,
            *(problem for camera in self.cameras for problem in camera.problems()),
        ]

    def _set_active(self, active: bool) -> None:
        self._active = active
        for camera in self.cameras:
            camera.active = active

    def _on_frame(self, camera: int, frame: ReceivedFrame) -> None:
        if self.active and self.model is not None:
            self._slot.put(frame, camera)

    def _run(self) -> None:
        while (taken := self._slot.take()) is not None:
            with self._at_work:
                if self._next_model is not None:
                    self.model, self._next_model = self._next_model, None
                    self.announce()
                if taken and self.active and self.model is not None:
                    self._work(self.model, taken)

    def _work(self, model: LiveModel, taken: dict[int, ReceivedFrame]) -> None:
        frames = [self._opened(model, self.cameras[number], taken[number]) for number in taken]
        whole = [frame for frame in frames if frame is not None]
        if not whole:
            return
        started = time.monotonic()
        found = model.predictor.look([frame.fitted for frame in whole])
        inference = time.monotonic() - started
        for frame, each in zip(whole, found, strict=True):
            frame.times.seconds["infer"] = inference
            with frame.times.stage("paste"):
                detections = model.predictor.place(each, frame.fitted, frame.image)
            with frame.times.stage("publish"):
                ids = frame.stream.publish(frame.image, detections, frame.header)
            with frame.times.stage("localise"):
                frame.stream.publish_3d(detections, ids, frame.header)
            self.stages.add(frame.times)
        self.processed += len(whole)
        self.rate.tick(len(whole))

    def _opened(
        self, model: LiveModel, stream: CameraStream, received: ReceivedFrame
    ) -> _Frame | None:
        """A frame as pictures; None for one that is no picture."""
        times = FrameTimes()
        times.seconds["wait"] = time.monotonic() - received.came_at
        try:
            with times.stage("convert"):
                message = stream.images.message(received.serialized)
                stream.begin(message.header)
                image = to_array(message)
                fitted = model.predictor.fit(image)
        except AutomaskError as error:
            self.bad_frames += 1
            self.bad_frame = str(error)
            return None
        self.bad_frame = ""
        age = received.clock_at - seconds_of(message.header.stamp)
        times.seconds["transport"] = age if 0.0 <= age <= _LONGEST_AGE else 0.0
        return _Frame(stream, message.header, image, fitted, times)
