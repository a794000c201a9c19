"""automask fetch: views and models of another library, into this one."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from automask_ros.cli import options
from automask_ros.cli.output import check_json_path, write_figures
from automask_ros.cli.progress import ProgressDisplay
from automask_ros.errors import AutomaskError, printable
from automask_ros.library.fetch_model import FetchedModel, chosen_version, fetch_model
from automask_ros.library.fetch_views import FetchedViews, fetch_views
from automask_ros.library.library import Library
from automask_ros.library.making import made_library
from automask_ros.library.other_library import OtherLibrary

_SHOWN = 5
_other = click.Path(path_type=Path)


@click.group()
def fetch() -> None:
    """Take views or a model of another library, such as another robot's, into this one.

    FROM is the other library's folder, on a mounted share or a copy. Nothing is written there, and
    nothing that is here is overwritten; one that broke off is given again.

    \b
    Example:
      automask fetch views --library workshop /mnt/robot_1/objects_lib /mnt/robot_2/objects_lib
      automask fetch model --library my_objects /mnt/workstation/workshop
    """


@fetch.command()
@options.library_option
@options.labels_option
@click.argument("others", metavar="FROM...", nargs=-1, required=True, type=_other)
@options.json_option
def views(
    library: Path, labels: tuple[str, ...], others: tuple[Path, ...], json_path: Path | None
) -> None:
    """Take views with their masks and verdicts; train on them with: automask train.

    \b
    Example:
      automask fetch views --library workshop /mnt/robot_1/my_objects /mnt/robot_2/my_objects
    """
    check_json_path(json_path)
    sources = [OtherLibrary(path) for path in others]
    figures = {}
    with made_library(library) as opened:
        for source in sources:
            with ProgressDisplay() as progress:
                outcome = fetch_views(opened, source, labels, progress)
            _tell(source.root, outcome)
            figures[str(source.root)] = _figures(outcome)
        write_figures(json_path, figures)


@fetch.command()
@options.library_option
@click.option(
    "--version",
    type=click.IntRange(1),
    metavar="N",
    help="Its number there; default: the live one.",
)
@click.option("--again", is_flag=True, help="Make it live also when it was live here before.")
@click.argument("other", metavar="FROM", type=_other)
@options.json_option
def model(
    library: Path, version: int | None, again: bool, other: Path, json_path: Path | None
) -> None:
    """Take a model version and make it live; running detectors take it at once.

    \b
    Example:
      automask fetch model --library my_objects /mnt/workstation/workshop
    """
    check_json_path(json_path)
    # Here and not above: torch takes seconds to load, and views need none of it.
    from automask_ros.detection.load_check import unfit

    source = OtherLibrary(other)
    version, _ = chosen_version(source, version)  # before a library is made for it
    opened = Library(library, create=True)
    with ProgressDisplay() as progress:
        outcome = fetch_model(opened, source, version, unfit=unfit, again=again, progress=progress)
    _tell_model(source.root, outcome)
    write_figures(json_path, asdict(outcome))


def _tell(root: Path, outcome: FetchedViews) -> None:
    for broken in outcome.broken[:_SHOWN]:
        click.echo(f"left out: {broken.reason}", err=True)
    if len(outcome.broken) > _SHOWN:
        more = len(outcome.broken) - _SHOWN
        click.echo(f"left out: {more} more; all of them: --json FILE", err=True)
    line = f"{root}: {len(outcome.added)} views taken, {outcome.already_there} were here already"
    if outcome.masked:
        line += f" ({len(outcome.masked)} of them got their masks)"
    if outcome.removed:
        line += f", {outcome.removed} were removed here before"
    click.echo(printable(line))
    if outcome.vetoed_there:
        click.echo(
            f"{len(outcome.vetoed_there)} of them are vetoed there and not here; look at them: "
            "automask report, automask veto"
        )
    if outcome.clash:
        click.echo(
            f"automask: {outcome.clash}: a model trained here cannot go into that library, but "
            "into an empty one on that robot",
            err=True,
        )
    if outcome.broken and not (outcome.added or outcome.already_there or outcome.removed):
        raise AutomaskError(f"none of the views of {root} could be taken")


def _figures(outcome: FetchedViews) -> dict[str, Any]:
    return {
        "added": len(outcome.added),
        "masked": len(outcome.masked),
        "already_there": outcome.already_there,
        "removed": outcome.removed,
        "vetoed_there": [f"{view.label}/{view.id}" for view in outcome.vetoed_there],
        "broken": [each.reason for each in outcome.broken],
        "clash": outcome.clash,
    }


def _tell_model(root: Path, outcome: FetchedModel) -> None:
    came = "is" if outcome.new else "was here already as"
    state = "is live" if outcome.live else "is not live: it was before; to have it again: --again"
    line = f"version {outcome.fetched_from} of {root} {came} version {outcome.version}, and {state}"
    click.echo(printable(line))
    if outcome.forgotten:
        names = ", ".join(outcome.forgotten)
        click.echo(
            f"it does not know {names}, which the model before it knows; the way back: "
            "automask rollback",
            err=True,
        )
