"""automask demo: from a recorded camera to live detections, through the real nodes."""

from __future__ import annotations

import json
import queue
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from automask_ros.cli import options
from automask_ros.cli.demo_findings import COLUMNS, examples, table_rows
from automask_ros.cli.demo_processes import SESSION, DemoProcesses
from automask_ros.cli.demo_progress import DemoProgress, from_event, session_steps
from automask_ros.cli.output import check_json_path, print_table, write_figures
from automask_ros.errors import AutomaskError
from automask_ros.library.files import make_directory, read_json, write_bytes
from automask_ros.library.labels import check_label
from automask_ros.library.library import Library
from automask_ros.library.recording import Recording
from automask_ros.library.report import write_demo_report
from automask_ros.resources import sample_directory

#: Says that a folder was made by the demo, which may replace it.
_MARKER = ".automask_demo"
_LABELS = ("cup", "bottle", "can")
_NODES = ("capture", "mask_generator", "trainer", "detector")
_CAMERA = ["-r", "image:=/camera/image"]
_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Plan:
    """What a run of the demo is to do, and where its files go."""

    output: Path
    library: Path
    sample: Path
    labels: tuple[str, ...]
    views: int
    iterations: int
    device: str
    parameters: tuple[tuple[str, str], ...]  # (node, NAME:=VALUE)

    @property
    def results(self) -> Path:
        """Where the session writes what came over the topics, as COCO results."""
        return self.output / "detections.json"


@click.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("demo"),
    show_default=True,
    metavar="DIR",
    help="Where report, logs and library go.",
)
@click.option(
    "--library",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The library to teach.  [default: OUTPUT/library, a fresh one]",
)
@click.option(
    "--sample",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Recordings teach_LABEL and scenes, with scenes.json.  [default: those of the package]",
)
@click.option(
    "--labels",
    default=",".join(_LABELS),
    show_default=True,
    metavar="A,B,...",
    help="The objects to teach, in this order.",
)
@click.option("--views", type=click.IntRange(1, 10000), default=40, show_default=True)
@click.option("--iterations", type=click.IntRange(1, 1_000_000), default=200, show_default=True)
@options.device_option
@click.option(
    "--set",
    "parameters",
    multiple=True,
    metavar="NODE.NAME:=VALUE",
    help="Set a parameter of a node, as trainer.base_model:=resnet50; may be repeated.",
)
@options.json_option
def demo(
    output: Path,
    library: Path | None,
    sample: Path | None,
    labels: str,
    views: int,
    iterations: int,
    device: str,
    parameters: tuple[str, ...],
    json_path: Path | None,
) -> None:
    """Teach three objects from the sample recording with the real nodes, then test the detector.

    The four nodes run as processes of their own in a DDS domain of their own. Each object is shown,
    masked and trained on top of those before it. Then the test scenes go through the live
    detector, and what comes over its topics is compared with the ground truth.
    """
    check_json_path(json_path)
    signal.signal(signal.SIGTERM, _interrupt)
    started = time.monotonic()
    plan = Plan(
        output=output.absolute(),
        library=(library or output / "library").absolute(),
        sample=(sample or sample_directory()).absolute(),
        labels=tuple(check_label(label.strip()) for label in labels.split(",")),
        views=views,
        iterations=iterations,
        device=device,
        parameters=tuple(_parameter(text) for text in parameters),
    )
    steps = _steps(plan)
    _prepare(plan)
    objects, scenes = _run(plan, steps)
    figures = _findings(plan, objects, scenes, time.monotonic() - started)
    _print(figures)
    write_figures(json_path, figures)


def _parameter(text: str) -> tuple[str, str]:
    node, dot, assignment = text.partition(".")
    if node not in _NODES or not dot or ":=" not in assignment:
        raise AutomaskError(
            f"--set {text}: write NODE.NAME:=VALUE, NODE one of {', '.join(_NODES)}"
        )
    return node, assignment


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _steps(plan: Plan) -> dict[tuple[str, str], int]:
    """How much there is to do; AutomaskError when a part of the sample is missing."""
    read_json(plan.sample / "scenes.json")
    frames = {label: len(Recording(plan.sample / f"teach_{label}")) for label in plan.labels}
    return session_steps(
        frames, plan.views, plan.iterations, len(Recording(plan.sample / "scenes"))
    )


def _prepare(plan: Plan) -> None:
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


def _run(
    plan: Plan, steps: dict[tuple[str, str], int]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Run nodes and session to their end; how each object was taught, and how the scenes went."""
    objects: list[dict[str, Any]] = []
    scenes: dict[str, Any] = {}
    with DemoProcesses(plan.output / "logs") as processes, DemoProgress(steps) as progress:
        progress.say(
            f"four nodes are starting; to look on: ROS_DOMAIN_ID={processes.domain}. "
            f"On two cores this takes about {progress.expected / 60:.0f} min"
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
    nodes = {
        "capture": ("capture_node", [*camera, "-p", f"views:={plan.views}"]),
        "mask_generator": ("mask_generation_node", device),
        "trainer": ("trainer_node", [*device, "-p", f"iterations:={plan.iterations}"]),
        "detector": ("detector_node", [*camera, *device, "-r", "model:=trainer/model"]),
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


def _findings(
    plan: Plan, objects: list[dict[str, Any]], scenes: dict[str, Any], seconds: float
) -> dict[str, Any]:
    """Compare with the ground truth, and write the report; the figures for ``--json``."""
    from automask_ros.detection.evaluation import evaluate_results

    truth, results = read_json(plan.sample / "scenes.json"), read_json(plan.results)
    evaluation = evaluate_results(truth, results, labels=plan.labels)
    rows = table_rows(objects, evaluation)
    library = Library(plan.library)
    write_demo_report(
        plan.output / "report.html",
        library,
        objects=rows,
        columns=COLUMNS,
        evaluation=evaluation,
        detections=examples(plan.sample / "scenes", truth, results),
        facts={
            "how_it_was_measured": "on what came over detector/detections and detector/instances",
            "test_scenes": scenes["shown"],
            "scenes_without_an_answer": scenes["missing"],
            "training_steps_per_object": plan.iterations,
            "device": plan.device,
            "minutes": round(seconds / 60, 1),
            **{f"model_with_{taught['label']}": taught["reason"] for taught in objects},
        },
    )
    return {
        "objects": rows,
        "evaluation": evaluation,
        "scenes": {"shown": scenes["shown"], "missing": scenes["missing"]},
        "training": objects,
        "seconds": {"total": round(seconds, 1)},
        "report": str(plan.output / "report.html"),
    }


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """A row for the terminal: nobody needs tenths of a second there."""
    return row if row["seconds"] is None else row | {"seconds": round(row["seconds"])}


def _print(figures: dict[str, Any]) -> None:
    click.echo()
    rows = [_shown(row) for row in figures["objects"]]
    print_table(list(COLUMNS.values()), [[row[key] for key in COLUMNS] for row in rows])
    missing, shown = figures["scenes"]["missing"], figures["scenes"]["shown"]
    click.echo(f"\n{shown} test scenes, {missing} without an answer from the detector")
    click.echo(f"report: {figures['report']}")
