"""automask evaluate-masks: how good the automatic masks are."""

from __future__ import annotations

from pathlib import Path

import click

from automask_ros.cli import options
from automask_ros.cli.output import check_json_path, print_table, write_figures
from automask_ros.library.coco import read_coco
from automask_ros.library.library import Library


@click.command(name="evaluate-masks")
@options.library_option
@options.annotations_option
@options.json_option
def evaluate_masks(library: Path, annotations: Path, json_path: Path | None) -> None:
    """Measure the automatic masks against people's polygons.

    Views and annotated images are matched by file name and label; a view without a mask counts as
    IoU 0.

    \b
    Example:
      automask evaluate-masks --library my_objects --annotations teach.json
    """
    check_json_path(json_path)
    opened = Library(library)
    from automask_ros.segmentation.evaluation import evaluate_masks as measure

    figures = measure(opened, read_coco(annotations))
    rows = [[label, values["mean_iou"]] for label, values in figures["per_label"].items()]
    print_table(("object", "mean IoU"), [*rows, ["all", figures["mean_iou"]]])
    accepted = figures["accepted"]
    click.echo(
        f"{figures['views']} views, {figures['share_above_080']:.1%} above IoU 0.80; "
        f"{accepted['share']:.1%} accepted"
        + ("" if accepted["mean_iou"] is None else f" with mean IoU {accepted['mean_iou']:.3f}")
    )
    write_figures(json_path, figures)
