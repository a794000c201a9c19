"""automask rollback: the model that was live before, live again."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from automask_ros.cli import options
from automask_ros.cli.output import check_json_path, print_table, write_figures
from automask_ros.library.library import Library


@click.command()
@options.library_option
@click.option("--list", "listed", is_flag=True, help="Only list what was live when.")
@options.json_option
def rollback(library: Path, listed: bool, json_path: Path | None) -> None:
    """Make the model live again that was live before this one; nothing is deleted.

    A running trainer tells the detector within a second.

    \b
    Example:
      automask rollback --library my_objects
      automask rollback --library my_objects --list
    """
    check_json_path(json_path)
    models = Library(library).models
    left = models.current()
    if listed:
        entries = models.promotions()
        rows = [
            [number, _time(entry.at), entry.version, entry.reason]
            for number, entry in enumerate(entries, 1)
        ]
        if rows:
            print_table(("", "live since", "version", "why"), rows)
        else:
            click.echo("no model was promoted yet: automask train")
    else:
        version = models.rollback()
        click.echo(f"model version {version} is live again; version {left} is kept")
    write_figures(
        json_path,
        {
            "version": models.current(),
            "promotions": [entry.model_dump(mode="json") for entry in models.promotions()],
        },
    )


def _time(seconds: float) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):  # a stranger's library may tell of any
        return f"{seconds:g} s"
