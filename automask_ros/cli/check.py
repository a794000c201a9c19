"""automask check: what of a library or a recording is whole, and what is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from automask_ros.cli import options
from automask_ros.cli.output import check_json_path, write_figures
from automask_ros.cli.progress import ProgressDisplay
from automask_ros.errors import AutomaskError, printable
from automask_ros.library.check import Repaired, check_library, repair_library
from automask_ros.library.check_findings import Checked, Finding
from automask_ros.library.recording import Recording

NOT_WHOLE = 1


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--repair", is_flag=True, help="Move aside what is damaged, restore what can be.")
@options.topic_option
@options.json_option
def check(path: Path, repair: bool, topic: str | None, json_path: Path | None) -> int:
    """Say what is whole and what is not; exit code 1 when something is not.

    PATH is a library or a rosbag2 recording. --repair moves damaged files of a library to
    PATH/damaged, each with a note, and restores what can be restored; nothing is deleted.

    \b
    Example:
      automask check my_objects
      automask check my_objects --repair
      automask check teach_mug.mcap
    """
    check_json_path(json_path)
    if not (path / "objects").is_dir() and path.exists() and Recording.is_recording(path):
        if repair:
            raise AutomaskError("--repair is for libraries: what a recording lost is nowhere else")
        return _check_recording(path, topic, json_path)
    return _check_library(path, repair, json_path)


def _check_library(path: Path, repair: bool, json_path: Path | None) -> int:
    # Here and not above: torch takes seconds to load, and a recording needs none of it.
    from automask_ros.detection.load_check import load_fault

    done: list[Repaired] = []
    with ProgressDisplay() as progress:
        if repair:
            done, checked = repair_library(path, load_fault, progress)
        else:
            checked = check_library(path, load_fault, progress)
    for repaired in done:
        click.echo(printable(_repair_line(path, repaired)))
    for finding in checked.findings:
        click.echo(printable(f"{_relative(path, finding)} {finding.fault}; {finding.remedy}"))
    for finding in checked.left_behind:
        line = f"left behind: {_relative(path, finding)} {finding.fault}; {finding.remedy}"
        click.echo(printable(line))
    click.echo(_summary(path, checked, done))
    write_figures(json_path, _figures(path, checked, done))
    return NOT_WHOLE if checked.findings else 0


def _repair_line(root: Path, repaired: Repaired) -> str:
    line = f"repaired: {_relative(root, repaired.finding)} {repaired.finding.fault}"
    if repaired.moved:
        line += f"; moved to {', '.join(str(path) for path in repaired.moved)}"
    return line


def _relative(root: Path, finding: Finding) -> Path:
    return finding.path.relative_to(root)


def _summary(path: Path, checked: Checked, done: list[Repaired]) -> str:
    counts = ", ".join(f"{number} {kind}" for kind, number in checked.counts.items())
    found = len(checked.findings)
    if found:
        state = f"{found} {'thing is' if found == 1 else 'things are'} not whole"
        remedy = "" if done else f"; put it right: automask check {path} --repair"
        return f"{path}: {state} ({counts or 'nothing'} looked at){remedy}"
    return f"{path}: all is whole ({counts or 'nothing'} looked at)"


def _figures(root: Path, checked: Checked, done: list[Repaired]) -> dict[str, Any]:
    return {
        "whole": not checked.findings,
        "counts": checked.counts,
        "findings": [_plain(root, finding) for finding in checked.findings],
        "left_behind": [_plain(root, finding) for finding in checked.left_behind],
        "repaired": [
            {**_plain(root, each.finding), "moved": [str(path) for path in each.moved]}
            for each in done
        ],
    }


def _plain(root: Path, finding: Finding) -> dict[str, str]:
    return {
        "file": str(_relative(root, finding)),
        "fault": finding.fault,
        "remedy": finding.remedy,
    }


def _check_recording(path: Path, topic: str | None, json_path: Path | None) -> int:
    recording = Recording(path, topic)
    with ProgressDisplay() as progress:
        found = recording.check(progress)
    for broken in recording.broken:
        click.echo(broken.reason)
    click.echo(
        f"{path}: {found} of {len(recording)} pictures on {recording.topic} can be read"
        + ("" if recording.broken else "; all is whole")
    )
    write_figures(
        json_path,
        {
            "whole": not recording.broken,
            "topic": recording.topic,
            "pictures": len(recording),
            "readable": found,
            "broken": [{"name": each.name, "reason": each.reason} for each in recording.broken],
        },
    )
    return NOT_WHOLE if recording.broken else 0
