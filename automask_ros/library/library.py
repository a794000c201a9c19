"""Taught objects on disk: their views, their masks, and what was decided about them."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from automask_ros.errors import AutomaskError, StorageError
from automask_ros.library import files
from automask_ros.library.files import DamagedFile
from automask_ros.library.image_file import check_size, pixels_digest, read_image, read_mask_file
from automask_ros.library.inside import check_folder
from automask_ros.library.labels import check_label, check_view_id
from automask_ros.library.mask_files import DRAWN_VERDICT
from automask_ros.library.mask_writing import judge_mask, replace_mask, write_first_mask
from automask_ros.library.migration import MARKER, bring_up_to_date
from automask_ros.library.models import ModelStore
from automask_ros.library.object_folder import ObjectFolder, ViewGone
from automask_ros.library.records import (
    ImageRecord,
    LibraryRecord,
    ViewRecord,
    write_record,
)
from automask_ros.types import PERSON, BGRImage, BoolMask, Mask, Verdict, View

_PICTURE_BYTES = 1 << 20


class Library:
    """A library of taught objects; several processes may use one at the same time.

    Each write is atomic and durable, and the one that makes a view or a mask count, or another in
    its place, is the last. So a process killed at any instant leaves whole views and whole masks.
    Changes to one object are made under a lock that the kernel drops with its holder. A change to a
    view that another process has taken away, or replaced, is refused with ViewGone.
    """

    def __init__(self, root: Path, *, create: bool = False) -> None:
        """Open the library in folder ``root``; AutomaskError when there is none and not create."""
        self.root = Path(root)
        self._objects = self.root / "objects"
        self._folders: dict[str, ObjectFolder] = {}
        marker = self.root / MARKER
        check_folder(self._objects)
        if create and not self._objects.is_dir():
            files.make_directory(self.root)
            if not marker.exists():
                write_record(marker, LibraryRecord())
            files.make_directory(self._objects)
        if not self._objects.is_dir():
            raise AutomaskError(
                f"there is no library at {self.root}; check the path, or make one: automask add"
            )
        bring_up_to_date(self.root)
        files.remove_stale_temporaries(self.root)
        for label in self.labels():
            self._folder(label).remove_stale_temporaries()
        self.models = ModelStore(self.root / "models", self.check)

    def check(self) -> None:
        """StorageError when the library is there no more: moved away, or its disk unmounted.

        Whatever makes folders asks this first: what is written into the empty place that a disk
        leaves behind is out of sight once the disk is back.
        """
        with files.clear_read_errors(self.root):
            if not self._objects.is_dir():
                raise StorageError(
                    f"the library {self.root} is gone; mount its disk or put the folder back"
                )

    def check_writable(self) -> None:
        """StorageError when a view could not be kept; a picture's worth is written to find out."""
        self.check()
        probe = self._objects / ".probe"
        try:
            files.write_bytes(probe, bytes(_PICTURE_BYTES))
        finally:
            files.discard(probe)

    def labels(self) -> list[str]:
        """The labels that have a folder of their own, in alphabetical order."""
        self.check()
        with files.clear_read_errors(self._objects):
            names = sorted(filter(_is_label, os.listdir(self._objects)))
            return [name for name in names if self._known_folder(name).is_there()]

    def add_view(
        self,
        label: str,
        image: BGRImage,
        *,
        captured_at: float,
        source: str,
        camera: dict[str, Any] | None = None,
        view_id: str | None = None,
        mask: Mask | None = None,
        made_by: str = PERSON,
        vetoed: bool = False,
    ) -> View:
        """Keep an image, ``(H, W, 3) uint8`` BGR; when this returns, it survives a power cut.

        ``captured_at`` is in unix seconds. Without ``view_id`` the id is the capture's UTC time.
        A ``mask`` that ``made_by`` made is there as soon as the view is. AutomaskError when label
        or id are unusable, or the id is taken; StorageError when the disk does not take it, which
        leaves nothing behind.
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
            vetoed=vetoed,
        )
        self.check()
        folder.make()
        with folder.locked():
            if view_id is None:
                view_id = folder.free_id(captured_at)
            elif folder.record_path(view_id).exists():
                raise AutomaskError(
                    f"{label} already has a view {view_id}; give the new one another name, or "
                    "remove the old one"
                )
            try:
                digest = files.write_image(folder.image_path(view_id), image)
                kept = ImageRecord(sha256=digest, pixels_sha256=pixels_digest(image))
                changes: dict[str, Any] = {"image": kept}
                if mask is not None:
                    changes["mask"] = write_first_mask(folder, view_id, mask, made_by)
                return folder.write(view_id, record.model_copy(update=changes))
            except BaseException:
                # The JSON first: without it the view does not exist, whatever happens.
                files.discard(folder.record_path(view_id))
                files.discard(folder.image_path(view_id))
                raise

    def restore_image(self, view: View, image: BGRImage) -> bool:
        """Write a damaged image anew when ``image`` ``(H, W, 3)`` is the picture that was kept;
        whether it is."""
        folder = self._folder(view.label)
        with folder.locked():
            return folder.restore_image(view.id, image)

    def remove_view(self, view: View) -> None:
        """Move a view, its image and its mask to LIBRARY/trash; nothing is lost."""
        folder = self._folder(view.label)
        with folder.locked():
            with suppress(DamagedFile):  # what is damaged may go as well
                folder.read_same(view)
            trash = folder.trash / f"{view.id}.{time.time_ns()}"
            files.make_directory(trash)
            pictures = {
                folder.image_path(view.id): "image.png",
                folder.mask_path(view.id): "mask.png",
            }
            for path in filter(Path.exists, pictures):
                files.add_name(path, trash / pictures[path])
            # With its JSON the view goes: before, all of it is here; from now on, in the trash.
            files.move(folder.record_path(view.id), trash / "view.json")
            with files.clear_write_errors(folder.path):
                for path in pictures:
                    path.unlink(missing_ok=True)

    def views(self, label: str | None = None) -> list[View]:
        """The views of one object, or of all, by (captured_at, id).

        An image without its JSON is no view. A damaged JSON is reported to the log and left out.
        """
        self.check()
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
        """A view's image, ``(H, W, 3) uint8`` BGR; AutomaskError when it is not what was kept."""
        path = self.image_path(view.label, view.id)
        if not path.exists():
            raise AutomaskError(
                f"the image of {view.label}/{view.id} is gone ({path}); put the file back, or veto "
                "the view"
            )
        image = read_image(path, links=False)
        _check_same_size(image.shape[:2], view, "image")
        if fault := self.image_fault(view):
            raise AutomaskError(f"{path} {fault}; see automask check {self.root}")
        return image

    def image_fault(self, view: View) -> str | None:
        """What is wrong with a view's image, in words that follow its name; None when nothing is.

        Cheap for an image that was looked at before and has not changed since.
        """
        try:
            return self._folder(view.label).image_fault(view.id)
        except (AutomaskError, FileNotFoundError):
            return None  # then it is the JSON that is gone or damaged, and the view with it

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
            folder.read_same(view)
            known = folder.view(view.id)
            return known if known.drawn else replace_mask(folder, view.id, mask, fcn)

    def write_verdict(self, view: View, verdict: Verdict, *, made_by: str) -> View:
        """Keep another verdict on the mask that a view has; the mask and its time stay.

        A view whose mask is gone, drawn by a person, or another one than ``view`` tells of, is
        returned as it is.
        """
        folder = self._folder(view.label)
        with folder.locked():
            record, known = folder.read_same(view), folder.view(view.id)
            if known.verdict is None or known.made_by == PERSON:
                return known
            if known.mask_made_at != view.mask_made_at:
                return known  # what was judged is another mask, made anew since
            return judge_mask(folder, view.id, record, verdict, made_by)

    def write_drawn_mask(self, view: View, pixels: BoolMask) -> View:
        """Keep a mask that a person drew; it counts as accepted. AutomaskError when it is empty."""
        _check_same_size(pixels.shape, view, "mask")
        if not pixels.any():
            raise AutomaskError(f"the mask for {view.label}/{view.id} is empty; veto the view")
        folder = self._folder(view.label)
        with folder.locked():
            folder.read_same(view)
            return replace_mask(folder, view.id, Mask(pixels, DRAWN_VERDICT), PERSON)

    def forget_mask(self, view: View, *, drawn_too: bool = True) -> View:
        """Drop a view's mask, so that it counts as one without mask and gets a new one."""
        folder = self._folder(view.label)
        with folder.locked():
            record = folder.read_same(view).model_copy(update={"mask": None})
            known = folder.view(view.id)
            if known.drawn and not drawn_too:
                return known
            forgotten = folder.write(view.id, record)
            with files.clear_write_errors(folder.mask_path(view.id)):
                folder.mask_path(view.id).unlink(missing_ok=True)
            return forgotten

    def forget_masks(self, views: Iterable[View]) -> list[View]:
        """Drop the automatic masks of several; the views that lost theirs, and not those that
        were taken away or drawn since they were read."""
        forgotten = []
        for view in views:
            with suppress(ViewGone):
                forgotten.append(self.forget_mask(view, drawn_too=False))
        return [view for view in forgotten if view.verdict is None]

    def set_vetoed(self, view: View, vetoed: bool) -> View:
        """Take a view out of training, or back in; its image and mask stay."""
        folder = self._folder(view.label)
        with folder.locked():
            record = folder.read_same(view).model_copy(update={"vetoed": vetoed})
            folder.write(view.id, record)
            return folder.view(view.id)

    def views_without_mask(self, label: str | None = None) -> list[View]:
        """The views that wait for stage one."""
        return [view for view in self.views(label) if view.verdict is None]

    def awaited_masks(self, views: Iterable[View]) -> list[View]:
        """Those of the views that will get a mask: no damaged image ever does."""
        without = (view for view in views if view.verdict is None)
        return [view for view in without if self.image_fault(view) is None]

    def trainable_views(self, label: str | None = None) -> list[View]:
        """The views with an accepted mask that nobody vetoed."""
        return [view for view in self.views(label) if view.trainable]

    def image_path(self, label: str, view_id: str) -> Path:
        """Where a view's image lies."""
        return self._folder(label).image_path(view_id)

    def mask_path(self, label: str, view_id: str) -> Path:
        """Where a view's mask lies, if it has one."""
        return self._folder(label).mask_path(view_id)

    def scenes_path(self, label: str) -> Path:
        """The folder of the pictures of the place without the object, whether it is there or not.

        AutomaskError when something else is there.
        """
        path = self._folder(label).path / "background"
        check_folder(path)
        return path

    @contextmanager
    def locked(self, label: str) -> Iterator[None]:
        """While this lasts nobody changes a view of an object; AutomaskError for an unknown one."""
        with self._folder(label).locked():
            yield

    def _folder(self, label: str) -> ObjectFolder:
        folder = self._known_folder(label)
        folder.check()
        return folder

    def _known_folder(self, label: str) -> ObjectFolder:
        if label not in self._folders:
            self._folders[label] = ObjectFolder(self._objects, label)
        return self._folders[label]


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
