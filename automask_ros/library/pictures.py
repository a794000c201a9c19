"""The pictures of an annotated set, by the file names that its annotations give."""

from __future__ import annotations

from dataclasses import dataclass

from automask_ros.errors import AutomaskError
from automask_ros.library.coco import CocoImage
from automask_ros.library.coco_names import picture_names, shown
from automask_ros.library.image_file import MAX_BYTES, decode_image_file
from automask_ros.library.set_files import SetFiles
from automask_ros.types import BGRImage


@dataclass(frozen=True)
class Picture:
    """A picture ``(H, W, 3) uint8`` BGR, where it lies, and when it was written (unix seconds)."""

    image: BGRImage
    source: str
    modified: float


@dataclass(frozen=True)
class Pictures:
    """Pictures below some folders of a set ("" is the top), looked for in that order."""

    files: SetFiles
    folders: tuple[str, ...] = ("",)

    def has(self, image: CocoImage) -> bool:
        """Whether the picture of an image is there."""
        return self._name(image) is not None

    def read(self, image: CocoImage) -> Picture:
        """The picture of an image; AutomaskError when there is none, or it cannot be read."""
        name = self._name(image)
        if name is None:
            place = "/".join(filter(None, (str(self.files.path), self.folders[0])))
            raise AutomaskError(
                f"there is no picture {shown(image.file_name)} in {place}; check --images"
            )
        source = f"{self.files.path}/{name}"
        pixels = decode_image_file(self.files.read(name, MAX_BYTES), source)
        return Picture(pixels, source, self.files.modified(name))

    def _name(self, image: CocoImage) -> str | None:
        names = picture_names(image)
        below = (
            f"{folder}/{name}" if folder else name for folder in self.folders for name in names
        )
        return next(filter(self.files.has, below), None)
