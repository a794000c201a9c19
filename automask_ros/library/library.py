"""Taught objects on disk: their views, their masks, and what was decided about them."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from automask_ros.errors import AutomaskError
from automask_ros.library import files
from automask_ros.library.image_file import check_size, pixels_digest, read_image, read_mask_file
from automask_ros.library.labels import check_label, check_view_id
from automask_ros.library.mask_files import DRAWN
from automask_ros.library.models import ModelStore
from automask_ros.library.object_folder import ObjectFolder
from automask_ros.library.records import (
    LibraryRecord,
    MaskRecord,
    ViewRecord,
    read_record,
    write_record,
)
from automask_ros.types import PERSON, BGRImage, BoolMask, Mask, Verdict, View


class Library:
    """A library of taught objects; several processes may use one at the same time.

    Each write is atomic and durable, and the JSON that makes a view or a mask count is written
    last. So a process killed at any instant leaves whole views and whole masks.
    Changes to one object are made under a lock that the kernel drops with its holder.
    """

    def __init__(self, root: Path, *, create: bool = False) -> None:
        """Open the library in folder ``root``; AutomaskError when there is none and not create."""
        self.root = Path(root)
        self._objects = self.root / "objects"
        self._folders: dict[str, ObjectFolder] = {}
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
        for label in self.labels():
            self._folder(label).remove_stale_temporaries()
        self.models = ModelStore(self.root / "models")

    def labels(self) -> list[str]:
        """The labels that have a folder, in alphabetical order."""
        with os.scandir(self._objects) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        return sorted(name for name in names if _is_label(name))

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
        folder = self._folder(label)
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
        folder.make()
        with folder.locked():
            if view_id is None:
                view_id = folder.free_id(captured_at)
            elif folder.record_path(view_id).exists():
                raise AutomaskError(
                    f"{label} already has a view {view_id}; give the new one another name, or "
                    "remove the old one"
                )
            files.write_image(folder.image_path(view_id), image)
            return folder.write(view_id, record)

    def remove_view(self, view: View) -> None:
        """Move a view, its image and its mask to LIBRARY/trash; nothing is lost."""
        folder = self._folder(view.label)
        with folder.locked():
            folder.read(view.id)
            trash = self.root / "trash" / view.label / f"{view.id}.{time.time_ns()}"
            files.make_directory(trash)
            # The JSON goes first: from then on the view does not exist, whatever happens.
            for path, name in (
                (folder.record_path(view.id), "view.json"),
                (folder.image_path(view.id), "image.png"),
                (folder.mask_path(view.id), "mask.png"),
            ):
                if path.exists():
                    files.move(path, trash / name)

    def views(self, label: str | None = None) -> list[View]:
        """The views of one object, or of all, by (captured_at, id).

        An image without its JSON is no view. A damaged JSON is reported to the log and left out.
        """
        labels = self.labels() if label is None else [label]
        found = [view for each in labels for view in self._folder(each).views()]
        return sorted(found, key=lambda view: (view.captured_at, view.id))

    def view(self, label: str, view_id: str) -> View:
        """One view; AutomaskError when there is none or its JSON is damaged."""
        return self._folder(label).view(view_id)

    def has_view(self, label: str, view_id: str) -> bool:
        """True when the object has a view of that id."""
        return self._folder(label).record_path(view_id).exists()

    def read_image(self, view: View) -> BGRImage:
        """A view's image, ``(H, W, 3) uint8`` BGR."""
        image = read_image(self.image_path(view.label, view.id))
        _check_same_size(image.shape[:2], view, "image")
        return image

    def read_mask(self, view: View) -> BoolMask | None:
        """A view's mask, ``(H, W) bool``, as it lies on disk; None when the view has none."""
        if self.view(view.label, view.id).verdict is None:
            return None
        pixels = read_mask_file(self.mask_path(view.label, view.id))
        _check_same_size(pixels.shape, view, "mask")
        return pixels

    def usable_mask(self, view: View) -> BoolMask | None:
        """The same, and None also for a file that is damaged or of the wrong size.

        Which one that is, the log has said and the view's verdict says.
        """
        try:
            return self.read_mask(view)
        except AutomaskError:
            return None

    def write_mask(self, view: View, mask: Mask, *, fcn: str) -> View:
        """Keep a mask and its verdict; ``fcn`` names the network that made it.

        A mask that a person drew stays: then this returns the view as it is.
        """
        _check_same_size(mask.pixels.shape, view, "mask")
        folder = self._folder(view.label)
        with folder.locked():
            known = folder.view(view.id)
            return known if known.drawn else _replace_mask(folder, view.id, mask, fcn)

    def write_verdict(self, view: View, verdict: Verdict, *, made_by: str) -> View:
        """Keep another verdict on the mask that a view has; the mask and its time stay.

        A view whose mask is gone or drawn by a person is returned as it is.
        """
        folder = self._folder(view.label)
        with folder.locked():
            record, known = folder.read(view.id), folder.view(view.id)
            if record.mask is None or known.verdict is None or known.made_by == PERSON:
                return known
            judged = record.mask.model_copy(
                update={
                    "made_by": made_by,
                    "accepted": verdict.accepted,
                    "score": float(verdict.score),
                    "reasons": verdict.reasons,
                }
            )
            folder.write(view.id, record.model_copy(update={"mask": judged}))
            return folder.view(view.id)

    def write_drawn_mask(self, view: View, pixels: BoolMask) -> View:
        """Keep a mask that a person drew; it counts as accepted. AutomaskError when it is empty."""
        _check_same_size(pixels.shape, view, "mask")
        if not pixels.any():
            raise AutomaskError(f"the mask for {view.label}/{view.id} is empty; veto the view")
        folder = self._folder(view.label)
        with folder.locked():
            mask = Mask(pixels, Verdict(True, 1.0, (DRAWN,)))
            return _replace_mask(folder, view.id, mask, PERSON)

    def forget_mask(self, view: View) -> View:
        """Drop a view's mask, so that it counts as one without mask and gets a new one."""
        folder = self._folder(view.label)
        with folder.locked():
            record = folder.read(view.id).model_copy(update={"mask": None})
            forgotten = folder.write(view.id, record)
            with files.clear_write_errors(folder.mask_path(view.id)):
                folder.mask_path(view.id).unlink(missing_ok=True)
            return forgotten

    def set_vetoed(self, view: View, vetoed: bool) -> View:
        """Take a view out of training, or back in; its image and mask stay."""
        folder = self._folder(view.label)
        with folder.locked():
            record = folder.read(view.id).model_copy(update={"vetoed": vetoed})
            folder.write(view.id, record)
            return folder.view(view.id)

    def views_without_mask(self, label: str | None = None) -> list[View]:
        """The views that wait for stage one."""
        return [view for view in self.views(label) if view.verdict is None]

    def trainable_views(self, label: str | None = None) -> list[View]:
        """The views with an accepted mask that nobody vetoed."""
        return [view for view in self.views(label) if view.trainable]

    def image_path(self, label: str, view_id: str) -> Path:
        """Where a view's image lies."""
        return self._folder(label).image_path(view_id)

    def mask_path(self, label: str, view_id: str) -> Path:
        """Where a view's mask lies, if it has one."""
        return self._folder(label).mask_path(view_id)

    @contextmanager
    def locked(self, label: str) -> Iterator[None]:
        """While this lasts nobody changes a view of an object; AutomaskError for an unknown one."""
        with self._folder(label).locked():
            yield

    def _folder(self, label: str) -> ObjectFolder:
        check_label(label)
        if label not in self._folders:
            self._folders[label] = ObjectFolder(self._objects, label)
        return self._folders[label]


def _replace_mask(folder: ObjectFolder, view_id: str, mask: Mask, made_by: str) -> View:
    """Write a mask's file, then the JSON that acknowledges it; call it while holding the lock."""
    record = folder.read(view_id)
    if record.mask is not None:
        # An old verdict must never stand beside new pixels, not even for an instant.
        record = record.model_copy(update={"mask": None})
        folder.write(view_id, record)
    pixels = mask.pixels.astype(bool)
    digest = files.write_image(folder.mask_path(view_id), pixels)
    acknowledgement = MaskRecord(
        made_by=made_by,
        accepted=mask.verdict.accepted,
        score=float(mask.verdict.score),
        reasons=mask.verdict.reasons,
        made_at=time.time(),
        sha256=digest,
        pixels_sha256=pixels_digest(pixels),
    )
    return folder.write(view_id, record.model_copy(update={"mask": acknowledgement}))


def _is_label(name: str) -> bool:
    try:
        return bool(check_label(name))
    except AutomaskError:
        return False


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
