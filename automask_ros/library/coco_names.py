"""Which view, and which picture, a COCO file's image stands for.

File names come from anywhere, so none of them becomes a path before it is taken apart.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath

from automask_ros.errors import AutomaskError
from automask_ros.library.coco import CocoAnnotation, CocoImage
from automask_ros.library.labels import view_id_from_name

# Label Studio puts eight digits before a name, and eight more when it downloads the picture for an
# export; Roboflow puts the old suffix and a hash behind it.
# A date before a name is the name's own.
_UPLOAD = re.compile(
    r"^(?:[0-9a-f]{8}__(?=.))?(?:(?!(?:19|20)\d\d[01]\d[0-3]\d-)[0-9a-f]{8}-(?=.))?"
)
_AUGMENTED = re.compile(r"_(?:jpe?g|png|bmp|webp)\.rf\.[0-9A-Za-z]+$", re.IGNORECASE)


def view_ids(image: CocoImage) -> list[str]:
    """The view ids that an image's name may stand for, the likeliest first."""
    given = extra(image, "view_id")
    stems = [given] if isinstance(given, str) and given else []
    stems += [image.stem, _UPLOAD.sub("", image.stem), _AUGMENTED.sub("", image.stem)]
    return list(dict.fromkeys(view_id_from_name(stem) for stem in stems))


def is_view_of(image: CocoImage, label: str) -> bool:
    """Whether an image is a view of an object, as far as its label or its file's folder says."""
    return label in (extra(image, "label"), *_parts(image)[:-1][-1:])


def find_picture(images: Path, image: CocoImage) -> Path:
    """A picture below a folder, by its file name, which must not lead out of it."""
    for path in (images / name for name in picture_names(image)):
        if os.path.isfile(path):  # says no to names that are too long, where Path raises
            return path
    raise AutomaskError(f"there is no picture {shown(image.file_name)} in {images}; check --images")


def picture_names(image: CocoImage) -> list[str]:
    """What an image's picture may be called below a folder, the likeliest first: its file name, and
    its last part alone. None of them leads out of the folder."""
    parts = _parts(image)
    names = ["/".join(parts[-1:])] if ".." in parts else ["/".join(parts), *parts[-1:]]
    return [name for name in dict.fromkeys(names) if PurePosixPath(name).name not in ("", "..")]


def extra(record: CocoImage | CocoAnnotation, name: str) -> object:
    """A field beyond COCO's own; None when the record has none of that name."""
    return (record.model_extra or {}).get(name)


def shown(name: str) -> str:
    """A name from a file as one short printable piece of a line."""
    text = ascii(name)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _parts(image: CocoImage) -> list[str]:
    """A file name's folders and its last part, without a root."""
    parts = PurePosixPath(image.file_name.replace("\\", "/")).parts
    return [part for part in parts if part.strip("/")]  # a root may be "/" or "//"
