"""The demo's part in ROS: shows the sample to the live nodes and writes down what they answer.

A process of its own, started by `automask demo` beside the four nodes. It knows them by their
topics and services, and looks into the library to see which views have their masks. Its standard
output is one JSON object a line: progress, then for each object how it was taught, then how the
test scenes went. The detections go to a file of COCO results.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import rclpy
from rclpy.utilities import remove_ros_args, try_shutdown

from automask_ros.errors import AutomaskError
from automask_ros.library.files import one_line, read_json, write_json
from automask_ros.library.library import Library
from automask_ros.nodes.demo_client import DemoClient
from automask_ros.nodes.detection_results import to_coco_results
from automask_ros.nodes.recorded_camera import CameraPublisher, RecordedCamera, RecordedMessage

#: Listeners of the camera: capture and detector.
_LISTENERS = 2
_MASK_PATIENCE = 120.0
_MODEL_PATIENCE = 120.0
_FRAME_PATIENCE = 10.0
_LIBRARY_PERIOD = 0.2

Tell = Callable[[dict[str, Any]], None]


class DemoSession:
    """Teaches objects one after the other, then tests the detector that came of it."""

    def __init__(
        self, client: DemoClient, library: Library, rate: float, views: int, tell: Tell
    ) -> None:
        """`rate`: pictures a second at which an object is shown, until `views` of it are kept."""
        self._client, self._library = client, library
        self._period, self._views = 1.0 / rate, views
        self._tell = tell
        self._told: dict[str, Any] = {}
        client.wait_for_services("capture/start", "mask_generator/regenerate", "trainer/train")

    def teach(self, label: str, camera: RecordedCamera, publisher: CameraPublisher) -> None:
        """Show an object, wait for its masks, train, and wait until the detector knows it."""
        client = self._client
        client.set_parameter("capture", "label", label)
        client.call("capture/start")
        client.views, client.last_view_at = 0, None
        self._show(label, camera, publisher)
        client.call("capture/stop")
        self._wait_for_masks(label)
        views = self._library.views(label)
        if not views:
            raise AutomaskError(f"capture kept no view of {label}: see the log of capture")
        begun = client.last_view_at or time.monotonic()
        promoted, reason = self._train(label)
        seconds = round(time.monotonic() - begun, 1) if promoted else None
        self._tell(
            {
                "event": "object",
                "label": label,
                "views": len(views),
                # What was learned from: before the training the masks are compared and made better.
                "accepted": len(self._library.trainable_views(label)),
                "seconds": seconds,
                "promoted": promoted,
                "reason": reason,
            }
        )

    def test(
        self, camera: RecordedCamera, publisher: CameraPublisher, truth: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Show the scenes one by one; what the detector answered, as COCO results.

        A scene without an answer in time is counted as missing and has no results.
        """
        if not self._client.live_model:
            raise AutomaskError("no model went live: see the trainer's log for why")
        image_ids = {image["stamp_ns"]: image["id"] for image in truth["images"]}
        categories = {category["name"]: category["id"] for category in truth["categories"]}
        results: list[dict[str, Any]] = []
        shown = answered = 0
        for message in camera:
            publisher.publish(message)
            if not message.is_image:
                continue
            shown += 1
            found = self._answer(message)
            if found is not None:
                answered += 1
                results += to_coco_results(*found, image_ids[message.stamp_ns], categories)
            self._progress("", "scenes", shown, len(camera))
        self._tell({"event": "scenes", "shown": shown, "missing": shown - answered})
        return results

    def _show(self, label: str, camera: RecordedCamera, publisher: CameraPublisher) -> None:
        """Play a teaching sequence at the rate of the demo, as long as views are wanted."""
        begun, shown = time.monotonic(), 0
        for message in camera:
            publisher.publish(message)
            if message.is_image:
                shown += 1
                self._client.spin(max(0.0, begun + shown * self._period - time.monotonic()))
                self._progress(label, "capture", shown, len(camera))
                if self._client.views >= self._views:
                    break
        self._client.spin(1.0)  # the last frame's view is being written

    def _wait_for_masks(self, label: str) -> None:
        """Wait until each view has its mask; AutomaskError when none comes for a long while."""
        left, until = -1, 0.0
        while (waiting := len(self._library.views_without_mask(label))) > 0:
            if waiting != left:
                left, until = waiting, time.monotonic() + _MASK_PATIENCE
                total = len(self._library.views(label))
                self._progress(label, "masks", total - waiting, total)
            if time.monotonic() > until:
                raise AutomaskError(
                    f"{waiting} views of {label} got no mask: see the log of mask_generator"
                )
            self._client.spin(_LIBRARY_PERIOD)

    def _train(self, label: str) -> tuple[bool, str]:
        """Order a training and follow it; whether its model is live, and the trainer's words."""
        client = self._client
        job = client.call("trainer/train").split()[0]
        most = 0

        def ended() -> bool:
            nonlocal most
            values = client.progress_values()
            if values.get("job") != job:
                return False
            # The longest part by far; what follows it looks at fewer.
            if values.get("stage") == "look" and int(values["total"]) >= most:
                most = int(values["total"])
                self._progress(label, "train", int(values["step"]), most)
            return "promoted" in values  # what only the end of a job tells

        while not client.wait_for(ended, 1.0):
            pass
        values = client.progress_values()
        words = client.progress.message if client.progress else ""
        if values["stage"] != "done":
            raise AutomaskError(f"training for {label} {values['stage']}: {words}")
        if values["promoted"] != "True":
            return False, words
        suffix = f"/{values['version']}"
        if not client.wait_for(lambda: client.live_model.endswith(suffix), _MODEL_PATIENCE):
            raise AutomaskError(
                f"the detector did not take up model version {values['version']} within "
                f"{_MODEL_PATIENCE:.0f} s: see its log"
            )
        return True, words

    def _answer(self, message: RecordedMessage) -> tuple[Any, Any] | None:
        """The detections and the instances of a scene, or None when they do not come in time."""
        client = self._client
        stamp = (message.stamp.sec, message.stamp.nanosec)
        complete = client.wait_for(
            lambda: stamp in client.detections and stamp in client.instances, _FRAME_PATIENCE
        )
        return (client.detections[stamp], client.instances[stamp]) if complete else None

    def _progress(self, label: str, stage: str, step: int, total: int) -> None:
        event = {"event": "progress", "label": label, "stage": stage, "step": step, "total": total}
        if event != self._told:
            self._told = event
            self._tell(event)


def _conduct(options: argparse.Namespace) -> None:
    library = Library(options.library, create=True)
    truth = read_json(options.sample / "scenes.json", links=True)
    scenes = RecordedCamera(options.sample / "scenes")
    teaching = {
        label: RecordedCamera(options.sample / f"teach_{label}") for label in options.labels
    }
    node = rclpy.create_node("demo")
    client = DemoClient(node)
    try:
        publisher = CameraPublisher(node, scenes.transport, scenes.transport)
        session = DemoSession(client, library, options.rate, options.views, _tell)
        if not client.wait_for(
            lambda: publisher.image.get_subscription_count() >= _LISTENERS, _MODEL_PATIENCE
        ):
            raise AutomaskError(f"capture and detector do not listen to {publisher.topic}")
        for label, camera in teaching.items():
            session.teach(label, camera, publisher)
        write_json(options.results, session.test(scenes, publisher, truth))
    finally:
        client.close()
        node.destroy_node()


def _tell(event: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Conduct the session; the exit code: 0, or 2 with one line on stderr."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--sample", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--labels", nargs="+", required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--views", type=int, required=True)
    options = parser.parse_args(remove_ros_args(["", *given])[1:])
    rclpy.init(args=given)
    try:
        _conduct(options)
    except AutomaskError as error:
        sys.stderr.write(f"automask: {one_line(error)}\n")
        return 2
    finally:
        try_shutdown()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
