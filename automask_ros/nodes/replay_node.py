"""The node `replay`: plays a rosbag2 recording as if it were a camera."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from rclpy.node import Node

from automask_ros.errors import AutomaskError
from automask_ros.nodes.diagnostics import OK, WARN, Diagnostics, Health
from automask_ros.nodes.parameters import Parameters, ParameterSpec
from automask_ros.nodes.recorded_camera import (
    COMPRESSED,
    RAW,
    CameraPublisher,
    RecordedCamera,
    RecordedMessage,
)
from automask_ros.nodes.spin import run_node, start_worker

_RECORDED = "recorded"
_POLL_SECONDS = 0.05
_SETTLING = 0.5
"""Seconds until subscribers know of the publisher, too: what is sent before goes nowhere."""


def _check_given(path: str) -> None:
    if not path:
        raise AutomaskError("no recording given; name one, as in recording:=/path/to/recording")


TABLE = (
    ParameterSpec(
        "recording",
        "",
        "The rosbag2 recording to play: its folder, or one .mcap or .db3 file",
        check=_check_given,
    ),
    ParameterSpec("topic", "", "Image topic in the recording; empty when there is only one"),
    ParameterSpec(
        "rate",
        0.0,
        "Pictures a second; 0 plays as fast as they were taken",
        minimum=0.0,
        maximum=1000.0,
    ),
    ParameterSpec("loop", False, "Begin again at the end, until the node is stopped"),
    ParameterSpec(
        "image_transport",
        _RECORDED,
        "How the pictures travel: as they were recorded, 'raw' on image, or 'compressed' on "
        "image/compressed",
        choices=(_RECORDED, RAW, COMPRESSED),
    ),
    ParameterSpec("restamp", False, "Stamp pictures with the time of playing, not of recording"),
    ParameterSpec(
        "wait_for",
        1,
        "Subscribers of the image topic to wait for before the first picture",
        minimum=0,
        maximum=100,
    ),
)


class ReplayNode(Node):
    """Plays once, or in a loop, from a thread of its own; the process ends with the recording."""

    def __init__(self) -> None:
        super().__init__("replay")
        self.failure: BaseException | None = None
        self._settings = Parameters(self, TABLE)
        path = Path(self._settings["recording"]).expanduser()
        self._camera = RecordedCamera(path, self._settings["topic"] or None)
        transport = self._settings["image_transport"]
        if transport == _RECORDED:
            transport = self._camera.transport
        self._publisher = CameraPublisher(self, self._camera.transport, transport)
        self._played = 0
        self._closed = threading.Event()
        self._diagnostics = Diagnostics(self, self._health)
        self._thread = start_worker(self, self._run, "replay")

    def close(self) -> None:
        """Play no further picture."""
        self._closed.set()
        self._thread.join(5.0)

    def _run(self) -> None:
        self._wait_for_subscribers()
        while not self._closed.is_set():
            self._play()
            if not self._settings["loop"]:
                break
        if not self._closed.is_set():
            self._publisher.wait_for_reliable(5.0)
            self.get_logger().info(f"played {self._played} pictures of {self._camera.path}")
        self.context.try_shutdown()

    def _wait_for_subscribers(self) -> None:
        while self._subscribers_missing() and not self._closed.is_set():
            self._closed.wait(_POLL_SECONDS)
        self._closed.wait(_SETTLING)

    def _subscribers_missing(self) -> bool:
        return bool(self._publisher.image.get_subscription_count() < self._settings["wait_for"])

    def _play(self) -> None:
        """Publish the recording once, each picture when it is due."""
        started, first, number = time.monotonic(), None, 0
        for message in self._camera:
            if message.is_image:
                first = message.stamp_ns if first is None else first
                self._sleep_until(started + self._due(message, first, number))
                number += 1
            if self._closed.is_set():
                return
            if self._settings["restamp"]:
                message = message.restamped(self.get_clock().now().to_msg())
            self._publisher.publish(message)
            self._played += message.is_image

    def _due(self, message: RecordedMessage, first: int, number: int) -> float:
        """Seconds after the first picture at which this one is to be published."""
        rate = float(self._settings["rate"])
        return number / rate if rate else (message.stamp_ns - first) * 1e-9

    def _sleep_until(self, moment: float) -> None:
        self._closed.wait(max(0.0, moment - time.monotonic()))

    def _health(self) -> Health:
        health = Health(values={"played": self._played, "pictures": len(self._camera)})
        if self._played == 0 and self._subscribers_missing():
            health.note(
                WARN,
                f"waiting for {self._settings['wait_for']} subscriber(s) of "
                f"{self._publisher.topic}: start one, or set wait_for:=0",
            )
        health.note(OK, f"playing {self._camera.path}")
        return health


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node; the exit code."""
    return run_node(ReplayNode, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
