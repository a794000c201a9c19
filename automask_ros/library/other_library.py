"""Another library, which is only read: nothing is written there, not even a lock.

It may lie on a share that is mounted read-only, be in use by its robot, or be a stranger's. Without
its locks a file may be replaced between two looks: what is taken must fit its digest.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from automask_ros.errors import AutomaskError, StorageError
from automask_ros.library.image_file import decode_mask, pixels_digest, read_file, read_image
from automask_ros.library.inside import check_folder
from automask_ros.library.migration import format_of, labels_in
from automask_ros.library.models import ModelStore
from automask_ros.library.object_folder import ObjectFolder
from automask_ros.library.records import ViewRecord
from automask_ros.types import BGRImage, Mask, View


@dataclass(frozen=True, eq=False)
class FoundView:
    """A view with its image ``(H, W, 3) uint8`` BGR, its mask if it has one that can be used, and
    who made that."""

    view: View
    image: BGRImage
    mask: Mask | None
    made_by: str


class OtherLibrary:
    """The library in a folder that is not ours to write."""

    def __init__(self, root: Path) -> None:
        """AutomaskError when there is no library, it leads elsewhere, or its format is newer."""
        self.root = Path(root)
        self._objects = self.root / "objects"
        check_folder(self._objects)
        if not self._objects.is_dir():
            raise AutomaskError(f"there is no library at {root}; mount its share or check the path")
        format_of(self.root)
        self._folders: dict[str, ObjectFolder] = {}
        self.models = ModelStore(self.root / "models", self.check, follow=False)

    def check(self) -> None:
        """StorageError when the library is there no more: a share that was lost looks empty."""
        if not self._objects.is_dir():
            raise StorageError(f"the library {self.root} is gone; mount its share and fetch again")

    def is_same_as(self, root: Path) -> bool:
        """Whether a library is this one, by whatever path."""
        return os.path.samefile(self.root, root)

    def labels(self) -> list[str]:
        """The objects whose folders lead nowhere else, in alphabetical order."""
        return [label for label in labels_in(self._objects) if self._folder(label).is_there()]

    def views(self, label: str) -> list[View]:
        """An object's views by (captured_at, id); the log tells which records are damaged."""
        found = self._folder(label).views()
        return sorted(found, key=lambda view: (view.captured_at, view.id))

    def image_digest(self, view: View) -> str | None:
        """SHA-256 of a view's pixels as its record tells; None where it does not (format 1)."""
        image = self._folder(view.label).read(view.id).image
        return image.pixels_sha256 if image else None

    def read(self, view: View) -> FoundView:
        """A view with its pixels; AutomaskError when they are not what its record tells."""
        folder = self._folder(view.label)
        record = folder.read_same(view)
        path = folder.image_path(view.id)
        image = read_image(path, links=False)
        known = record.image.pixels_sha256 if record.image else None
        fits = image.shape[:2] == (record.height, record.width)
        if not fits or known not in (None, pixels_digest(image)):
            raise AutomaskError(
                f"{path} is not the picture that was kept; see automask check {self.root}"
            )
        mask, made_by = self._mask(folder, view.id, record)
        return FoundView(folder.view(view.id), image, mask, made_by)

    def _mask(
        self, folder: ObjectFolder, view_id: str, record: ViewRecord
    ) -> tuple[Mask | None, str]:
        state, path = folder.mask_state(view_id, record), folder.mask_path(view_id)
        if state is None or state.sha256 is None:
            return None, ""
        data = read_file(path, links=False)
        if hashlib.sha256(data).hexdigest() != state.sha256:
            raise AutomaskError(f"{path} was replaced while it was read; fetch again")
        pixels = decode_mask(data, str(path))
        if pixels.shape != (record.height, record.width):
            raise AutomaskError(f"{path} is of another size; see automask check {self.root}")
        return Mask(pixels, state.verdict), state.made_by

    def _folder(self, label: str) -> ObjectFolder:
        if label not in self._folders:
            self._folders[label] = ObjectFolder(self._objects, label)
        return self._folders[label]
