"""The node `capture`: keeps sharp and new frames of the camera as views of one object."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from automask_ros.errors import AutomaskError
from automask_ros.library.files import described
from automask_ros.library.image_message import camera_fields, camera_info_topic
from automask_ros.library.labels import check_label
from automask_ros.library.view_selector import ViewSelectorConfig
from automask_ros.memory import clear_memory_errors
from automask_ros.nodes import image_messages
from automask_ros.nodes.backoff import Backoff
from automask_ros.nodes.camera_infos import read_camera_info
from automask_ros.nodes.capture_session import CaptureSession
from automask_ros.nodes.desk import RETRY_PERIOD, Desk
from automask_ros.nodes.diagnostics import ERROR, OK, WARN, Diagnostics, Health
from automask_ros.nodes.fault_counts import FaultCounts
from automask_ros.nodes.frame_queue import FrameQueue
from automask_ros.nodes.image_subscription import IMAGE_TRANSPORT, ImageSubscription
from automask_ros.nodes.library_parameter import LIBRARY, open_library
from automask_ros.nodes.newest_frame import FrameWorker
from automask_ros.nodes.parameters import Parameters, ParameterSpec
from automask_ros.nodes.progress_topic import ProgressTopic
from automask_ros.nodes.qos import camera_qos
from automask_ros.nodes.spin import run_node
from automask_ros.nodes.triggers import create_trigger
from automask_ros.types import View

_SELECTOR = ViewSelectorConfig()
PROGRESS_PERIOD = 0.2
"""Seconds between two looks at what is new for `~/progress`: as fast as a person reads."""

TABLE = (
    LIBRARY,
    ParameterSpec(
        "label",
        "object",
        "Name of the object that is shown; a change while running begins the next object",
        read_only=False,
        check=check_label,
    ),
    ParameterSpec(
        "views",
        40,
        "Views of the object after which capturing ends by itself",
        minimum=1,
        maximum=10000,
        read_only=False,
    ),
    ParameterSpec(
        "min_sharpness",
        _SELECTOR.min_sharpness,
        "Least sharpness of a frame; raise it against fogged pictures",
        minimum=0.0,
        maximum=10000.0,
    ),
    ParameterSpec(
        "min_relative_sharpness",
        _SELECTOR.min_relative_sharpness,
        "Least sharpness as a share of that of recent frames; raise it against motion blur",
        minimum=0.0,
        maximum=1.0,
    ),
    ParameterSpec(
        "min_novelty",
        _SELECTOR.min_novelty,
        "Least difference of a frame to every view kept; lower it to keep more similar views",
        minimum=0.0,
        maximum=1.0,
    ),
    IMAGE_TRANSPORT,
    ParameterSpec("auto_start", False, "Take views from the start, without a call of ~/start"),
)


class CaptureNode(Node):
    """Takes views while started; says on /diagnostics why a frame was not kept."""

    def __init__(self) -> None:
        super().__init__("capture")
        self.failure: BaseException | None = None
        self._settings = Parameters(self, TABLE, self._on_change)
        self._library = open_library(self._settings["library"])
        self._session = self._new_session(self._settings["label"])
        self._started = bool(self._settings["auto_start"]) and not self._session.complete
        warn = self.get_logger().warning
        self._bad_frames = FaultCounts("bad frame", warn)
        self._bad_infos = FaultCounts("bad camera_info", warn)
        self._not_kept = 0
        self._unkept = ""
        self._backoff = Backoff(RETRY_PERIOD, RETRY_PERIOD)
        self._camera_info: dict[str, Any] = {}
        self._view_publisher = self.create_publisher(Image, "~/view", 10)
        self._slot = FrameQueue()  # and not the newest alone: choosing is to see every frame
        self._worker = FrameWorker(self, self._slot, self._take, "capture")
        self._images = ImageSubscription(self, self._settings["image_transport"], self._on_frame)
        self.create_subscription(
            CameraInfo,
            camera_info_topic(self._images.topic),
            self._on_camera_info,
            camera_qos(),
            raw=True,
        )
        self._desk = Desk(self, self._library)
        create_trigger(self, "~/start", self.start, self._desk)
        create_trigger(self, "~/stop", self.stop)
        create_trigger(self, "~/undo", self.undo, self._desk)
        self._diagnostics = Diagnostics(self, self._health)
        self._progress = ProgressTopic(self)
        self.create_timer(
            PROGRESS_PERIOD, self._tell_progress, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    def start(self) -> str:
        """Take views from the next frame on; StorageError when they could not be kept."""
        if self._session.complete:
            raise AutomaskError(
                f"{self._session.summary()} are there: raise the parameter views, or set label"
            )
        self._library.check_writable()
        self._started = True
        return f"started: {self._session.summary()}; show it from all sides"

    def stop(self) -> str:
        """Take no more views until started again."""
        self._started = False
        self._unkept = ""
        self._slot.clear()
        return f"stopped: {self._session.summary()}"

    def undo(self) -> str:
        """Take the newest view away."""
        view = self._session.undo()
        return f"view {view.id} undone: {self._session.summary()}"

    def close(self) -> None:
        """Finish the frame in work."""
        self._desk.close()
        self._worker.close()

    def _new_session(self, label: str) -> CaptureSession:
        config = ViewSelectorConfig(
            min_sharpness=self._settings["min_sharpness"],
            min_relative_sharpness=self._settings["min_relative_sharpness"],
            min_novelty=self._settings["min_novelty"],
        )
        return CaptureSession(self._library, label, self._settings["views"], config)

    def _on_change(self, name: str, value: Any) -> None:
        if name == "label":
            self._unkept = ""
            self._slot.clear()  # those frames show the object before
            self._session = self._new_session(value)
            self.get_logger().info(f"next object: {self._session.summary()}")
        elif name == "views":
            self._session.target = value
            if self._session.complete:
                self._end_showing()

    def _end_showing(self) -> None:
        """All views are there: the next object, or another in place of one that is undone, waits
        for its start."""
        self._started = False
        self._slot.clear()
        self.get_logger().info(f"{self._session.summary()}: complete")

    def _on_frame(self, frame: bytes) -> None:
        if self._started:
            self._slot.put(frame)

    def _on_camera_info(self, serialized: bytes) -> None:
        try:
            self._camera_info = camera_fields(read_camera_info(serialized))
        except AutomaskError as error:
            self._bad_infos.add(error)
        else:
            self._bad_infos.good()

    def _take(self, frame: bytes) -> None:
        if not self._started:
            return  # it waited while the last view was kept, or while this was stopped
        if not self._backoff.due:
            self._not_kept += 1
            return
        session = self._session
        try:
            message = self._images.message(frame)
            image = image_messages.to_array(message)
        except AutomaskError as error:
            self._bad_frames.add(error)
            return
        self._bad_frames.good()
        if self._keep(session, image, message.header) is None:
            return
        if self._view_publisher.get_subscription_count():
            self._view_publisher.publish(image_messages.to_message(image, message.header))
        if session.complete and session is self._session:
            self._end_showing()

    def _keep(self, session: CaptureSession, image: np.ndarray, header: Header) -> View | None:
        """The view that a frame became; None too while the disk takes none, which is told."""
        seconds = image_messages.seconds_of(header.stamp) or time.time()
        camera = {"frame_id": header.frame_id, **self._camera_info}
        try:
            with self._desk.disk.at_work(), clear_memory_errors():
                view = session.consider(image, seconds, self._images.topic, camera)
        except (AutomaskError, OSError) as error:
            self._backoff.failed()
            self._not_kept += 1
            if self._started:
                if not self._unkept:
                    self.get_logger().error(f"not keeping views: {described(error)}")
                self._unkept = f"not keeping views: {described(error)}"
            return None
        if view is not None:
            self._unkept = ""
        return view

    def _health(self) -> Health:
        session = self._session
        health = Health(
            values={
                "label": session.label,
                "views": session.count,
                "target": session.target,
                "state": self._state(),
                "received": self._images.received,
                "rate_hz": self._images.rate.rate(),
                "waiting": len(self._slot),
                "dropped": self._slot.dropped,
                "not_kept": self._not_kept,
                "bad_frames": self._bad_frames.total,
                "last_refusal": session.last_refusal,
            }
        )
        health.values.update(self._images.figures())
        for bad in (self._bad_frames, self._bad_infos):
            health.values.update(bad.figures())
        # A copy: the thread that takes frames may add a reason meanwhile.
        refused = dict(session.refused)
        health.values.update({f"refused: {why}": n for why, n in refused.items()})
        health.note(ERROR, self._unkept or self._desk.problem)
        health.note(WARN, self._desk.disk.problem())
        health.note(WARN, self._images.problem())
        health.note(WARN, self._bad_frames.last)
        health.note(WARN, self._bad_infos.last)
        health.note(OK, self._advice(session))
        return health

    def _tell_progress(self) -> None:
        """How far the session is, and what the last frame lacked, for whoever shows the object."""
        session, health = self._session, self._diagnostics.last
        troubled = health.level != OK
        self._progress.tell(
            health.level,
            health.message if troubled else self._advice(session),
            {
                "label": session.label,
                "state": "complete" if session.complete else self._state(),
                "views": session.count,
                "target": session.target,
                "newest": session.newest,
                # Without its figures, which differ from frame to frame.
                "last_refusal": session.last_refusal.partition(" (")[0],
            },
        )

    def _state(self) -> str:
        if not self._started:
            return "stopped"
        return "not keeping views" if self._unkept else "started"

    def _advice(self, session: CaptureSession) -> str:
        if session.complete:
            return f"{session.summary()}: complete"
        if not self._started:
            return f"{session.summary()}: stopped, waiting for ~/start"
        return session.summary() + (f": {session.last_refusal}" if session.last_refusal else "")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node; the exit code."""
    return run_node(CaptureNode, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
