"""Whether the images of views are the pictures that were kept."""

from __future__ import annotations

from pathlib import Path

from automask_ros.errors import AutomaskError
from automask_ros.library.digests import file_digest, signature_of
from automask_ros.library.image_file import BadImage, pixels_digest, read_image
from automask_ros.library.records import ImageRecord, ViewRecord


class ImageFiles:
    """The image files of one object; each is looked at again only when it was replaced."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, int, int], ViewRecord, str | None]] = {}

    def fault(self, path: Path, record: ViewRecord) -> str | None:
        """What is wrong with a view's image, in words that follow its name; None when nothing is.

        A file that a program saved again with the same pixels is whole.
        """
        try:
            signature = signature_of(path)
            known = self._known.get(path)
            if known is None or known[0] != signature or known[1].image != record.image:
                known = self._known[path] = signature, record, _looked_at(path, record)
            return known[2]
        except FileNotFoundError:
            return "is missing"
        except OSError as error:
            return f"cannot be read ({error.strerror or error})"


def image_record(path: Path) -> ImageRecord | None:
    """What acknowledges an image as it lies there; None when it cannot be read."""
    try:
        return ImageRecord(sha256=file_digest(path), pixels_sha256=pixels_digest(read_image(path)))
    except (AutomaskError, OSError):
        return None


def _looked_at(path: Path, record: ViewRecord) -> str | None:
    if record.image is not None and file_digest(path) == record.image.sha256:
        return None
    try:
        image = read_image(path)
    except BadImage as error:
        return error.fault
    except AutomaskError:
        return "cannot be read"
    if image.shape[:2] != (record.height, record.width):
        size = f"{image.shape[1]}x{image.shape[0]}"
        return f"is {size} but the view is {record.width}x{record.height}"
    if record.image is not None and pixels_digest(image) != record.image.pixels_sha256:
        return "is another picture than the one that was kept"
    return None
