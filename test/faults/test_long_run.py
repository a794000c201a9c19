"""Long and hard: capture, masks, training and detection at 30 Hz for an hour, all on one library.

Two objects in turn, four minutes each, for AUTOMASK_SOAK_MINUTES (60), with --soak alone: one turn
is what test/integration/test_teaching.py does.
"""

import hashlib
import os
import statistics
import subprocess
import sys
import time

import pytest
from faults.vitals import Vitals
from integration.drawn_objects import SHAPES
from integration.test_teaching import wait_for_model
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

from automask_ros.library.library import Library
from automask_ros.nodes.image_messages import seconds_of, to_array

NODES = ("capture_node", "mask_generation_node", "trainer_node", "detector_node")
VIEWS, ANEW = 12, 4
"""Views of an object, and how many of them each later turn takes back and shows again."""
PERIOD, SAMPLE_PERIOD = 240.0, 5.0
"""Seconds from turn to turn, and from look to look at the processes."""


class Hour:
    """The robot at work, its camera, and all that is measured meanwhile."""

    def __init__(self, robot, root):
        self.robot = robot
        self.library = Library(root, create=True)
        self.latencies = []
        self.kept = {}
        self._start_nodes(root)
        self.camera = subprocess.Popen(
            [sys.executable, "-m", "faults.steady_camera", f"{robot.namespace}/image"],
            env=robot.environment | {"PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE,
            text=True,
        )
        self.vitals = Vitals({name: robot.process(name).pid for name in NODES})
        self._looked = 0.0
        robot.listen("trainer/progress", "detector/vision_info")
        node = robot.node
        node.create_subscription(Detection2DArray, "detector/detections", self._on_answer, 100)
        node.create_subscription(Image, "capture/view", self._on_view, 100)

    def _start_nodes(self, root):
        common = {"device": "cpu", "threads": 1}
        small = {"base_model": "lite", "iterations": 40, "image_size": 160}
        start = self.robot.start
        start("capture_node", library=root, views=VIEWS, min_novelty=0.01)
        start("mask_generation_node", library=root, **common)
        start("trainer_node", library=root, **small, **common)
        start("detector_node", library=root, **common)

    def _on_answer(self, message):
        self.latencies.append((time.monotonic(), time.time() - seconds_of(message.header.stamp)))

    def _on_view(self, message):
        stamp = round(seconds_of(message.header.stamp), 6)
        self.kept[stamp] = hashlib.sha256(to_array(message).tobytes()).hexdigest()

    def wait_for(self, condition, seconds, what):
        """As the robot's, and looks at the processes now and then."""

        def looked():
            if time.monotonic() - self._looked > SAMPLE_PERIOD:
                self._looked = time.monotonic()
                self.vitals.look()
                assert self.robot.alive() == set(NODES)
            return condition()

        return self.robot.wait_for(looked, seconds, what)

    def turn(self, label):
        """Show an object, and train; the job's last words."""
        self.camera.stdin.write(f"{label}\n")
        self.camera.stdin.flush()
        assert self.robot.set_parameter("capture", "label", label).successful
        if len(self.library.views(label)) == VIEWS:
            for _ in range(ANEW):
                taken_back = self.robot.call("capture/undo")
                assert taken_back.success, taken_back.message
        assert self.robot.call("capture/start").success
        self.wait_for(lambda: len(self.library.views(label)) == VIEWS, 120, f"views of {label}")
        answer = self.robot.call("trainer/train")
        assert answer.success, answer.message
        return self._ended(answer.message.split()[0])

    def _ended(self, job):
        def ended():
            status = self.robot.heard["trainer/progress"][-1]
            values = {value.key: value.value for value in status.values}
            over = values.get("job") == job and values["stage"] in ("done", "failed", "cancelled")
            return (status, values) if over else None

        status, values = self.wait_for(ended, 600, f"the end of {job}")
        assert values["stage"] == "done", status.message
        return status.message

    def rest(self, until):
        """Detect only, until a moment of the monotonic clock."""
        if (left := until - time.monotonic()) > 0:
            self.wait_for(lambda: time.monotonic() >= until, left + 60, "the next turn")

    def close(self):
        self.camera.stdin.close()
        self.camera.wait(20)


@pytest.fixture
def hour(robot, tmp_path):
    hour = Hour(robot, tmp_path / "library")
    yield hour
    hour.close()


@pytest.mark.soak("takes an hour")
def test_an_hour_of_everything(hour, capsys):
    minutes = float(os.environ.get("AUTOMASK_SOAK_MINUTES", "60"))
    begun, turns = time.monotonic(), 0
    while turns < 1 or time.monotonic() - begun < 60 * minutes:
        label = list(SHAPES)[turns % len(SHAPES)]
        said = hour.turn(label)
        turns += 1
        print(f"{(time.monotonic() - begun) / 60:.1f} min: {label}: {said}")
        hour.rest(begun + turns * PERIOD)
    wait_for_model(hour.robot, hour.library.models.database_version())
    assert_nothing_lost(hour, list(SHAPES)[:turns])
    figures = measured(hour)
    with capsys.disabled():
        print(f"\n{turns} turns in {(time.monotonic() - begun) / 60:.1f} min", *figures, sep="\n  ")
    assert_flat(hour)


def assert_nothing_lost(hour, labels):
    """Every view in the library is one that was told, with the pixels that were told, and each
    object has all of its views and masks."""
    for label in labels:
        views = hour.library.views(label)
        assert len(views) == VIEWS
        for view in views:
            pixels = hour.library.read_image(view)
            digest = hashlib.sha256(pixels.tobytes()).hexdigest()
            assert hour.kept[round(view.captured_at, 6)] == digest
            mask = hour.library.read_mask(view)
            assert mask is not None and mask.shape == pixels.shape[:2]


def quarters(hour):
    """The latencies, in seconds, of the second and of the last quarter of the time."""
    first, last = hour.latencies[0][0], hour.latencies[-1][0]
    marks = [first + (last - first) * share for share in (0.25, 0.5, 0.75, 1.0)]
    return [
        [latency for moment, latency in hour.latencies if begin <= moment <= end]
        for begin, end in (marks[:2], marks[2:])
    ]


def measured(hour):
    """Lines of what each process held and how old detections were, early and late."""
    for name in NODES:
        before, after = (
            [hour.vitals.between(name, kind, *part) for kind in ("memory", "files", "threads")]
            for part in ((0.25, 0.5), (0.75, 1.0))
        )
        yield f"{name}: {before[0]:.0f} -> {after[0]:.0f} MB, files {before[1]:.0f} -> " + (
            f"{after[1]:.0f}, threads {before[2]:.0f} -> {after[2]:.0f}"
        )
    early, late = quarters(hour)
    yield f"{len(hour.latencies)} answers; p50 {1e3 * statistics.median(early):.0f} -> " + (
        f"{1e3 * statistics.median(late):.0f} ms after the stamp"
    )


def assert_flat(hour):
    """Nothing that grows: the last quarter of the time beside the second one."""
    for name in NODES:
        for kind, share, more in (("memory", 1.05, 20), ("files", 1.0, 1), ("threads", 1.0, 1)):
            before = hour.vitals.between(name, kind, 0.25, 0.5)
            after = hour.vitals.between(name, kind, 0.75, 1.0)
            assert after <= share * before + more, (name, kind, before, after)
    early, late = (statistics.median(part) for part in quarters(hour))
    assert late <= 1.3 * early + 0.01, (early, late)
