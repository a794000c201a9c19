"""automask evaluate: how well the current model does on annotated images."""

from __future__ import annotations

from pathlib import Path

import click

from automask_ros.cli import options
from automask_ros.cli.output import check_json_path, print_precision, write_figures
from automask_ros.cli.progress import ProgressDisplay
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
@click.option("--version", type=click.IntRange(1), metavar="N", help="Not the current model.")
@options.device_option
@options.json_option
def evaluate(
    library: Path,
    images: Path,
    annotations: Path,
    version: int | None,
    device: str,
    json_path: Path | None,
) -> None:
    """Measure the current model's mask AP against COCO annotations.

    \b
    Example:
      automask evaluate --library my_objects --images test/ --annotations test.json
    """
    check_json_path(json_path)
    opened = Library(library)
    from automask_ros.detection.evaluation import evaluate as measure
    from automask_ros.detection.prediction import Predictor

    predictor = Predictor.from_version(opened, version, device)
    with ProgressDisplay() as progress:
        figures, _ = measure(predictor, images, annotations, progress)
    print_precision(figures)
    write_figures(json_path, figures)
