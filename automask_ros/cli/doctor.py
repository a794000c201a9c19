"""automask doctor: what this machine has, and how to get what is missing."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from automask_ros.cli import options
from automask_ros.cli.doctor_checks import Check, Status, check_machine
from automask_ros.cli.doctor_files import check_library, check_shipped_files
from automask_ros.cli.output import check_json_path, write_figures

MARKS = {Status.OK: "ok", Status.NOTE: "note", Status.MISSING: "MISSING"}
MISSING_SOMETHING = 1


@click.command()
@click.option(
    "--library",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Look into this library of taught objects, too.",
)
@options.json_option
def doctor(library: Path | None, json_path: Path | None) -> int:
    """Say what this machine has and what is missing.

    Looks at ROS 2 and its middleware, PyTorch, ONNX Runtime, the embedded weights and the sample.
    Exits with 1 when something that is needed is missing; each such line names the remedy.

    \b
    Example:
      automask doctor --library my_objects
    """
    check_json_path(json_path)
    checks = [*check_machine(), *check_shipped_files()]
    if library is not None:
        checks.append(check_library(library))
    for check in checks:
        print_check(check)
    missing = [check.name for check in checks if check.status is Status.MISSING]
    click.echo(f"missing: {', '.join(missing)}" if missing else "all that is needed is there")
    figures = [{**asdict(check), "status": check.status.value} for check in checks]
    write_figures(json_path, {"ok": not missing, "checks": figures})
    return MISSING_SOMETHING if missing else 0


def print_check(check: Check) -> None:
    """Print one line about a check, and one with the remedy where there is one."""
    click.echo(f"{MARKS[check.status]:<8}{check.name:<18}{check.detail}")
    if check.remedy:
        click.echo(f"{'':<26}-> {check.remedy}")
