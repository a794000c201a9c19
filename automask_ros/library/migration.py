"""Bringing a library of an older format to today's: once, under a lock, after a backup.

``library.json`` says how far it is: it names the backup once that is complete, and today's format
once all records are written. A process killed in between leaves what the next one finishes, and
every record says its own format, so that none is converted twice.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from automask_ros.errors import AutomaskError
from automask_ros.library import files
from automask_ros.library.aside import Aside, utc_stamp
from automask_ros.library.files import DamagedFile
from automask_ros.library.image_files import image_record
from automask_ros.library.inside import check_tree, file_lock
from automask_ros.library.labels import check_label
from automask_ros.library.object_folder import ObjectFolder
from automask_ros.library.records import (
    FORMAT,
    FileRecord,
    JobRecord,
    LabelsRecord,
    LibraryRecord,
    ModelRecord,
    PromotionsRecord,
    read_record,
    write_record,
)
from automask_ros.library.version_files import RECORD_FILE, version_digests

_LOGGER = logging.getLogger(__name__)

MARKER: Final = "library.json"
#: All JSON that format 1 had, but for what a training writes down for people.
_PATTERNS = (
    MARKER,
    "objects/*/views/*.json",
    f"models/*/{RECORD_FILE}",
    "models/promotions.json",
    "models/labels.json",
    "jobs/*.json",
)


def bring_up_to_date(root: Path) -> None:
    """Migrate the library in folder ``root`` when it is of an older format and can be written.

    Of two processes one migrates and the other waits. AutomaskError when the library is of a newer
    format, or its disk is full.
    """
    if _is_current(root) or not os.access(root, os.W_OK):
        return
    lock_path = root / ".migration.lock"
    with files.clear_write_errors(lock_path):
        lock = file_lock(lock_path)
        lock.acquire()
    try:
        if not _is_current(root):
            check_tree(root)
            _migrate(root)
    finally:
        lock.release()


def format_of(root: Path) -> int | None:
    """The format that library.json tells; None when it is missing or damaged.

    AutomaskError when it is a newer one.
    """
    marker = root / MARKER
    try:
        return read_record(marker, LibraryRecord).format if marker.exists() else None
    except DamagedFile:
        return None


def record_paths(root: Path) -> list[Path]:
    """Every record of a library, in the order of their names."""
    found = (path for pattern in _PATTERNS for path in root.glob(pattern))
    return sorted(path for path in found if not _is_hidden(path.relative_to(root)))


def _is_current(root: Path) -> bool:
    return format_of(root) == FORMAT


def _migrate(root: Path) -> None:
    marker = _marker(root)
    backup = marker.migrating
    if backup is None and (records := [path for path in record_paths(root) if _is_old(path)]):
        backup = _back_up(root, records)
        # The old format still: an older version may open it until the first record is written.
        files.write_json(root / MARKER, {"format": 1, "migrating": backup})
    _convert_views(root)
    _convert_models(root / "models")
    for path in sorted((root / "jobs").glob("*.json")):
        _convert(path, JobRecord)
    write_record(root / MARKER, LibraryRecord())
    if backup is not None:
        _LOGGER.warning(
            "the library %s is now of format %d; its records as they were: %s", root, FORMAT, backup
        )


def _marker(root: Path) -> LibraryRecord:
    path = root / MARKER
    try:
        return read_record(path, LibraryRecord) if path.exists() else LibraryRecord(format=1)
    except DamagedFile as error:
        _LOGGER.error("%s; made anew", error)
        Aside(root).take(path, str(error))
        return LibraryRecord(format=1)


def _is_old(path: Path) -> bool:
    """Whether a record has no format of today: what is damaged counts, to be kept as it is."""
    try:
        content = files.read_json(path)
    except DamagedFile:
        return True
    return not isinstance(content, dict) or content.get("format") != FORMAT


def _back_up(root: Path, records: list[Path]) -> str:
    """Copy records to LIBRARY/backup/format-1-DATE, all of them or none; the folder's path below
    the library."""
    folder = root / "backup"
    files.make_directory(folder)
    for unfinished in folder.glob(".format-1-*"):
        shutil.rmtree(unfinished)
    for finished in sorted(folder.glob("format-1-*")):
        if all(_same(path, finished / path.relative_to(root)) for path in records):
            return f"backup/{finished.name}"  # whoever made it was killed before it could tell
    name = f"format-1-{utc_stamp()}"
    while (folder / name).exists():
        name += "-2"
    staged = folder / f".{name}"
    with files.clear_write_errors(folder):
        for path in records:
            target = staged / path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
        files.sync_tree(staged)
        os.rename(staged, folder / name)
        files.sync_directory(folder)
    return f"backup/{name}"


def _same(path: Path, copy: Path) -> bool:
    return copy.is_file() and copy.read_bytes() == path.read_bytes()


def _convert_views(root: Path) -> None:
    for label in labels_in(root / "objects"):
        folder = ObjectFolder(root / "objects", label)
        with folder.locked():
            for view_id in folder.view_ids():
                try:
                    record = folder.read(view_id)
                except DamagedFile as error:
                    _LOGGER.error("left as it is: %s", error)
                    continue
                if record.format != FORMAT:
                    image = image_record(folder.image_path(view_id))
                    folder.write(view_id, record.model_copy(update={"image": image}))


def _convert_models(root: Path) -> None:
    for path in sorted(root.glob(f"[1-9]*/{RECORD_FILE}")):
        _convert(path, ModelRecord)
    _convert(root / "promotions.json", PromotionsRecord)
    _convert(root / "labels.json", LabelsRecord)


def _convert(path: Path, kind: type[FileRecord]) -> None:
    if not path.exists():
        return
    try:
        record = read_record(path, kind)
    except DamagedFile as error:
        _LOGGER.error("left as it is: %s", error)
        return
    if record.format != FORMAT:
        if isinstance(record, ModelRecord):
            record = record.model_copy(update={"files": version_digests(path.parent)})
        write_record(path, record)


def labels_in(objects: Path) -> Iterator[str]:
    """The objects of a library, in alphabetical order."""
    for path in sorted(objects.iterdir()):
        try:
            check_label(path.name)
        except AutomaskError:
            continue
        if path.is_dir() and not path.is_symlink():
            yield path.name


def _is_hidden(relative: Path) -> bool:
    return any(part.startswith(".") for part in relative.parts)
