"""automask benchmark teaching: accuracy and time of a training, side by side with others."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import click

from automask_ros.cli import options
from automask_ros.cli.output import check_json_path, print_table, write_figures
from automask_ros.cli.progress import ProgressDisplay
from automask_ros.errors import AutomaskError
from automask_ros.library.coco import CocoSet, read_coco
from automask_ros.library.coco_names import find_picture
from automask_ros.library.library import Library

_PATH = click.Path(path_type=Path)


@click.command()
@options.library_option
@click.option("--images", required=True, type=_PATH, metavar="DIR", help="Annotated test images.")
@options.annotations_option
@click.option(
    "--masks",
    type=_PATH,
    metavar="FILE",
    help="COCO masks that people drew of the library's views: teach from them as well.",
)
@click.option(
    "--epochs",
    type=click.IntRange(0),
    default=10,
    show_default=True,
    help="Of plain torchvision fine-tuning on the same masks from the same weights; 0: none.",
)
@click.option(
    "--seeds",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Teach with so many seeds, to see the spread.",
)
@click.option(
    "--last",
    metavar="LABEL",
    help="With each seed teach without this object too, to see what the others lose by it.",
)
@options.training_options
@options.device_option
@options.json_option
def teaching(
    library: Path,
    images: Path,
    annotations: Path,
    masks: Path | None,
    epochs: int,
    seeds: int,
    last: str | None,
    training: dict[str, Any],
    device: str,
    json_path: Path | None,
) -> None:
    """Teach what a library holds, and measure AP and time, also of what one would otherwise do.

    The library is not changed. Seconds run from the first picture read to the model decided on;
    masks are there already. `ratio` is the time of plain fine-tuning over the row's. The JSON is a
    list with a row for each training.

    \b
    Example:
      automask benchmark teaching --library my_objects --images test/ --annotations test.json
    """
    check_json_path(json_path)
    opened = Library(library)
    drawn = None if masks is None else read_coco(masks, unique_names=False)
    truth = read_coco(annotations)
    _check(opened, images, truth, training, last)
    from automask_ros.detection.benchmark import Contest
    from automask_ros.detection.training import TrainConfig

    first = int(training.pop("seed", 0))
    contest = Contest(opened, images, truth, TrainConfig(device=device, **training))
    people: list[dict[str, Any]] = []
    ours: list[dict[str, Any]] = []
    before: list[dict[str, Any]] = []
    plain: list[dict[str, Any]] = []
    try:
        with ProgressDisplay() as progress:
            if drawn is not None:  # what can turn out not to fit comes first
                people.append(contest.people(drawn, first, progress))
            for seed in range(first, first + seeds):
                ours.append(contest.ours(seed, progress))
                if last is not None:
                    before.append(contest.without(last, seed, progress))
            if epochs:
                plain.append(contest.plain(epochs, first, progress))
    finally:
        # Whatever ends it, what was measured is not lost.
        rows = _tell(ours, before, people, plain)
        write_figures(json_path if rows else None, rows)


def _check(
    library: Library, images: Path, truth: CocoSet, training: dict[str, Any], last: str | None
) -> None:
    """AutomaskError now for what would show after the first training."""
    if training.get("classes", "labels") != "labels":
        raise AutomaskError("objects are compared by their labels; leave --classes out")
    if not set(truth.labels) & set(library.labels()):
        raise AutomaskError(
            f"{truth.path} annotates {', '.join(truth.labels)}, the library has "
            f"{', '.join(library.labels()) or 'no object'}; give the categories the labels' names"
        )
    if last is not None:
        taught = set(library.labels())
        annotated = {truth.categories[each.category_id] for each in truth.annotations}
        if last not in taught or not annotated & taught - {last}:
            raise AutomaskError(
                f"--last {last}: it must be an object of the library, which has "
                f"{', '.join(sorted(taught))}, and {truth.path} must annotate another one"
            )
    for image in truth.images.values():
        find_picture(images, image)


def _tell(
    ours: list[dict[str, Any]],
    before: list[dict[str, Any]],
    people: list[dict[str, Any]],
    plain: list[dict[str, Any]],
) -> list[dict[str, Any]]:
    """Print all rows with their ratios, if there are any; returns them."""
    rows = [*ours, *before, *people, *plain]
    for row in rows:
        row["ratio"] = round(plain[0]["seconds"] / row["seconds"], 2) if plain else None
    if rows:
        _print(rows)
    from automask_ros.detection.benchmark import cost, spread

    for with_all, others in zip(ours, before, strict=False):
        fall = cost(others, with_all)
        click.echo(f"seed {others['seed']}: AP of the others falls by {fall:.3f}")
    if len(ours) > 1:
        click.echo(f"spread of AP over {len(ours)} seeds: {spread(ours):.3f}")
    return rows


def _print(rows: list[dict[str, Any]]) -> None:
    import torch

    labels = sorted(rows[0]["per_label"])
    print_table(
        ("", "seed", "views", "seconds", "ratio", "AP", "AP50", "AP75", *labels),
        [
            [row["name"], row["seed"], row["views"], f"{row['seconds']:.0f}", row["ratio"]]
            + [row[key] for key in ("AP", "AP50", "AP75")]
            + [row["per_label"].get(label, {}).get("AP") for label in labels]
            for row in rows
        ],
    )
    click.echo(f"{torch.get_num_threads()} threads, {platform.machine()}")
