"""What commands say at their end: tables for people, JSON for scripts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from automask_ros.errors import AutomaskError


def check_json_path(path: Path | None) -> None:
    """AutomaskError now, and not after an hour of work, when the figures could not be written."""
    if path is None:
        return
    if path.is_dir():
        raise AutomaskError(f"cannot write {path}: it is a folder; give --json a file")
    if not path.absolute().parent.is_dir():
        raise AutomaskError(f"cannot write {path}: its folder does not exist; make it first")


def write_figures(path: Path | None, figures: dict[str, Any] | list[dict[str, Any]]) -> None:
    """Write the figures as JSON when a path was given; numbers that are none become null."""
    if path is not None:
        # Not above: `automask doctor` runs without what it stands on, to say that it is missing.
        from automask_ros.library.files import write_json

        write_json(path, _plain(figures))


def print_table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; the first column to the left, the others to the right."""
    cells = [list(headers), *([_text(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headers))]
    for row in cells:
        first = row[0].ljust(widths[0])
        rest = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        click.echo("  ".join((first, *rest)).rstrip())


def print_precision(figures: dict[str, Any]) -> None:
    """Print mask AP over all and per label, as `evaluate` gives it."""
    keys = ("AP", "AP50", "AP75")
    rows = [
        [label, *(values.get(key) for key in keys)]
        for label, values in sorted(figures["per_label"].items())
    ]
    print_table(("object", *keys), [*rows, ["all", *(figures.get(key) for key in keys)]])


def _text(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _plain(value: Any) -> Any:
    """The same with plain Python numbers, and None for NaN and infinities."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
