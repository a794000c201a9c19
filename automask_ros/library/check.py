"""Looking at all of a library: what is whole, what is not, and putting right what can be."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from automask_ros.errors import AutomaskError
from automask_ros.library.aside import Aside, finish
from automask_ros.library.check_findings import Checked, Finding, read_checked
from automask_ros.library.check_models import LoadFault, ModelCheck, temporaries
from automask_ros.library.check_views import ViewCheck
from automask_ros.library.digests import signature_of
from automask_ros.library.inside import check_tree
from automask_ros.library.migration import MARKER, bring_up_to_date, format_of, labels_in
from automask_ros.library.records import FORMAT, JobRecord, LibraryRecord
from automask_ros.types import Progress, ProgressCallback

_JOB_ID = re.compile(r"job-[0-9]{4,9}")
_ROUNDS = 5  # what was put back may show that something else is not whole


@dataclass(frozen=True)
class Repaired:
    """What was found, and where what was moved is now, below the library."""

    finding: Finding
    moved: tuple[Path, ...]


def check_library(
    root: Path, load_fault: LoadFault | None = None, progress: ProgressCallback | None = None
) -> Checked:
    """Look at every file of the library in folder ``root``; nothing is written.

    ``load_fault`` says of a version's folder why it does not load. AutomaskError when there is no
    library, or it is of a newer format.
    """
    objects = root / "objects"
    if not objects.is_dir():
        raise AutomaskError(f"there is no library at {root}; check the path")
    check_tree(root)
    format_of(root)
    checked, step = Checked(), _Steps(root, progress)
    _check_marker(root, checked)
    labels = list(labels_in(objects))
    ViewCheck(objects, labels, checked).run(step)
    if (root / "models").is_dir():
        ModelCheck(root / "models", checked, load_fault).run(step)
    _check_jobs(root / "jobs", checked)
    folders = [objects / label / name for label in labels for name in ("views", "masks")]
    for folder in (root, root / "models", root / "jobs", *folders):
        checked.add(temporaries(folder), left_behind=True)
    return checked


def repair_library(
    root: Path, load_fault: LoadFault | None = None, progress: ProgressCallback | None = None
) -> tuple[list[Repaired], Checked]:
    """Move aside what is damaged and restore what can be; what was done, and what a last look says.

    AutomaskError when the library cannot be written.
    """
    check_tree(root)
    finish(root)
    aside, done = Aside(root), list[Repaired]()
    load_fault = _remembered(load_fault) if load_fault else None
    for _ in range(_ROUNDS):
        checked = check_library(root, load_fault, progress)
        if found := [*checked.findings, *checked.left_behind]:
            done += _repair(root, found, checked, aside)
        elif format_of(root) == FORMAT:
            return done, checked
        else:
            bring_up_to_date(root)
    return done, check_library(root, load_fault, progress)


def _remembered(load_fault: LoadFault) -> LoadFault:
    """The same, without loading a version again whose files are the same."""
    known: dict[tuple[object, ...], str | None] = {}

    def remembered(folder: Path) -> str | None:
        key = (folder, *(signature_of(path) for path in sorted(folder.iterdir())))
        if key not in known:
            known[key] = load_fault(folder)
        return known[key]

    return remembered


def _repair(root: Path, found: list[Finding], checked: Checked, aside: Aside) -> list[Repaired]:
    """Move everything before anything is put back: files may have changed places.

    Whatever ends this, the next repair goes on with it: what is in use is never absent, and notes
    say where else something belongs.
    """
    moved: dict[Path, Path] = {}
    for finding in found:
        for path in finding.aside[finding.in_place :]:
            if path not in moved and _is_as_seen(path, checked):
                why = f"{finding.path.name} {finding.fault}"
                moved[path] = aside.take(path, why, finding.belongs)
    places = dict(moved)
    for finding in found:
        if finding.belongs and (taken := moved.pop(finding.aside[0], None)) is not None:
            free = not finding.belongs.exists()
            aside.settled(taken, finding.belongs if free else None)
            if free:
                del places[finding.aside[0]]
    done = []
    for finding in found:
        if finding.in_place:
            if (copy := _restore_in_place(finding, checked, aside)) is None:
                continue
            places[finding.aside[0]] = copy
        elif finding.restore is not None:
            if not all(path in places for path in finding.aside):
                continue  # one of them is another by now
            finding.restore()
        kept = (places[path] for path in finding.aside if path in places)
        done.append(Repaired(finding, tuple(place.relative_to(root) for place in kept)))
    return done


def _restore_in_place(finding: Finding, checked: Checked, aside: Aside) -> Path | None:
    """Replace a file, and keep a copy of it: where that is. None for one that is another by now:
    the next look tells what is wrong with it, if anything is."""
    path = finding.aside[0]
    if finding.restore is None or not _is_as_seen(path, checked):
        return None
    with finding.lock():
        if not path.exists() or not _is_as_seen(path, checked):
            return None
        copy = aside.copy(path, f"{finding.path.name} {finding.fault}")
        finding.restore()
    return copy


def _is_as_seen(path: Path, checked: Checked) -> bool:
    """Whether a file is the one that was looked at: a running node may have replaced it."""
    try:
        return path not in checked.seen or signature_of(path) == checked.seen[path]
    except FileNotFoundError:
        return os.path.lexists(path)


def _check_marker(root: Path, checked: Checked) -> None:
    path = root / MARKER
    again = partial(bring_up_to_date, root)
    if not path.exists():
        checked.add(Finding(path, "is missing", "--repair makes it anew", restore=again))
        return
    _, finding = read_checked(path, LibraryRecord)
    if finding is not None and finding.restore is None:
        remedy = "--repair makes it anew"
        finding = Finding(path, finding.fault, remedy, aside=(path,), restore=again)
    checked.add(finding)


def _check_jobs(folder: Path, checked: Checked) -> None:
    for path in sorted(folder.glob("job-*.json")):
        record, finding = read_checked(path, JobRecord)
        checked.count("jobs")
        checked.add(finding)
        if finding is not None or record is None or record.id == path.stem:
            continue
        if _JOB_ID.fullmatch(record.id):  # another word is nobody's, and a job goes by its file
            home = path.with_name(f"{record.id}.json")
            fault = f"is the record of {record.id}"
            remedy = "--repair puts it back there"
            checked.add(Finding(path, fault, remedy, aside=(path,), belongs=home))


class _Steps:
    """Tells how far a check is."""

    def __init__(self, root: Path, progress: ProgressCallback | None) -> None:
        self._progress, self._done = progress, 0
        views = sum(1 for _ in root.glob("objects/*/views/[!.]*.json"))
        self._total = views + sum(1 for _ in root.glob("models/[1-9]*/"))

    def __call__(self) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(Progress("check", min(self._done, self._total), self._total))
