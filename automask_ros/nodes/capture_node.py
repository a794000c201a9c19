"""The node `capture`: keeps sharp and new frames of the camera as views of one object."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image

from automask_ros.errors import AutomaskError
from automask_ros.library.image_message import camera_fields, camera_info_topic
from automask_ros.library.labels import check_label
from automask_ros.library.view_selector import ViewSelectorConfig
from automask_ros.nodes import image_messages
from automask_ros.nodes.capture_session import CaptureSession
from automask_ros.nodes.diagnostics import OK, WARN, Diagnostics, Health
from automask_ros.nodes.image_subscription import IMAGE_TRANSPORT, ImageSubscription
from automask_ros.nodes.library_parameter import LIBRARY, open_library
from automask_ros.nodes.newest_frame import FrameWorker, NewestFrame
from automask_ros.nodes.parameters import Parameters, ParameterSpec
from automask_ros.nodes.qos import camera_qos
from automask_ros.nodes.spin import run_node
from automask_ros.nodes.triggers import create_trigger

_SELECTOR = ViewSelectorConfig()

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
        self._started = bool(self._settings["auto_start"])
        self._bad_frames = 0
        self._bad_frame = ""
        self._camera_info: CameraInfo | None = None
        self._view_publisher = self.create_publisher(Image, "~/view", 10)
        self._slot: NewestFrame[bytes] = NewestFrame()
        self._worker = FrameWorker(self, self._slot, self._take, "capture")
        self._images = ImageSubscription(self, self._settings["image_transport"], self._on_frame)
        self.create_subscription(
            CameraInfo, camera_info_topic(self._images.topic), self._on_camera_info, camera_qos()
        )
        create_trigger(self, "~/start", self.start)
        create_trigger(self, "~/stop", self.stop)
        create_trigger(self, "~/undo", self.undo)
        self._diagnostics = Diagnostics(self, self._health)

    def start(self) -> str:
        """Take views from the next frame on."""
        if self._session.complete:
            raise AutomaskError(
                f"{self._session.summary()} are there: raise the parameter views, or set label"
            )
        self._started = True
        return f"started: {self._session.summary()}; show it from all sides"

    def stop(self) -> str:
        """Take no more views until started again."""
        self._started = False
        self._slot.clear()
        return f"stopped: {self._session.summary()}"

    def undo(self) -> str:
        """Take the newest view away."""
        view = self._session.undo()
        return f"view {view.id} undone: {self._session.summary()}"

    def close(self) -> None:
        """Finish the frame in work."""
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
            self._session = self._new_session(value)
            self.get_logger().info(f"next object: {self._session.summary()}")
        elif name == "views":
            self._session.target = value

    def _on_frame(self, frame: bytes) -> None:
        if self._started:
            self._slot.put(frame)

    def _on_camera_info(self, message: CameraInfo) -> None:
        self._camera_info = message

    def _take(self, frame: bytes) -> None:
        session = self._session
        try:
            message = self._images.message(frame)
            image = image_messages.to_array(message)
        except AutomaskError as error:
            self._bad_frames += 1
            self._bad_frame = str(error)
            return
        view = session.consider(
            image,
            image_messages.seconds_of(message.header.stamp) or time.time(),
            self._images.topic,
            self._camera(message.header.frame_id),
        )
        self._bad_frame = ""
        if view is None:
            return
        if self._view_publisher.get_subscription_count():
            self._view_publisher.publish(image_messages.to_message(image, message.header))
        if session.complete and session is self._session:
            self._started = False
            self.get_logger().info(f"{session.summary()}: complete")

    def _camera(self, frame_id: str) -> dict[str, Any]:
        camera: dict[str, Any] = {"frame_id": frame_id}
        info = self._camera_info
        if info is not None:
            camera.update(camera_fields(info))
        return camera

    def _health(self) -> Health:
        session = self._session
        health = Health(
            values={
                "label": session.label,
                "views": session.count,
                "target": session.target,
                "state": "started" if self._started else "stopped",
                "received": self._images.received,
                "rate_hz": self._images.rate.rate(),
                "dropped": self._slot.dropped,
                "bad_frames": self._bad_frames,
                "last_refusal": session.last_refusal,
            }
        )
        health.values.update(self._images.figures())
        health.values.update({f"refused: {why}": n for why, n in session.refused.items()})
        health.note(WARN, self._images.problem())
        health.note(WARN, self._bad_frame)
        health.note(OK, self._advice(session))
        return health

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
