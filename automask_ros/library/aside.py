"""Damaged files are moved aside, to LIBRARY/damaged/DATE with their path, and never deleted."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path

from automask_ros.library import files
from automask_ros.library.inside import check_folder

_NOTE = ".note.json"


class Aside:
    """One folder LIBRARY/damaged/DATE; made when the first file is moved there."""

    def __init__(self, root: Path) -> None:
        check_folder(root / "damaged")
        self._root = root
        self._folder = _free(root / "damaged" / utc_stamp())

    def take(self, path: Path, why: str) -> Path:
        """Move a file or folder of the library here, with a note beside it; where it is now."""
        relative = path.relative_to(self._root)
        target = _free(self._folder / relative)
        files.make_directory(target.parent)
        note = {"file": str(relative), "why": why, "moved_at": datetime.now(timezone.utc)}
        # The note goes first, so that nothing ever lies here without one.
        files.write_json(
            target.with_name(target.name + _NOTE), {name: str(text) for name, text in note.items()}
        )
        files.move(path, target)
        return target

    def put_back(self, taken: Path, place: Path) -> None:
        """Move something that was taken to where it belongs, and say so in its note."""
        note = taken.with_name(taken.name + _NOTE)
        files.make_directory(place.parent)
        files.move(taken, place)
        content = files.read_json(note)
        files.write_json(note, {**content, "put_back": str(place.relative_to(self._root))})


def taken_from(root: Path, name: str) -> list[Path]:
    """The folders into which things of the library's folder ``name`` were moved."""
    if (root / "damaged").is_symlink():
        return []
    dates = [path for path in (root / "damaged").glob("*") if not path.is_symlink()]
    return [date / name for date in dates if not (date / name).is_symlink()]


def utc_stamp() -> str:
    """The time of day as a part of a path."""
    return datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")


def _free(path: Path) -> Path:
    """The path, or with a number where it is taken."""
    free, count = path, 1
    while os.path.lexists(free):
        count += 1
        free = path.with_name(f"{path.name}-{count}")
    return free
