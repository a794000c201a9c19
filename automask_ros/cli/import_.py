"""automask import: masks that people drew."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from automask_ros.cli import options
from automask_ros.cli.output import check_json_path, write_figures
from automask_ros.cli.progress import ProgressDisplay
from automask_ros.errors import AutomaskError
from automask_ros.library.coco import read_coco
from automask_ros.library.coco_import import Imported, import_coco
from automask_ros.library.library import Library
from automask_ros.library.making import made_library

_SHOWN = 5


@click.command(name="import")
@options.library_option
@click.argument("annotations", type=click.Path(path_type=Path))
@click.option(
    "--images",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the pictures: those that are no views yet become some.",
)
@click.option("--all", "everything", is_flag=True, help="Also count unchanged masks as a person's.")
@click.option(
    "--tolerance",
    type=click.FloatRange(0.0, 1.0),
    default=0.0,
    show_default=True,
    metavar="SHARE",
    help="Masks that differ by no more than this (1 - IoU) count as unchanged.",
)
@options.json_option
def import_(
    library: Path,
    annotations: Path,
    images: Path | None,
    everything: bool,
    tolerance: float,
    json_path: Path | None,
) -> None:
    """Take masks that people drew from a COCO file; they count as accepted.

    A picture belongs to the view that has its file's name, a category is the label. Masks that are
    the library's own, unchanged, stay what they were.

    \b
    Example:
      automask import --library my_objects for_drawing/annotations.json
      automask import --library my_objects people.json --images photos/
    """
    check_json_path(json_path)
    with made_library(library) if images else nullcontext(Library(library)) as opened:
        coco = read_coco(annotations, unique_names=False)
        with ProgressDisplay() as progress:
            outcome = import_coco(
                opened, coco, images, everything=everything, tolerance=tolerance, progress=progress
            )
        _tell(outcome)
        write_figures(json_path, _figures(outcome))
        if not outcome.drawn and not outcome.added and not outcome.unchanged:
            raise AutomaskError(
                f"nothing of {annotations} was taken: the stem of a file name must be a view's id "
                "and the category its label; for new views give --images"
            )


def _figures(outcome: Imported) -> dict[str, Any]:
    return {
        "drawn": len(outcome.drawn),
        "added": len(outcome.added),
        "unchanged": outcome.unchanged,
        "unmatched": outcome.unmatched,
        "broken": [each.reason for each in outcome.broken],
    }


def _tell(outcome: Imported) -> None:
    _list("left out", [each.reason for each in outcome.broken])
    _list("fits no view", outcome.unmatched)
    vetoed = sum(view.vetoed for view in outcome.drawn)
    click.echo(
        f"{len(outcome.drawn)} masks drawn by a person, {len(outcome.added)} new views, "
        f"{outcome.unchanged} masks unchanged"
    )
    if outcome.alike > len(outcome.drawn) / 2 and outcome.alike > 1:
        click.echo(
            f"{outcome.alike} of them hardly differ from the masks before: if the tool traced them "
            "anew and nobody drew them, import with --tolerance next time"
        )
    if vetoed:
        click.echo(f"{vetoed} of them are vetoed; take them back in with: automask veto --undo")


def _list(what: str, lines: list[str]) -> None:
    for line in lines[:_SHOWN]:
        click.echo(f"{what}: {line}", err=True)
    if len(lines) > _SHOWN:
        click.echo(f"{what}: {len(lines) - _SHOWN} more; all of them: --json FILE", err=True)
