"""Taught objects on disk: their views, their masks, and what was decided about them."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from automask_ros.errors import AutomaskError
from automask_ros.library import files
from automask_ros.library.image_file import check_size, read_grey, read_image
from automask_ros.library.labels import check_label, check_view_id
from automask_ros.library.models import ModelStore
from automask_ros.library.records import (
    LibraryRecord,
    MaskRecord,
    ViewRecord,
    read_record,
    write_record,
)
from automask_ros.types import BGRImage, BoolMask, Mask, Verdict, View

_LOGGER = logging.getLogger(__name__)


class Library:
    """A library of taught objects; several processes may use one at the same time.

    A view exists when its JSON exists, and has a mask when that JSON acknowledges one and the
    mask's file is there. So a process killed at any instant leaves whole views and whole masks.
    Changes to one object are made under a lock that the kernel drops with its holder.
    """

    def __init__(self, root: Path, *, create: bool = False) -> None:
        """Open the library in folder ``root``; AutomaskError when there is none and not create."""
        self.root = Path(root)
        self._objects = self.root / "objects"
        self._cache: dict[Path, tuple[tuple[int, int, int], ViewRecord]] = {}
        self._reported: set[tuple[Path, int]] = set()
        marker = self.root / "library.json"
        if create and not marker.exists():
            files.make_directory(self._objects)
            write_record(marker, LibraryRecord())
        if not self._objects.is_dir():
            raise AutomaskError(
                f"there is no library at {self.root}; check the path, or make one: automask add"
            )
        if marker.exists():
            read_record(marker, LibraryRecord)
        self._remove_stale_temporaries()
        self.models = ModelStore(self.root / "models")

    def labels(self) -> list[str]:
        """The labels that have a folder, in alphabetical order."""
        return sorted(
            entry.name
            for entry in os.scandir(self._objects)
            if entry.is_dir(follow_symlinks=False) and _is_label(entry.name)
        )

    def add_view(
        self,
        label: str,
        image: BGRImage,
        *,
        captured_at: float,
        source: str,
        camera: dict[str, Any] | None = None,
        view_id: str | None = None,
    ) -> View:
        """Keep an image, ``(H, W, 3) uint8`` BGR; when this returns, it survives a power cut.

        ``captured_at`` is in unix seconds. Without ``view_id`` the id is the capture's UTC time.
        AutomaskError when label or id are unusable, or the id is taken.
        """
        check_label(label)
        if view_id is not None:
            check_view_id(view_id)
        _check_image(image)
        if not math.isfinite(captured_at):
            raise AutomaskError(f"a view's capture time must be a number, not {captured_at}")
        record = ViewRecord(
            captured_at=captured_at,
            source=source,
            width=image.shape[1],
            height=image.shape[0],
            camera=camera,
        )
        for folder in ("views", "masks"):
            files.make_directory(self._objects / label / folder)
        with self._locked(label):
            if view_id is None:
                view_id = self._free_id(label, captured_at)
            elif self._record_path(label, view_id).exists():
                raise AutomaskError(
                    f"{label} already has a view {view_id}; give the new one another name, or "
                    "remove the old one"
                )
            files.write_image(self.image_path(label, view_id), image)
            return self._write(label, view_id, record)

    def remove_view(self, view: View) -> None:
        """Move a view, its image and its mask to LIBRARY/trash; nothing is lost."""
        with self._locked(view.label):
            self._read(view.label, view.id)
            trash = self.root / "trash" / view.label / f"{view.id}.{time.time_ns()}"
            files.make_directory(trash)
            # The JSON goes first: from then on the view does not exist, whatever happens.
            for path, name in (
                (self._record_path(view.label, view.id), "view.json"),
                (self.image_path(view.label, view.id), "image.png"),
                (self.mask_path(view.label, view.id), "mask.png"),
            ):
                with files.clear_write_errors(path):
                    if path.exists():
                        os.rename(path, trash / name)
                        files.sync_directory(trash)
                        files.sync_directory(path.parent)

    def views(self, label: str | None = None) -> list[View]:
        """The views of one object, or of all, by (captured_at, id).

        An image without its JSON is no view. A damaged JSON is reported to the log and left out.
        """
        labels = self.labels() if label is None else [check_label(label)]
        found = [view for each in labels for view in self._views_of(each)]
        return sorted(found, key=lambda view: (view.captured_at, view.id))

    def view(self, label: str, view_id: str) -> View:
        """One view; AutomaskError when there is none or its JSON is damaged."""
        record = self._read(check_label(label), check_view_id(view_id))
        return self._view(label, view_id, record, self.mask_path(label, view_id).exists())

    def has_view(self, label: str, view_id: str) -> bool:
        """True when the object has a view of that id."""
        return self._record_path(check_label(label), check_view_id(view_id)).exists()

    def read_image(self, view: View) -> BGRImage:
        """A view's image, ``(H, W, 3) uint8`` BGR."""
        image = read_image(self.image_path(view.label, view.id))
        _check_same_size(image.shape[:2], view, "image")
        return image

    def read_mask(self, view: View) -> BoolMask | None:
        """A view's mask, ``(H, W) bool``, as it lies on disk; None when the view has none."""
        if self.view(view.label, view.id).verdict is None:
            return None
        pixels = read_grey(self.mask_path(view.label, view.id)) >= 128
        _check_same_size(pixels.shape, view, "mask")
        return pixels

    def write_mask(self, view: View, mask: Mask, *, fcn: str) -> View:
        """Keep a mask and its verdict; ``fcn`` names the network that made it."""
        _check_same_size(mask.pixels.shape, view, "mask")
        acknowledgement = MaskRecord(
            fcn=fcn,
            accepted=mask.verdict.accepted,
            score=float(mask.verdict.score),
            reasons=mask.verdict.reasons,
            made_at=time.time(),
        )
        with self._locked(view.label):
            record = self._read(view.label, view.id)
            if record.mask is not None:
                # An old verdict must never stand beside new pixels, not even for an instant.
                record = record.model_copy(update={"mask": None})
                self._write(view.label, view.id, record)
            files.write_image(self.mask_path(view.label, view.id), mask.pixels.astype(bool))
            record = record.model_copy(update={"mask": acknowledgement})
            return self._write(view.label, view.id, record)

    def forget_mask(self, view: View) -> View:
        """Drop a view's mask, so that it counts as one without mask and gets a new one."""
        with self._locked(view.label):
            record = self._read(view.label, view.id).model_copy(update={"mask": None})
            forgotten = self._write(view.label, view.id, record)
            with files.clear_write_errors(self.mask_path(view.label, view.id)):
                self.mask_path(view.label, view.id).unlink(missing_ok=True)
            return forgotten

    def set_vetoed(self, view: View, vetoed: bool) -> View:
        """Take a view out of training, or back in; its image and mask stay."""
        with self._locked(view.label):
            record = self._read(view.label, view.id).model_copy(update={"vetoed": vetoed})
            return self._write(view.label, view.id, record)

    def views_without_mask(self, label: str | None = None) -> list[View]:
        """The views that wait for stage one."""
        return [view for view in self.views(label) if view.verdict is None]

    def trainable_views(self, label: str | None = None) -> list[View]:
        """The views with an accepted mask that nobody vetoed."""
        return [view for view in self.views(label) if view.trainable]

    def image_path(self, label: str, view_id: str) -> Path:
        """Where a view's image lies."""
        return self._objects / check_label(label) / "views" / f"{check_view_id(view_id)}.png"

    def mask_path(self, label: str, view_id: str) -> Path:
        """Where a view's mask lies, if it has one."""
        return self._objects / check_label(label) / "masks" / f"{check_view_id(view_id)}.png"

    def _record_path(self, label: str, view_id: str) -> Path:
        return self._objects / check_label(label) / "views" / f"{check_view_id(view_id)}.json"

    @contextmanager
    def _locked(self, label: str) -> Iterator[None]:
        """Hold the object's lock, against other processes and other threads of this one."""
        folder = self._objects / check_label(label)
        if not folder.is_dir():
            raise AutomaskError(f"the library at {self.root} has no object {label}")
        path = folder / ".lock"
        with files.clear_write_errors(path):
            lock = FileLock(path)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _read(self, label: str, view_id: str) -> ViewRecord:
        path = self._record_path(label, view_id)
        if not path.exists():
            raise AutomaskError(f"the library at {self.root} has no view {view_id} of {label}")
        return read_record(path, ViewRecord)

    def _write(self, label: str, view_id: str, record: ViewRecord) -> View:
        write_record(self._record_path(label, view_id), record)
        return self._view(label, view_id, record, has_mask=record.mask is not None)

    def _views_of(self, label: str) -> Iterator[View]:
        folder = self._objects / label
        masks = _names(folder / "masks")
        for name in _names(folder / "views"):
            view_id, dot, suffix = name.rpartition(".")
            if not dot or suffix != "json" or view_id.startswith("."):
                continue
            try:
                record = self._cached(self._record_path(label, view_id))
            except FileNotFoundError:
                continue  # removed by another process since the folder was listed
            if record is not None:
                yield self._view(label, view_id, record, f"{view_id}.png" in masks)

    def _cached(self, path: Path) -> ViewRecord | None:
        """A view's record, read again only when its file was replaced; None when it is damaged."""
        status = path.stat()
        signature = (status.st_ino, status.st_mtime_ns, status.st_size)
        known = self._cache.get(path)
        if known is not None and known[0] == signature:
            return known[1]
        try:
            record = read_record(path, ViewRecord)
        except AutomaskError as error:
            if not path.exists():
                raise FileNotFoundError(path) from error
            if (path, status.st_mtime_ns) not in self._reported:
                self._reported.add((path, status.st_mtime_ns))
                _LOGGER.error("left out: %s", error)
            return None
        self._cache[path] = (signature, record)
        return record

    def _view(self, label: str, view_id: str, record: ViewRecord, has_mask: bool) -> View:
        mask = record.mask if has_mask else None
        return View(
            id=view_id,
            label=label,
            captured_at=record.captured_at,
            source=record.source,
            width=record.width,
            height=record.height,
            camera=record.camera,
            verdict=Verdict(mask.accepted, mask.score, mask.reasons) if mask else None,
            vetoed=record.vetoed,
        )

    def _free_id(self, label: str, captured_at: float) -> str:
        """An id from the capture's time that no view of the object has; call it under the lock."""
        try:
            moment = datetime.fromtimestamp(captured_at, timezone.utc)
        except (ValueError, OverflowError, OSError):
            raise AutomaskError(f"a view cannot be captured at {captured_at} seconds") from None
        stem = moment.strftime("%Y%m%dT%H%M%S.%f")
        view_id, count = stem, 1
        while self._record_path(label, view_id).exists():
            count += 1
            view_id = f"{stem}-{count}"
        return view_id

    def _remove_stale_temporaries(self) -> None:
        for label in self.labels():
            for folder in ("views", "masks"):
                directory = self._objects / label / folder
                if directory.is_dir() and os.access(directory, os.W_OK):
                    files.remove_stale_temporaries(directory)


def _is_label(name: str) -> bool:
    try:
        return bool(check_label(name))
    except AutomaskError:
        return False


def _names(directory: Path) -> set[str]:
    try:
        return set(os.listdir(directory))
    except FileNotFoundError:
        return set()


def _check_image(image: BGRImage) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"a view's image is (H, W, 3) uint8, not {image.shape} {image.dtype}")
    check_size(image.shape[0], image.shape[1], "the image")


def _check_same_size(shape: tuple[int, ...], view: View, what: str) -> None:
    if shape != (view.height, view.width):
        raise AutomaskError(
            f"the {what} of {view.label}/{view.id} is {shape[1]}x{shape[0]} but the view is "
            f"{view.width}x{view.height}; restore the file, or remove the view"
        )
