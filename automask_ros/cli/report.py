"""automask report: every mask at a glance, before and after any training."""

from __future__ import annotations

from pathlib import Path

import click

from automask_ros.cli import options
from automask_ros.cli.output import check_json_path, write_figures
from automask_ros.cli.steps import mask_figures, print_masks
from automask_ros.library.library import Library
from automask_ros.library.report import write_masks_report


@click.command()
@options.library_option
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where to write it; LIBRARY/masks.html without.",
)
@options.labels_option
@options.json_option
def report(
    library: Path, output: Path | None, labels: tuple[str, ...], json_path: Path | None
) -> None:
    """Show every mask with its verdict in one HTML file, the worst ones first.

    \b
    Example:
      automask report --library my_objects --output masks.html
    """
    check_json_path(json_path)
    opened = Library(library)
    path = output or opened.root / "masks.html"
    write_masks_report(opened, path, labels)
    figures = mask_figures(opened)
    shown = {name: figures[name] for name in figures if not labels or name in labels}
    print_masks(shown)
    click.echo(str(path))
    write_figures(json_path, {"masks": shown, "report": str(path)})
