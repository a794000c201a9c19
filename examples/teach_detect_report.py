#!/usr/bin/env python3
"""Teach an object, detect it and report: a small behaviour tree over topics and services.

    python3 teach_detect_report.py mug --ros-args -r __ns:=/robot1

Needs the nodes of teach.launch.py, and somebody who turns the object before the camera. Exit code:
0 when the object was taught and found, 1 when a step failed (the last line says why). Ctrl-C ends
the script alone: /capture/stop and /trainer/cancel end what it began.

The tree has the parts that BehaviorTree.CPP and py_trees have, so that it can be moved there.
"""

import argparse
import sys
import time
from collections.abc import Callable
from enum import Enum, auto
from functools import partial
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from rcl_interfaces.srv import SetParameters
from rclpy.client import Client
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection2D, Detection2DArray, VisionInfo

LATCHED = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
NODES = ("capture", "mask_generator", "trainer")  # tell on ~/progress how far they are
PICTURES = 5  # in a row, in which the object must be found


class Status(Enum):
    RUNNING = auto()
    SUCCESS = auto()
    FAILURE = auto()


class Behaviour:
    """A part of the tree: start() begins it, then tick() goes on with it while it is RUNNING."""

    why = ""  # it fails, or takes so long

    def start(self) -> None: ...

    def tick(self) -> Status:
        raise NotImplementedError


class Sequence(Behaviour):
    """One child after the other, until all have succeeded or one fails."""

    def __init__(self, *children: Behaviour) -> None:
        self._children = children

    def start(self) -> None:
        self._at = 0
        self._children[0].start()

    def tick(self) -> Status:
        child = self._children[self._at]
        status, self.why = child.tick(), child.why
        if status is not Status.SUCCESS or self._at + 1 == len(self._children):
            return status
        self._at += 1
        self._children[self._at].start()
        return Status.RUNNING


class Retry(Behaviour):
    """Begins the child again where it fails, so many times at most."""

    def __init__(self, times: int, child: Behaviour) -> None:
        self._times, self._child = times, child

    def start(self) -> None:
        self._tried = 1
        self._child.start()

    def tick(self) -> Status:
        status, self.why = self._child.tick(), self._child.why
        if status is not Status.FAILURE or self._tried == self._times:
            return status
        print(f"again, for {self.why}", flush=True)
        self._tried += 1
        self._child.start()
        return Status.RUNNING


class Timeout(Behaviour):
    """Fails where the child is still RUNNING after so many seconds."""

    def __init__(self, seconds: float, child: Behaviour) -> None:
        self._seconds, self._child = seconds, child

    def start(self) -> None:
        self._until = time.monotonic() + self._seconds
        self._child.start()

    def tick(self) -> Status:
        status, self.why = self._child.tick(), self._child.why
        if status is Status.RUNNING and time.monotonic() > self._until:
            self.why = f"not done after {self._seconds:g} s: {self.why}"
            return Status.FAILURE
        return status


class Until(Behaviour):
    """A leaf that waits for a condition; what `words` says meanwhile is printed now and then."""

    def __init__(self, condition: Callable[[], Status], words: Callable[[], str]) -> None:
        self._condition, self._words = condition, words

    def start(self) -> None:
        self.why, self._told, self._told_at = "", "", 0.0

    def tick(self) -> Status:
        status, self.why = self._condition(), self._words()
        long_ago = time.monotonic() - self._told_at > 2.0
        if self.why != self._told and (long_ago or status is not Status.RUNNING):
            print(self.why, flush=True)
            self._told, self._told_at = self.why, time.monotonic()
        return status


class Call(Behaviour):
    """A leaf that calls a service once; `refusal` says why an answer is one, or nothing."""

    def __init__(self, name: str, client: Any, request: Any, refusal: Callable[[Any], str]) -> None:
        self._name, self._client, self._request = name, client, request
        self._refusal = refusal

    def start(self) -> None:
        self._future: Any = None
        self.why = f"{self._name} does not answer: does the node run, and in this namespace?"

    def tick(self) -> Status:
        if self._future is None and self._client.service_is_ready():
            self._future = self._client.call_async(self._request)
        if self._future is None or not self._future.done():
            return Status.RUNNING
        self.why = self._refusal(self._future.result())
        return Status.FAILURE if self.why else Status.SUCCESS


class Teacher(Node):
    """What the tree knows of the robot, and its leaves."""

    def __init__(self, label: str) -> None:
        super().__init__("teach_detect_report")
        self._label = label
        self._told = {node: DiagnosticStatus() for node in NODES}
        self._views_before = 0
        self._job = ""
        self._live = ""
        self._found: list[Detection2D] = []
        listen = self.create_subscription
        for node in NODES:  # latched: whatever was missed, the last word comes
            hear = partial(self._on_progress, node)
            listen(DiagnosticStatus, f"{node}/progress", hear, LATCHED)
        listen(VisionInfo, "detector/vision_info", self._on_model, LATCHED)
        listen(Detection2DArray, "detector/detections", self._on_detections, 10)

    def tree(self) -> Behaviour:
        """Teach, detect."""
        train = Sequence(
            Timeout(30, self._trigger("trainer/train", self._on_train)),
            Timeout(1800, Until(self._trained, self._words_of_training)),
        )
        return Sequence(
            Retry(3, Timeout(20, self._set("capture", "label", self._label))),
            Timeout(20, Until(self._label_taken, lambda: "")),
            Retry(3, Timeout(20, self._trigger("capture/start"))),
            Timeout(300, Until(self._all_sides_seen, lambda: self._words("capture"))),
            Timeout(120, Until(self._masks_made, lambda: self._words("mask_generator"))),
            Retry(2, train),
            Timeout(120, Until(self._model_live, lambda: "waiting for the detector's new model")),
            Timeout(120, Until(self._detected, lambda: f"looking for {self._label}")),
        )

    def report(self) -> str:
        """What came of it."""
        new = self._views - self._views_before
        found = self._found[-1]
        centre, score = found.bbox.center.position, found.results[0].hypothesis.score
        return (
            f"{self._label}: {new} new views, {self._masks('accepted')} masks accepted in all, "
            f"model version {self._values('trainer')['version']} is live\n"
            f"{self._label} found in {PICTURES} pictures in a row, at {centre.x:.0f} {centre.y:.0f}"
            f" of {found.header.frame_id}, score {score:.2f}"
        )

    def _trigger(self, name: str, taken: Callable[[str], None] | None = None) -> Call:
        def refusal(answer: Trigger.Response) -> str:
            print(answer.message, flush=True)
            if answer.success and taken:
                taken(answer.message)
            return "" if answer.success else str(answer.message)

        return Call(name, self.create_client(Trigger, name), Trigger.Request(), refusal)

    def _set(self, node: str, name: str, value: str) -> Call:
        service = f"{node}/set_parameters"
        request = SetParameters.Request(
            parameters=[Parameter(name, value=value).to_parameter_msg()]
        )
        client: Client = self.create_client(SetParameters, service)
        return Call(service, client, request, lambda answer: str(answer.results[0].reason))

    def _label_taken(self) -> Status:
        if self._values("capture").get("label") != self._label:
            return Status.RUNNING
        self._views_before = self._views
        return Status.SUCCESS

    def _all_sides_seen(self) -> Status:
        values = self._values("capture")
        done = values["label"] == self._label and values["state"] == "complete"
        return Status.SUCCESS if done else Status.RUNNING

    def _masks_made(self) -> Status:
        all_known = self._masks("views") >= self._views
        return Status.SUCCESS if all_known and not self._masks("waiting") else Status.RUNNING

    def _trained(self) -> Status:
        values = self._values("trainer")
        if values.get("job") != self._job or "promoted" not in values:  # told at the end alone
            return Status.RUNNING
        return Status.SUCCESS if values["promoted"] == "True" else Status.FAILURE

    def _words_of_training(self) -> str:
        mine = self._values("trainer").get("job") == self._job
        return self._words("trainer") if mine else ""

    def _model_live(self) -> Status:
        wanted = f"/{self._values('trainer')['version']}"
        return Status.SUCCESS if self._live.endswith(wanted) else Status.RUNNING

    def _detected(self) -> Status:
        return Status.SUCCESS if len(self._found) >= PICTURES else Status.RUNNING

    def _on_train(self, message: str) -> None:
        self._job = message.split()[0]  # the answer begins with the job's id

    def _on_progress(self, node: str, message: DiagnosticStatus) -> None:
        self._told[node] = message

    def _on_model(self, message: VisionInfo) -> None:
        self._live = message.database_location
        self._found.clear()

    def _on_detections(self, message: Detection2DArray) -> None:
        found = [d for d in message.detections if d.results[0].hypothesis.class_id == self._label]
        self._found = [*self._found, found[0]] if found else []

    @property
    def _views(self) -> int:
        return int(self._values("capture")["views"])

    def _masks(self, which: str) -> int:
        """How many views of the object are known to the mask generator, accepted, waiting."""
        return int(self._values("mask_generator").get(f"{self._label}: {which}", 0))

    def _words(self, node: str) -> str:
        return str(self._told[node].message)

    def _values(self, node: str) -> dict[str, str]:
        return {item.key: item.value for item in self._told[node].values}


def teach(label: str) -> int:
    """Go through the tree, and report; the exit code."""
    teacher = Teacher(label)
    tree = teacher.tree()
    tree.start()
    while (status := tree.tick()) is Status.RUNNING:
        rclpy.spin_once(teacher, timeout_sec=0.1)
    if status is Status.FAILURE:
        print(f"{label} was not taught and found: {tree.why}", file=sys.stderr)
        return 1
    print(teacher.report())
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("label", help="the name of the object, such as mug")
    options = parser.parse_args(remove_ros_args(sys.argv)[1:])
    # Ctrl-C stays Python's own: it arrives between two callbacks, and not inside ROS.
    try:
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        return teach(options.label)
    except KeyboardInterrupt:
        return 130
    finally:
        rclpy.try_shutdown()


if __name__ == "__main__":
    sys.exit(main())
