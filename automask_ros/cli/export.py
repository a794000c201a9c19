"""automask export: views and masks for other tools."""

from __future__ import annotations

from pathlib import Path

import click

from automask_ros.cli import options
from automask_ros.cli.output import check_json_path, write_figures
from automask_ros.cli.progress import ProgressDisplay
from automask_ros.errors import AutomaskError
from automask_ros.library.coco_export import export_coco
from automask_ros.library.export_folder import ExportConfig
from automask_ros.library.library import Library
from automask_ros.library.yolo_export import export_yolo

_FORMATS = {"coco": (export_coco, "annotations.json"), "yolo-seg": (export_yolo, "data.yaml")}


@click.command()
@options.library_option
@click.option(
    "--output",
    "-o",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for the export: pictures, and annotations.json or data.yaml.",
)
@options.labels_option
@click.option(
    "--format",
    "form",
    type=click.Choice(list(_FORMATS)),
    default="coco",
    show_default=True,
    help="COCO instances, or an Ultralytics segmentation set.",
)
@click.option(
    "--accepted-only",
    is_flag=True,
    help="Only views that training takes; yolo-seg never takes others.",
)
@click.option("--polygons", is_flag=True, help="coco: masks as polygons, not as run lengths.")
@click.option(
    "--val",
    type=options.NumberRange(0.0, 1.0, max_open=True),
    default=0.0,
    metavar="SHARE",
    help="yolo-seg: this share of each object's views, the latest, validates.",
)
@click.option("--link", is_flag=True, help="Symbolic links to the images, not copies.")
@click.option("--overwrite", is_flag=True, help="Replace an export that is in the folder.")
@options.json_option
def export(
    library: Path,
    output: Path,
    labels: tuple[str, ...],
    form: str,
    accepted_only: bool,
    polygons: bool,
    val: float,
    link: bool,
    overwrite: bool,
    json_path: Path | None,
) -> None:
    """Write views and masks as COCO or YOLO, to redraw or to train elsewhere.

    In COCO, verdict, score, reasons and vetoes are extra fields, and `automask import` takes masks
    back.

    \b
    Example:
      automask export --library my_objects --output for_drawing/ --label mug --polygons
      automask export --library my_objects --output set/ --format yolo-seg --val 0.2
    """
    check_json_path(json_path)
    if form == "yolo-seg" and polygons:
        raise AutomaskError("--polygons is for --format coco; yolo-seg has polygons alone")
    if form == "coco" and val:
        raise AutomaskError("--val is for --format yolo-seg; a COCO export is not split")
    config = ExportConfig(accepted_only, polygons, link, overwrite, val)
    write, manifest = _FORMATS[form]
    with ProgressDisplay() as progress:
        written = write(Library(library), output, labels, config, progress)
    noun = "views" if form == "coco" else "pictures"
    split = f", {written.val} of them to validate" if val else ""
    click.echo(f"{written.views} {noun}, {written.masks} masks{split}: {output / manifest}")
    if form == "yolo-seg" and not val:
        click.echo("not split: data.yaml validates on what it trains on; see --val")
    figures = {"format": form, "views": written.views, "masks": written.masks}
    write_figures(json_path, figures | ({"val": written.val} if form == "yolo-seg" else {}))
