"""Damaged files are moved aside, to LIBRARY/damaged/DATE with their path, and never deleted."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath

from automask_ros.errors import AutomaskError
from automask_ros.library import files
from automask_ros.library.inside import check_folder

_NOTE = ".note.json"
_PLACES = ("objects", "models", "jobs")
_FILE, _BELONGS = "file", "belongs"
"""In a note: where something was, and where it goes that was moved for a moment; that is gone once
it is there."""


class Aside:
    """One folder LIBRARY/damaged/DATE; made when the first file is moved there."""

    def __init__(self, root: Path) -> None:
        check_folder(root / "damaged")
        self._root = root
        self._folder = _free(root / "damaged" / utc_stamp())

    def take(self, path: Path, why: str, belongs: Path | None = None) -> Path:
        """Move a file or folder of the library here, with a note beside it; where it is now.

        What `belongs` elsewhere is to be `settled`: until then the note says where.
        """
        target = self._place(path, why, belongs)
        files.move(path, target)
        return target

    def copy(self, path: Path, why: str) -> Path:
        """Copy a file of the library here, with a note beside it; where the copy is. One that
        cannot be read is moved."""
        target = self._place(path, why)
        try:
            data = path.read_bytes()
        except OSError:
            files.move(path, target)
        else:
            files.write_bytes(target, data)
        return target

    def settled(self, taken: Path, place: Path | None) -> None:
        """Move something that was taken to where it belongs, or leave it here if that is None, and
        say so in its note."""
        _settle(self._root, taken, place)

    def _place(self, path: Path, why: str, belongs: Path | None = None) -> Path:
        """Where something goes; its note goes first, so that nothing ever lies there without."""
        relative = path.relative_to(self._root)
        target = _free(self._folder / relative)
        files.make_directory(target.parent)
        note = {_FILE: str(relative), "why": why, "moved_at": str(datetime.now(timezone.utc))}
        if belongs is not None:
            note[_BELONGS] = str(belongs.relative_to(self._root))
        files.write_json(_note_of(target), note)
        return target


def finish(root: Path) -> None:
    """Put back what a repair that was cut short has moved and not put back.

    To where each belongs, if all these places are free; else it was not done with moving, and all
    goes to where it was.
    """
    for folder in taken_from(root, ""):
        waiting = {
            taken: places
            for note in sorted(folder.rglob(f"*{_NOTE}"))
            if os.path.lexists(taken := note.with_name(note.name.removesuffix(_NOTE)))
            and (places := _places_of(root, note)) is not None
        }
        forward = not any(os.path.lexists(belongs) for belongs, _ in waiting.values())
        for taken, (belongs, origin) in waiting.items():
            order = (belongs, origin) if forward else (origin, belongs)
            free = [place for place in order if not os.path.lexists(place)]
            _settle(root, taken, free[0] if free else None)


def _places_of(root: Path, note: Path) -> tuple[Path, Path] | None:
    """Where a note says that something belongs, and where it was; None where it does not, or names
    no places of a library."""
    try:
        content = files.read_json(note)
    except AutomaskError:
        return None
    words = [content.get(key) for key in (_BELONGS, _FILE)] if isinstance(content, dict) else []
    places = [_place_in(root, word) for word in words if isinstance(word, str)]
    if len(places) < 2 or places[0] is None or places[1] is None:
        return None
    return places[0], places[1]


def _place_in(root: Path, word: str) -> Path | None:
    parts = PurePosixPath(word).parts
    if len(parts) < 2 or parts[0] not in _PLACES or ".." in parts or "\0" in word:
        return None
    return root.joinpath(*parts)


def _settle(root: Path, taken: Path, place: Path | None) -> None:
    note = _note_of(taken)
    content = files.read_json(note)
    if place is not None:
        files.make_directory(place.parent)
        files.move(taken, place)
        content["put_back"] = str(place.relative_to(root))
    content.pop(_BELONGS, None)
    files.write_json(note, content)


def _note_of(path: Path) -> Path:
    return path.with_name(path.name + _NOTE)


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
