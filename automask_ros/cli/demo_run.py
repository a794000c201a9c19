"""A run of the demo: its folder, its four nodes, its session, and what the session reports."""

from __future__ import annotations

import json
import queue
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automask_ros.cli.demo_processes import SESSION, DemoProcesses
from automask_ros.cli.demo_progress import DemoProgress, from_event, session_steps
from automask_ros.errors import AutomaskError
from automask_ros.library.files import make_directory, read_json, write_bytes
from automask_ros.library.library import Library
from automask_ros.library.recording import Recording

NODES = {
    "capture": "capture_node",
    "mask_generator": "mask_generation_node",
    "trainer": "trainer_node",
    "detector": "detector_node",
}
"""The nodes of the demo, and the modules that they are in."""

#: Says that a folder was made by the demo, which may replace it.
_MARKER = ".automask_demo"
_CAMERA = ["-r", "image:=/camera/image"]
_POLL_SECONDS = 0.5
#: Average precision looks at all detections, down to those that the model's own thresholds drop.
LEAST_SCORE = 0.05


@dataclass(frozen=True)
class Plan:
    """What a run of the demo is to do, and where its files go."""

    output: Path
    library: Path
    sample: Path
    labels: tuple[str, ...]
    views: int
    rate: float  # pictures a second
    iterations: int
    device: str
    parameters: tuple[tuple[str, str], ...]  # (node, NAME:=VALUE)

    @property
    def truth(self) -> Path:
        """The ground truth of the test scenes, in COCO form."""
        return self.sample / "scenes.json"

    @property
    def scenes(self) -> Path:
        """The recording of the test scenes."""
        return self.sample / "scenes"

    @property
    def results(self) -> Path:
        """Where the session writes what came over the topics, as COCO results."""
        return self.output / "detections.json"


def expected_steps(plan: Plan) -> dict[tuple[str, str], int]:
    """How much there is to do; AutomaskError when a part of the sample is missing."""
    read_json(plan.truth, links=True)
    frames = {label: len(Recording(plan.sample / f"teach_{label}")) for label in plan.labels}
    return session_steps(frames, plan.views, plan.iterations, len(Recording(plan.scenes)))


def prepare(plan: Plan) -> None:
    """Make the output folder anew; AutomaskError rather than touch what the demo did not make."""
    if plan.output.exists():
        ours = (plan.output / _MARKER).is_file()
        if not ours and (not plan.output.is_dir() or any(plan.output.iterdir())):
            raise AutomaskError(
                f"{plan.output} was not made by the demo and is not empty: choose another --output"
            )
        shutil.rmtree(plan.output)
    make_directory(plan.output / "logs")
    write_bytes(plan.output / _MARKER, b"Made by automask demo, which replaces this folder.\n")
    known = [label for label in plan.labels if Library(plan.library, create=True).views(label)]
    if known:
        raise AutomaskError(
            f"{plan.library} has views of {', '.join(known)} already: give --library a new folder"
        )


def run(
    plan: Plan, steps: dict[tuple[str, str], int]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Run nodes and session to their end; how each object was taught, and how the scenes went."""
    objects: list[dict[str, Any]] = []
    scenes: dict[str, Any] = {}
    with DemoProcesses(plan.output / "logs") as processes, DemoProgress(steps) as progress:
        progress.say(
            "four nodes are starting; on two cores this takes about "
            f"{progress.expected / 60:.0f} min. To look on, where ROS 2 is installed: "
            f"ROS_DOMAIN_ID={processes.domain} ros2 run rqt_image_view rqt_image_view "
            "/detector/overlay"
        )
        _start(plan, processes)
        for event in _events(processes):
            if event["event"] == "progress":
                progress.update(*from_event(event))
            elif event["event"] == "object":
                objects.append(event)
                progress.say(_sentence(event))
            else:
                scenes = event
    return objects, scenes


def _start(plan: Plan, processes: DemoProcesses) -> None:
    library = ["-p", f"library:={plan.library}"]
    device = ["-p", f"device:={plan.device}"]
    camera = [*_CAMERA, "-p", "image_transport:=compressed"]
    scores = ["-p", f"score_threshold:={LEAST_SCORE}"]
    nodes = {
        "capture": ("capture_node", [*camera, "-p", f"views:={plan.views}"]),
        "mask_generator": ("mask_generation_node", device),
        "trainer": ("trainer_node", [*device, "-p", f"iterations:={plan.iterations}"]),
        "detector": ("detector_node", [*camera, *device, *scores, "-r", "model:=trainer/model"]),
    }
    for name, (module, arguments) in nodes.items():
        given = [part for node, text in plan.parameters if node == name for part in ("-p", text)]
        processes.start(name, module, ["--ros-args", *library, *arguments, *given])
    processes.start(
        SESSION,
        "demo_session",
        [
            *("--library", str(plan.library), "--sample", str(plan.sample)),
            *("--results", str(plan.results), "--labels", *plan.labels),
            *("--rate", str(plan.rate), "--views", str(plan.views)),
            *("--ros-args", *_CAMERA),
        ],
        piped=True,
    )


def _events(processes: DemoProcesses) -> Iterator[dict[str, Any]]:
    """What the session reports, until it ends well; AutomaskError when it or a node does not."""
    session = processes.process(SESSION)
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        assert session.stdout is not None
        for line in session.stdout:
            lines.put(line)
        lines.put("")

    threading.Thread(target=read, name="session", daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            processes.check()
            continue
        if line:
            yield json.loads(line)
            continue
        if session.wait() == 0:
            return
        processes.check()
        words = processes.last_lines(SESSION, 1) or [""]
        own = words[0].removeprefix("automask: ")
        if own != words[0]:
            raise AutomaskError(own)
        raise AutomaskError(f"the session broke off ({own}): see {processes.log(SESSION)}")


def _sentence(taught: dict[str, Any]) -> str:
    outcome = f"live after {taught['seconds']:.0f} s" if taught["promoted"] else "not live"
    return (
        f"{taught['label']}: {taught['views']} views, {taught['accepted']} masks accepted, "
        f"{outcome} ({taught['reason']})"
    )
