"""One object's folder in a library: where its files lie, its lock, the records of its views."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from automask_ros.errors import AutomaskError, StorageError
from automask_ros.library import files
from automask_ros.library.image_file import pixels_digest
from automask_ros.library.image_files import ImageFiles
from automask_ros.library.inside import check_folder, file_lock
from automask_ros.library.labels import check_label, check_view_id
from automask_ros.library.mask_files import MaskFiles, MaskState
from automask_ros.library.records import ViewRecord, read_record, write_record
from automask_ros.types import BGRImage, View

_LOGGER = logging.getLogger(__name__)
_RECORD_SUFFIX = ".json"


class ViewGone(AutomaskError):
    """There is no such view, or not any more: another process may have taken it away."""


class ObjectFolder:
    """The folder ``objects/LABEL``.

    A view exists when its JSON exists, and has a mask when that JSON acknowledges one and the
    mask's file is there.
    """

    def __init__(self, objects: Path, label: str) -> None:
        self.label = check_label(label)
        self.path = objects / label
        self._trash = objects.parent / "trash" / label
        self._cache: dict[str, tuple[tuple[int, int, int], ViewRecord]] = {}
        self._reported: set[tuple[str, int]] = set()
        self._masks = MaskFiles()
        self._images = ImageFiles()

    def image_path(self, view_id: str) -> Path:
        """Where a view's image lies."""
        return self.path / "views" / f"{check_view_id(view_id)}.png"

    def record_path(self, view_id: str) -> Path:
        """Where a view's JSON lies."""
        return self.path / "views" / f"{check_view_id(view_id)}{_RECORD_SUFFIX}"

    def mask_path(self, view_id: str) -> Path:
        """Where a view's mask lies, if it has one."""
        return self.path / "masks" / f"{check_view_id(view_id)}.png"

    def check(self) -> None:
        """AutomaskError when the folder, or one in it, leads elsewhere."""
        for path in (self.path, self.path / "views", self.path / "masks"):
            check_folder(path)

    def is_there(self) -> bool:
        """Whether there is such a folder; one that leads elsewhere is told to the log, once."""
        try:
            self.check()
        except AutomaskError as error:
            self._report("", error)
            return False
        return self.path.is_dir()

    @property
    def trash(self) -> Path:
        """Where views go that are taken away; AutomaskError when that leads elsewhere."""
        for path in (self._trash.parent, self._trash):
            check_folder(path)
        return self._trash

    def make(self) -> None:
        """Create the folder, durably, when it is not there yet."""
        for name in ("views", "masks"):
            files.make_directory(self.path / name)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the object's lock, against other processes and other threads of this one.

        The kernel drops it with its holder, so a killed process leaves none behind.
        """
        path = self.path / ".lock"
        with files.clear_read_errors(self.path):
            if not self.path.is_dir():
                raise ViewGone(f"the library has no object {self.label}: {self.path} is missing")
        with files.clear_write_errors(path):
            lock = file_lock(path)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def read(self, view_id: str) -> ViewRecord:
        """A view's record; ViewGone when there is no such view, AutomaskError for damaged JSON."""
        path = self.record_path(view_id)
        with files.clear_read_errors(path):
            there = path.exists()
        if not there:
            raise ViewGone(f"the library has no view {view_id} of {self.label} ({path})")
        return read_record(path, ViewRecord)

    def read_same(self, view: View) -> ViewRecord:
        """The record of the very view that was read before; ViewGone also when another one was
        added under its id since."""
        record = self.read(view.id)
        if record.captured_at != view.captured_at:
            raise ViewGone(f"view {view.id} of {self.label} is another one by now; look again")
        return record

    def write(self, view_id: str, record: ViewRecord) -> View:
        """Write a view's record: from then on the view exists."""
        placed = record.model_copy(update={"label": self.label, "id": view_id})
        write_record(self.record_path(view_id), placed)
        return self._view(view_id, placed)

    def view(self, view_id: str) -> View:
        """One view; AutomaskError as in ``read``."""
        return self._view(view_id, self.read(view_id))

    def image_fault(self, view_id: str) -> str | None:
        """What is wrong with a view's image, in words that follow its name; None when nothing is.

        AutomaskError or FileNotFoundError when the view's JSON cannot be read.
        """
        return self._images.fault(self.image_path(view_id), self._cached(view_id))

    def mask_state(self, view_id: str, record: ViewRecord) -> MaskState | None:
        """What is known of the mask that lies there; None when the view counts as without one."""
        return self._masks.state(self.mask_path(view_id), record, lambda: self.read(view_id))

    def view_ids(self) -> list[str]:
        """The ids of all files that are a view's JSON by their names, whatever they hold."""
        names = _names(self.path / "views")
        return [
            name.removesuffix(_RECORD_SUFFIX)
            for name in names
            if name.endswith(_RECORD_SUFFIX) and not name.startswith(".")
        ]

    def views(self) -> Iterator[View]:
        """All views, by id. A damaged JSON is reported to the log, once, and left out."""
        # Sorted, so that what is said of some of them comes in the same order each time.
        for view_id in self.view_ids():
            try:
                yield self._view(view_id, self._cached(view_id))
            except FileNotFoundError:
                continue  # removed by another process since the folder was listed
            except AutomaskError as error:
                self._report(view_id, error)

    def restore_image(self, view_id: str, image: BGRImage) -> bool:
        """Write an image anew when it is the one that was kept; call it holding the lock."""
        record = self.read(view_id)
        if record.image is None or pixels_digest(image) != record.image.pixels_sha256:
            return False
        digest = files.write_image(self.image_path(view_id), image)
        kept = record.image.model_copy(update={"sha256": digest})
        self.write(view_id, record.model_copy(update={"image": kept}))
        return True

    def free_id(self, captured_at: float) -> str:
        """An id from a capture's UTC time that no view has or had; call it while holding the lock.

        Whoever still works on a view that was taken away would take another one for it.
        """
        try:
            moment = datetime.fromtimestamp(captured_at, timezone.utc)
        except (ValueError, OverflowError, OSError):
            raise AutomaskError(f"a view cannot be captured at {captured_at} seconds") from None
        stem = moment.strftime("%Y%m%dT%H%M%S.%f")
        view_id, count = stem, 1
        removed = {name.rpartition(".")[0] for name in _names(self.trash)}
        while view_id in removed or self.record_path(view_id).exists():
            count += 1
            view_id = f"{stem}-{count}"
        return view_id

    def remove_stale_temporaries(self) -> None:
        """Remove what writers that were killed long ago left behind."""
        for name in ("views", "masks", "background"):
            if not (self.path / name).is_symlink():  # whose folder may be anybody's
                files.remove_stale_temporaries(self.path / name)

    def _cached(self, view_id: str) -> ViewRecord:
        """A view's record, read again only when its file was replaced."""
        path = self.record_path(view_id)
        try:
            status = path.lstat()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise AutomaskError(f"cannot read {path}: {error.strerror or error}") from error
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
        mask = self.mask_state(view_id, record)
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
        with files.clear_read_errors(directory):
            return sorted(os.listdir(directory))
    except StorageError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return []  # no object of that label, or none any more
        raise
