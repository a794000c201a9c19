"""automask export: views and masks as COCO."""

from __future__ import annotations

from pathlib import Path

import click

from automask_ros.cli import options
from automask_ros.cli.output import check_json_path, write_figures
from automask_ros.cli.progress import ProgressDisplay
from automask_ros.library.coco_export import ExportConfig, export_coco
from automask_ros.library.library import Library


@click.command()
@options.library_option
@click.option(
    "--output",
    "-o",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for annotations.json and images/LABEL/ID.png.",
)
@options.labels_option
@click.option("--format", "form", type=click.Choice(["coco"]), default="coco", show_default=True)
@click.option("--accepted-only", is_flag=True, help="Only views that training takes.")
@click.option("--polygons", is_flag=True, help="Masks as polygons, not as run lengths.")
@click.option("--link", is_flag=True, help="Symbolic links to the images, not copies.")
@options.json_option
def export(
    library: Path,
    output: Path,
    labels: tuple[str, ...],
    form: str,
    accepted_only: bool,
    polygons: bool,
    link: bool,
    json_path: Path | None,
) -> None:
    """Write views and masks as COCO, to look at them or redraw them elsewhere.

    Verdict, score, reasons and vetoes are extra fields. `automask import` takes masks back.

    \b
    Example:
      automask export --library my_objects --output for_drawing/ --label mug --polygons
    """
    check_json_path(json_path)
    config = ExportConfig(accepted_only, polygons, link)
    with ProgressDisplay() as progress:
        written = export_coco(Library(library), output, labels, config, progress)
    click.echo(f"{written.views} views, {written.masks} masks: {output / 'annotations.json'}")
    write_figures(json_path, {"format": form, "views": written.views, "masks": written.masks})
