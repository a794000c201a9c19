"""automask regenerate: masks made anew, of pictures that the library has."""

from __future__ import annotations

from pathlib import Path

import click

from automask_ros.cli import options
from automask_ros.cli.masking import Masking, make_masks, masking_options
from automask_ros.cli.output import check_json_path, write_figures
from automask_ros.cli.steps import mask_figures, print_masks
from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.types import View


@click.command()
@options.library_option
@click.option("--label", metavar="NAME", help="Only this object.")
@click.option("--view", "ids", multiple=True, metavar="ID", help="A view's id; may be repeated.")
@click.option("--missing", is_flag=True, help="Only masks that are missing: deleted ones, say.")
@masking_options
@options.json_option
def regenerate(
    library: Path,
    label: str | None,
    ids: tuple[str, ...],
    missing: bool,
    masking: Masking,
    json_path: Path | None,
) -> None:
    """Make masks anew: of all objects, of one, or of single views.

    Masks that a person drew stay. The views of an object judge each other, so that with one new
    mask the others are looked at again as well.

    \b
    Example:
      automask regenerate --library my_objects --label mug
      automask regenerate --library my_objects --label mug --view mug_0007
      automask regenerate --library my_objects --missing
    """
    check_json_path(json_path)
    if label is None and (ids or masking.empty_scene is not None):
        raise AutomaskError("which object? --view and --empty-scene need --label NAME")
    if missing and ids:
        raise AutomaskError("--missing is for all views without a mask; leave it or --view out")
    masking.check()
    opened = Library(library)
    anew = [] if missing else opened.forget_masks(_automatic(opened, label, ids))
    seconds = make_masks(opened, label, masking)
    found = mask_figures(opened, label)
    print_masks(found)
    write_figures(json_path, {"anew": len(anew), "masks": found, "seconds": {"masks": seconds}})


def _automatic(library: Library, label: str | None, ids: tuple[str, ...]) -> list[View]:
    """The views whose masks a network made; AutomaskError when one of `ids` is a person's."""
    if label is None or not ids:
        return [view for view in library.views(label) if view.replaceable]
    views = [library.view(label, each) for each in ids]
    drawn = [view.id for view in views if view.drawn]
    if drawn:
        raise AutomaskError(
            f"the mask of {drawn[0]} was drawn by a person and is not made anew; delete "
            f"{library.mask_path(label, drawn[0])} first if that is what you want"
        )
    return [view for view in views if view.replaceable]
