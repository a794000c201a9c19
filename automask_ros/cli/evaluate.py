"""automask evaluate: how well the current model does on annotated images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from automask_ros.cli import options
from automask_ros.cli.output import check_json_path, print_precision, print_table, write_figures
from automask_ros.cli.progress import ProgressDisplay
from automask_ros.library.coco import read_coco
from automask_ros.library.library import Library


@click.command()
@options.library_option
@click.option(
    "--images",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The folder of the annotated images.",
)
@options.annotations_option
@click.option(
    "--by",
    metavar="NAME",
    help="Also AP by a property that the annotations have, or have below `view`: a pose, an angle.",
)
@click.option("--version", type=click.IntRange(1), metavar="N", help="Not the current model.")
@options.device_option
@options.json_option
def evaluate(
    library: Path,
    images: Path,
    annotations: Path,
    by: str | None,
    version: int | None,
    device: str,
    json_path: Path | None,
) -> None:
    """Measure the current model's mask AP against COCO annotations.

    \b
    Example:
      automask evaluate --library my_objects --images test/ --annotations test.json
      automask evaluate --library my_objects --images test/ --annotations test.json --by pose
    """
    check_json_path(json_path)
    opened = Library(library)
    truth = read_coco(annotations)
    from automask_ros.detection.evaluation import evaluate as measure
    from automask_ros.detection.grouped_evaluation import check_property, evaluate_by
    from automask_ros.detection.prediction import Predictor

    if by is not None:
        check_property(truth.to_dict(), by)
    predictor = Predictor.from_version(opened, version, device)
    with ProgressDisplay() as progress:
        figures, results = measure(predictor, images, truth, progress)
    print_precision(figures)
    if by is not None:
        groups = evaluate_by(truth.to_dict(), results, sorted(figures["per_label"]), by)
        figures["by"] = {by: groups}
        _print_groups(groups, by)
    write_figures(json_path, figures)


def _print_groups(found: dict[str, dict[str, dict[str, Any]]], by: str) -> None:
    keys = ("instances", "AP", "AP50", "AP75")
    click.echo()
    print_table(
        ("object", by, *keys),
        [
            [label, group, *(values[key] for key in keys)]
            for label, groups in found.items()
            for group, values in groups.items()
        ],
    )
