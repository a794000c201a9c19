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
from automask_ros.library.annotation_sets import open_annotations, with_names
from automask_ros.library.coco_import import ImportConfig, Imported, import_sets
from automask_ros.library.labels import check_label
from automask_ros.library.library import Library
from automask_ros.library.making import made_library

_SHOWN = 5


@click.command(name="import")
@options.library_option
@click.argument("annotations", type=click.Path(path_type=Path))
@options.labels_option
@click.option(
    "--images",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the pictures, where ANNOTATIONS is a file: those that are no views yet become "
    "some.",
)
@click.option(
    "--rename",
    "names",
    multiple=True,
    callback=lambda _context, _option, value: _names(value),
    metavar="NAME=LABEL",
    help="Take a category for this label; may be repeated.",
)
@click.option(
    "--parts",
    is_flag=True,
    help="Several masks of a label in a picture are parts of one object, not several objects.",
)
@click.option("--all", "everything", is_flag=True, help="Also count unchanged masks as a person's.")
@click.option(
    "--tolerance",
    type=options.NumberRange(0.0, 1.0),
    default=0.0,
    show_default=True,
    metavar="SHARE",
    help="Masks that differ by no more than this (1 - IoU) count as unchanged.",
)
@options.json_option
def import_(
    library: Path,
    annotations: Path,
    labels: tuple[str, ...],
    images: Path | None,
    names: dict[str, str],
    parts: bool,
    everything: bool,
    tolerance: float,
    json_path: Path | None,
) -> None:
    """Take masks that people drew, and whole annotated sets with their pictures.

    They count as accepted. ANNOTATIONS is a COCO or labelme file, or a whole set with its pictures,
    a folder or a zip file: an export of automask, labelme, CVAT (COCO 1.0), Label Studio (COCO) or
    FiftyOne (COCO). A picture belongs to the view that has its file's name, a category is the
    label. Pictures of a whole set that are no views yet become some. Masks that are the library's
    own, unchanged, stay what they were.

    \b
    Example:
      automask import --library my_objects for_drawing/annotations.json
      automask import --library my_objects people.json --images photos/
      automask import --library my_objects cvat.zip --rename "Coffee Mug=mug"
    """
    check_json_path(json_path)
    sets = with_names(open_annotations(annotations, images), names)
    made = any(each.pictures is not None for each in sets)
    with made_library(library) if made else nullcontext(Library(library)) as opened:
        config = ImportConfig(labels, everything, parts, tolerance)
        with ProgressDisplay() as progress:
            outcome = import_sets(opened, sets, config, progress)
        no_masks = [line for each in sets for line in each.coco.left_out]
        _tell(outcome, no_masks)
        write_figures(json_path, _figures(outcome, no_masks))
        if not outcome.drawn and not outcome.added and not outcome.unchanged:
            raise AutomaskError(
                f"nothing of {annotations} was taken: the stem of a file name must be a view's id "
                "and the category its label; for new views give --images"
            )


def _names(values: tuple[str, ...]) -> dict[str, str]:
    names = {}
    for value in values:
        name, found, label = value.rpartition("=")
        if not found or not name:
            raise AutomaskError(f'--rename {ascii(value)} is not NAME=LABEL, like "My Mug=mug"')
        names[name] = check_label(label)
    return names


def _figures(outcome: Imported, no_masks: list[str]) -> dict[str, Any]:
    return {
        "drawn": len(outcome.drawn),
        "added": len(outcome.added),
        "unchanged": outcome.unchanged,
        "unmatched": outcome.unmatched,
        "broken": [each.reason for each in outcome.broken],
        "no_mask": no_masks,
    }


def _tell(outcome: Imported, no_masks: list[str]) -> None:
    _list("no mask", no_masks)
    _list("left out", [each.reason for each in outcome.broken])
    _list("fits no view", outcome.unmatched)
    vetoed = sum(view.vetoed for view in outcome.drawn)
    automatic = sum(view.verdict is not None and not view.drawn for view in outcome.added)
    masks = f" ({automatic} with automatic masks)" if automatic else ""
    click.echo(
        f"{len(outcome.drawn)} masks drawn by a person, {len(outcome.added)} new views{masks}, "
        f"{outcome.unchanged} masks unchanged"
    )
    if outcome.alike > len(outcome.drawn) / 2 and outcome.alike > 1:
        click.echo(
            f"{outcome.alike} of them hardly differ from the masks before: if the tool traced them "
            "anew and nobody drew them, import with --tolerance next time"
        )
    if not outcome.ids_taken:
        click.echo("the class ids of that library mean something else here: they were not taken")
    if vetoed:
        click.echo(f"{vetoed} of them are vetoed; take them back in with: automask veto --undo")


def _list(what: str, lines: list[str]) -> None:
    for line in lines[:_SHOWN]:
        click.echo(f"{what}: {line}", err=True)
    if len(lines) > _SHOWN:
        click.echo(f"{what}: {len(lines) - _SHOWN} more; all of them: --json FILE", err=True)
