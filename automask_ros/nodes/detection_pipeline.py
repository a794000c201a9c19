"""From the newest frames of the cameras to the detector's topics."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from rclpy.lifecycle import LifecycleNode

from automask_ros.errors import AutomaskError
from automask_ros.library.files import described
from automask_ros.nodes.camera_stream import (
    CameraStream,
    OpenFrame,
    ReceivedFrame,
    StreamConfig,
    StreamTopics,
)
from automask_ros.nodes.fault_counts import together
from automask_ros.nodes.live_model import LiveModel, LiveModelSlot
from automask_ros.nodes.meters import RateMeter
from automask_ros.nodes.newest_frame import NewestFrame
from automask_ros.nodes.spin import start_worker
from automask_ros.nodes.stage_meters import StageMeters

LONGEST_FRAME = 20.0
"""Seconds for which the end of the work on a frame is waited for."""
MOST_FAILURES = 20
"""Frames in a row that nobody knows why they fail; after these only a new process can help."""


class DetectionPipeline:
    """What the detector holds between configure and clean-up: cameras, a slot, and a worker.

    Frames are worked on while `active` and while there is a model. Where the network takes a batch
    in less time, those of several cameras that wait go through it together.
    """

    def __init__(
        self, node: LifecycleNode, cameras: Sequence[StreamTopics], config: StreamConfig
    ) -> None:
        self._node = node
        self._live = LiveModelSlot(node)
        self._active = self._closed = False
        self._at_work = threading.Lock()
        self.processed = self.failed = 0
        self._failed_in_a_row = 0
        self.failure = ""
        self.stages = StageMeters()
        self.rate = RateMeter()
        self._slot: NewestFrame[ReceivedFrame] = NewestFrame()
        self.cameras = [
            CameraStream(node, topics, config, partial(self._on_frame, number))
            for number, topics in enumerate(cameras)
        ]
        self._worker = start_worker(node, self._run, "detector")

    @property
    def active(self) -> bool:
        """Whether frames are worked on."""
        return self._active

    @property
    def model(self) -> LiveModel | None:
        """The model that detects."""
        return self._live.model

    @property
    def dropped(self) -> int:
        """Frames that a newer one of their camera replaced before they were worked on."""
        return self._slot.dropped

    def activate(self) -> None:
        """Work on frames from here on."""
        self._set_active(True)
        self._live.announce()

    def use(self, model: LiveModel) -> None:
        """Make `model` the live one: at once, or after the frames in work."""
        self._live.offer(model)
        self._slot.wake()

    def pause(self) -> None:
        """Work on no frame from here on; those in work are finished first."""
        self._set_active(False)
        self._slot.clear()
        with self._at_work:
            self.failure = ""
        for camera in self.cameras:
            camera.forget_problems()

    def close(self) -> None:
        """End the worker, which finishes its frames first, and leave all topics."""
        self._set_active(False)
        self._slot.close()
        self._worker.join(LONGEST_FRAME)
        self._closed = True
        self._live.close()
        for camera in self.cameras:
            camera.destroy()

    def figures(self) -> dict[str, Any]:
        """For the diagnostics: frames and how long they take."""
        images = [camera.images for camera in self.cameras]
        losses = [each.figures() for each in images]
        return {
            "received": sum(each.received for each in images),
            "received_hz": sum(each.rate.rate() for each in images),
            "processed": self.processed,
            "processed_hz": self.rate.rate(),
            "dropped": self.dropped,
            "failed": self.failed,
            "bad_frames": sum(camera.bad_frames.total for camera in self.cameras),
            "bad_depths": sum(
                camera.bad_depths.total + camera.depth.faults.total for camera in self.cameras
            ),
            **together(counts for camera in self.cameras for counts in camera.faults()),
            **self.stages.figures(),
            # Of several cameras one after the other, in the order of `image_topics`.
            **{name: _several([each[name] for each in losses]) for name in losses[0]},
        }

    def problems(self) -> list[str | None]:
        """What is wrong with frames and topics, with remedies."""
        return [problem for camera in self.cameras for problem in camera.problems()]

    def _set_active(self, active: bool) -> None:
        self._active = active
        for camera in self.cameras:
            camera.active = active

    def _on_frame(self, camera: int, frame: ReceivedFrame) -> None:
        if self.active and self.model is not None:
            self._slot.put(frame, camera)

    def _run(self) -> None:
        while (taken := self._slot.take(self._together())) is not None:
            with self._at_work:
                model = self._live.swap()
                if taken and self.active and model is not None:
                    self._try(model, taken)

    def _together(self) -> bool:
        return self.model is not None and self.model.predictor.runtime.batches

    def _try(self, model: LiveModel, taken: dict[int, ReceivedFrame]) -> None:
        """Work on frames; what fails is told, and the next ones may do better."""
        try:
            self._work(model, taken)
        except Exception as error:
            if self._closed or not self._node.context.ok():
                return  # the topics are gone already
            self.failed += len(taken)
            known = isinstance(error, AutomaskError)
            self._failed_in_a_row = 0 if known else self._failed_in_a_row + 1
            words = described(error)
            if words != self.failure:
                self._node.get_logger().error(f"a frame could not be worked on: {words}")
            self.failure = words
            if self._failed_in_a_row >= MOST_FAILURES:
                raise

    def _work(self, model: LiveModel, taken: dict[int, ReceivedFrame]) -> None:
        opened = []
        for number, received in taken.items():
            camera = self.cameras[number]
            frame = camera.open(received, model.predictor.fit)
            if frame is not None:
                opened.append((camera, frame))
        if opened:
            self._look(model, opened)

    def _look(self, model: LiveModel, opened: Sequence[tuple[CameraStream, OpenFrame]]) -> None:
        started = time.monotonic()
        found = model.predictor.look([frame.fitted for _, frame in opened])
        inference = time.monotonic() - started
        in_space = []
        for (camera, frame), each in zip(opened, found, strict=True):
            frame.times.seconds["infer"] = inference
            with frame.times.stage("paste"):
                detections = model.predictor.place(each, frame.fitted, frame.image)
            with frame.times.stage("publish"):
                ids = camera.publish(frame.image, detections, frame.header)
            in_space.append((detections, ids))
        # Last, for its depth may have to be waited for.
        for (camera, frame), (detections, ids) in zip(opened, in_space, strict=True):
            with frame.times.stage("localise"):
                camera.publish_3d(detections, ids, frame.header)
            self.stages.add(frame.times)
        self.processed += len(opened)
        self.rate.tick(len(opened))
        self._failed_in_a_row, self.failure = 0, ""


def _several(values: Sequence[Any]) -> Any:
    """A figure of one camera as it is; those of several in one line. None where none is known."""
    if len(values) == 1 or all(each is None for each in values):
        return values[0]
    return "; ".join(map(_figure, values))


def _figure(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
