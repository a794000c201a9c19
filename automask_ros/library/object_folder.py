"""One object's folder in a library: where its files lie, its lock, the records of its views."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from filelock import FileLock

from automask_ros.errors import AutomaskError
from automask_ros.library import files
from automask_ros.library.labels import check_label, check_view_id
from automask_ros.library.mask_files import MaskFiles
from automask_ros.library.records import ViewRecord, read_record, write_record
from automask_ros.types import View

_LOGGER = logging.getLogger(__name__)
_RECORD_SUFFIX = ".json"


class ObjectFolder:
    """The folder ``objects/LABEL``.

    A view exists when its JSON exists, and has a mask when that JSON acknowledges one and the
    mask's file is there.
    """

    def __init__(self, objects: Path, label: str) -> None:
        self.label = check_label(label)
        self.path = objects / label
        self._cache: dict[str, tuple[tuple[int, int, int], ViewRecord]] = {}
        self._reported: set[tuple[str, int]] = set()
        self._masks = MaskFiles()

    def image_path(self, view_id: str) -> Path:
        """Where a view's image lies."""
        return self.path / "views" / f"{check_view_id(view_id)}.png"

    def record_path(self, view_id: str) -> Path:
        """Where a view's JSON lies."""
        return self.path / "views" / f"{check_view_id(view_id)}{_RECORD_SUFFIX}"

    def mask_path(self, view_id: str) -> Path:
        """Where a view's mask lies, if it has one."""
        return self.path / "masks" / f"{check_view_id(view_id)}.png"

    def make(self) -> None:
        """Create the folder, durably, when it is not there yet."""
        for name in ("views", "masks"):
            files.make_directory(self.path / name)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the object's lock, against other processes and other threads of this one.

        The kernel drops it with its holder, so a killed process leaves none behind.
        """
        if not self.path.is_dir():
            raise AutomaskError(f"the library has no object {self.label}: {self.path} is missing")
        path = self.path / ".lock"
        with files.clear_write_errors(path):
            lock = FileLock(path)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def read(self, view_id: str) -> ViewRecord:
        """A view's record; AutomaskError when there is no such view or its JSON is damaged."""
        path = self.record_path(view_id)
        if not path.exists():
            raise AutomaskError(f"the library has no view {view_id} of {self.label} ({path})")
        return read_record(path, ViewRecord)

    def write(self, view_id: str, record: ViewRecord) -> View:
        """Write a view's record: from then on the view exists."""
        write_record(self.record_path(view_id), record)
        return self._view(view_id, record)

    def view(self, view_id: str) -> View:
        """One view; AutomaskError as in ``read``."""
        return self._view(view_id, self.read(view_id))

    def views(self) -> Iterator[View]:
        """All views, by id. A damaged JSON is reported to the log, once, and left out."""
        # Sorted, so that what is said of some of them comes in the same order each time.
        for name in _names(self.path / "views"):
            if name.startswith(".") or not name.endswith(_RECORD_SUFFIX):
                continue
            view_id = name.removesuffix(_RECORD_SUFFIX)
            try:
                yield self._view(view_id, self._cached(view_id))
            except FileNotFoundError:
                continue  # removed by another process since the folder was listed
            except AutomaskError as error:
                self._report(name, error)

    def free_id(self, captured_at: float) -> str:
        """An id from a capture's UTC time that no view has; call it while holding the lock."""
        try:
            moment = datetime.fromtimestamp(captured_at, timezone.utc)
        except (ValueError, OverflowError, OSError):
            raise AutomaskError(f"a view cannot be captured at {captured_at} seconds") from None
        stem = moment.strftime("%Y%m%dT%H%M%S.%f")
        view_id, count = stem, 1
        while self.record_path(view_id).exists():
            count += 1
            view_id = f"{stem}-{count}"
        return view_id

    def remove_stale_temporaries(self) -> None:
        """Remove what writers that were killed long ago left behind."""
        for name in ("views", "masks"):
            directory = self.path / name
            if directory.is_dir() and os.access(directory, os.W_OK):
                files.remove_stale_temporaries(directory)

    def _cached(self, view_id: str) -> ViewRecord:
        """A view's record, read again only when its file was replaced."""
        path = self.record_path(view_id)
        status = path.stat()
        signature = (status.st_ino, status.st_mtime_ns, status.st_size)
        known = self._cache.get(view_id)
        if known is not None and known[0] == signature:
            return known[1]
        try:
            record = read_record(path, ViewRecord)
        except AutomaskError as error:
            if not path.exists():
                raise FileNotFoundError(path) from error
            raise
        self._cache[view_id] = (signature, record)
        return record

    def _report(self, name: str, error: AutomaskError) -> None:
        if (name, hash(str(error))) not in self._reported:
            self._reported.add((name, hash(str(error))))
            _LOGGER.error("left out: %s", error)

    def _view(self, view_id: str, record: ViewRecord) -> View:
        mask = self._masks.state(self.mask_path(view_id), record, lambda: self.read(view_id))
        return View(
            id=view_id,
            label=self.label,
            captured_at=record.captured_at,
            source=record.source,
            width=record.width,
            height=record.height,
            camera=record.camera,
            verdict=mask.verdict if mask else None,
            vetoed=record.vetoed,
            made_by=mask.made_by if mask else None,
            mask_made_at=mask.made_at if mask else None,
        )


def _names(directory: Path) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except FileNotFoundError:
        return []
