"""automask veto: a person's no, and its undoing."""

from __future__ import annotations

from pathlib import Path

import click

from automask_ros.cli import options
from automask_ros.cli.output import check_json_path, print_table, write_figures
from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.types import View


@click.command()
@options.library_option
@click.option("--label", metavar="NAME", help="The object.")
@click.option("--view", "views", multiple=True, metavar="ID", help="A view's id; may be repeated.")
@click.option("--undo", is_flag=True, help="Take the views back into training.")
@click.option("--list", "listed", is_flag=True, help="Only list vetoed views.")
@options.json_option
def veto(
    library: Path,
    label: str | None,
    views: tuple[str, ...],
    undo: bool,
    listed: bool,
    json_path: Path | None,
) -> None:
    """Take views out of training, or back in; nothing is deleted.

    \b
    Example:
      automask veto --library my_objects --label mug --view mug_0007
      automask veto --library my_objects --list
    """
    check_json_path(json_path)
    opened = Library(library)
    if label is not None and views:
        _change(opened, label, views, undo)
    elif views:
        raise AutomaskError(f"of which object is view {views[0]}? give --label NAME as well")
    elif not listed:
        missing = "--label NAME --view ID" if label is None else "--view ID as well"
        raise AutomaskError(f"which view? give {missing}, or --list")
    vetoed = [view for view in opened.views(label) if view.vetoed]
    if listed and vetoed:
        print_table(("object", "view"), [[view.label, view.id] for view in vetoed])
    elif listed:
        click.echo(f"no view{'' if label is None else f' of {label}'} is vetoed")
    write_figures(
        json_path, {"vetoed": [{"label": view.label, "view": view.id} for view in vetoed]}
    )


def _change(library: Library, label: str, views: tuple[str, ...], undo: bool) -> None:
    # All are looked up before one is changed: a slip of the pen changes nothing.
    for view in [library.view(label, each) for each in views]:
        changed = library.set_vetoed(view, not undo)
        click.echo(f"view {view.id} of {label} {_state(view, changed)}")


def _state(before: View, view: View) -> str:
    """What became of a view whose veto was set or lifted, in words that follow its name."""
    if view.vetoed:
        return "is vetoed: out of training"
    if view.trainable:
        return "is in training"
    lifted = "has its veto lifted" if before.vetoed else "was not vetoed"
    reasons = ", ".join(view.verdict.reasons) if view.verdict else "it has no mask yet"
    return f"{lifted}; still not used: {reasons}"
