"""automask evaluate-masks: how good the automatic masks are."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from automask_ros.cli import options
from automask_ros.cli.output import check_json_path, print_table, write_figures
from automask_ros.cli.sheets import LEGEND, WORST, Tile, check_sheet_path, draw_tile, write_sheet
from automask_ros.library.coco import CocoSet, read_coco
from automask_ros.library.library import Library
from automask_ros.library.outcomes import outcome_of


@click.command(name="evaluate-masks")
@options.library_option
@options.annotations_option
@click.option(
    "--sheet",
    type=click.Path(path_type=Path),
    metavar="PNG",
    help=f"Draw the {WORST} worst masks against what people drew. {LEGEND.capitalize()}.",
)
@options.json_option
def evaluate_masks(
    library: Path, annotations: Path, sheet: Path | None, json_path: Path | None
) -> None:
    """Measure the automatic masks against people's polygons.

    Views and annotated images are matched by file name and label; a view without a mask counts as
    IoU 0, one that a person drew is left out.

    \b
    Example:
      automask evaluate-masks --library my_objects --annotations teach.json
    """
    check_json_path(json_path)
    check_sheet_path(sheet)
    opened = Library(library)
    from automask_ros.segmentation.evaluation import evaluate_masks as measure

    coco = read_coco(annotations)
    figures = measure(opened, coco)
    rows = [[label, values["mean_iou"]] for label, values in figures["per_label"].items()]
    print_table(("object", "mean IoU"), [*rows, ["all", figures["mean_iou"]]])
    accepted = figures["accepted"]
    click.echo(
        f"{figures['views']} views, {figures['share_above_080']:.1%} above IoU 0.80; "
        f"{accepted['share']:.1%} accepted"
        + ("" if accepted["mean_iou"] is None else f" with mean IoU {accepted['mean_iou']:.3f}")
        + (f"; left out: {figures['drawn']} drawn by a person" if figures["drawn"] else "")
    )
    if sheet is not None:
        _draw_worst(sheet, opened, coco)
    write_figures(json_path, figures)


def _draw_worst(path: Path, library: Library, coco: CocoSet) -> None:
    from automask_ros.segmentation.evaluation import measure_masks

    tiles: list[Tile] = []
    for each in sorted(measure_masks(library, coco), key=lambda each: each.iou)[:WORST]:
        view = each.view
        image, pixels = library.read_image(view), library.usable_mask(view)
        truth = coco.mask_of(view.id, view.label)
        if truth is None:
            continue
        if pixels is None:
            pixels = np.zeros(truth.shape, bool)
        score = f", score {view.verdict.score:.2f}" if view.verdict else ""
        words = [f"{view.id}: IoU {each.iou:.3f}", f"{outcome_of(view).value}{score}"]
        tiles.append(draw_tile(image, pixels, truth, words))
    write_sheet(path, tiles)
