"""automask demo: from a recorded camera to live detections, through the real nodes."""

from __future__ import annotations

import signal
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from automask_ros.cli import options
from automask_ros.cli.demo_findings import COLUMNS, examples, table_rows
from automask_ros.cli.demo_run import LEAST_SCORE, NODES, Plan, expected_steps, prepare, run
from automask_ros.cli.output import check_json_path, print_table, write_figures
from automask_ros.errors import AutomaskError
from automask_ros.library.files import read_json
from automask_ros.library.labels import check_label
from automask_ros.library.library import Library
from automask_ros.library.report import write_demo_report
from automask_ros.resources import sample_directory

_LABELS = ("cup", "bottle", "can")


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
@click.option(
    "--views",
    type=click.IntRange(1, 10000),
    default=60,
    show_default=True,
    help="Capturing ends after so many; the recordings have 60 frames, the last ones upside down.",
)
@click.option(
    "--rate",
    type=options.NumberRange(0.1, 100),
    default=10.0,
    show_default=True,
    help="Pictures a second at which an object is shown; 1 to 2 is a person's pace.",
)
@click.option(
    "--iterations", type=click.IntRange(0, 1_000_000), default=0, show_default="by the objects"
)
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
    rate: float,
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
        labels=_labels(labels),
        views=views,
        rate=rate,
        iterations=iterations,
        device=device,
        parameters=tuple(_parameter(text) for text in parameters),
    )
    steps = expected_steps(plan)
    prepare(plan)
    objects, scenes = run(plan, steps)
    figures = _findings(plan, objects, scenes, time.monotonic() - started)
    _print(figures)
    write_figures(json_path, figures)


def _parameter(text: str) -> tuple[str, str]:
    node, dot, assignment = text.partition(".")
    if node not in NODES or not dot or ":=" not in assignment:
        raise AutomaskError(f"--set {text}: write NODE.NAME:=VALUE, NODE one of {', '.join(NODES)}")
    # Here: it brings ROS, which --help does without.
    from automask_ros.nodes.parameter_file import near

    name = assignment.partition(":=")[0]
    names = [spec.name for spec in import_module(f"automask_ros.nodes.{NODES[node]}").TABLE]
    if name not in names:
        raise AutomaskError(f"--set {text}: {node} has no parameter {name}{near(name, names)}")
    return node, assignment


def _labels(text: str) -> tuple[str, ...]:
    labels = tuple(check_label(label.strip()) for label in text.split(","))
    if len(set(labels)) < len(labels):
        raise AutomaskError(f"--labels {text}: name each object once")
    return labels


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _findings(
    plan: Plan, objects: list[dict[str, Any]], scenes: dict[str, Any], seconds: float
) -> dict[str, Any]:
    """Compare with the ground truth, and write the report; the figures for ``--json``."""
    from automask_ros.detection.evaluation import evaluate_results

    truth, results = read_json(plan.truth, links=True), read_json(plan.results)
    evaluation = evaluate_results(truth, results, labels=plan.labels)
    rows = table_rows(objects, evaluation)
    library = Library(plan.library)
    model = library.models.record(library.models.current() or 0)
    write_demo_report(
        plan.output / "report.html",
        library,
        objects=rows,
        columns=COLUMNS,
        evaluation=evaluation,
        detections=examples(plan.scenes, truth, results, model.thresholds),
        facts={
            "how_it_was_measured": "on what came over detector/detections and detector/instances; "
            f"scores from {LEAST_SCORE} on count, the pictures show those above the thresholds",
            "thresholds": model.thresholds,
            "test_scenes": scenes["shown"],
            "scenes_without_an_answer": scenes["missing"],
            "training_steps_per_object": plan.iterations or "by the number of objects",
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
