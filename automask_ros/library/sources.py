"""Where pictures come from without a robot: a folder of images, or a recording."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from glob import escape
from pathlib import Path
from typing import Protocol

from automask_ros.errors import AutomaskError
from automask_ros.library.image_file import SUFFIXES, Broken, read_image
from automask_ros.library.labels import view_id_from_name
from automask_ros.library.recording import Recording
from automask_ros.types import BGRImage, Frame

#: So many sources are named when a folder above them was given.
_NAMED = 5


class Source(Protocol):
    """Pictures in order. ``sequence`` is true for a camera's stream, where most frames repeat.

    ``broken`` lists what the last iteration met and left out.
    """

    sequence: bool
    broken: list[Broken]

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Frame]: ...


class ImageFolder:
    """The image files of a folder in the order of their names; frames are named by their stems."""

    sequence = False

    def __init__(self, path: Path, glob: str = "*") -> None:
        """Look into a folder; AutomaskError when it has no image whose name matches ``glob``."""
        self.path = path
        self.broken: list[Broken] = []
        images = [
            child
            for child in sorted(path.iterdir())
            if child.suffix.lower() in SUFFIXES and child.is_file()
        ]
        self.files = [child for child in images if _matches(child, glob)]
        if not images:
            raise AutomaskError(
                f"the folder {path} holds no image ({', '.join(SUFFIXES)}); {_remedy(path)}"
            )
        if not self.files:
            raise AutomaskError(f"none of the {len(images)} images in {path} matches {glob!r}")

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[Frame]:
        self.broken.clear()
        for file in self.files:
            try:
                image = read_image(file)
                stamp = file.stat().st_mtime
            except (AutomaskError, OSError) as error:
                self.broken.append(Broken(file.name, str(error)))
                continue
            yield Frame(image, stamp, view_id_from_name(file.stem), str(file))


def open_source(path: Path, topic: str | None = None, glob: str = "*") -> Source:
    """Open a folder of images, or a rosbag2 recording.

    ``topic`` chooses an image topic of a recording, ``glob`` files of a folder (``coin_*``).
    AutomaskError when there is nothing of the kind.
    """
    path = Path(path)
    if not path.exists():
        raise AutomaskError(f"there is no folder of images and no recording at {path}")
    if Recording.is_recording(path):
        return Recording(path, topic)
    if topic is not None:
        below = f"; {_remedy(path)}" if path.is_dir() else ""
        raise AutomaskError(f"--topic is for recordings, but {path} is none{below}")
    if path.is_dir():
        return ImageFolder(path, glob)
    if path.suffix.lower() in SUFFIXES:
        raise AutomaskError(
            f"{path} is a single picture; give its folder {path.parent}, with "
            f"--glob '{escape(path.name)}' for this one alone"
        )
    raise AutomaskError(f"{path} is neither a folder of images nor a rosbag2 recording")


def read_images(path: Path) -> list[BGRImage]:
    """Every image ``(H, W, 3)`` of a folder; AutomaskError when one cannot be read, or for none."""
    return [read_image(file) for file in image_files(path)]


def image_files(path: Path) -> list[Path]:
    """The image files of a folder; AutomaskError for none, and where there is no folder."""
    if not path.is_dir():
        raise AutomaskError(f"there is no folder of images at {path}; check the path")
    return ImageFolder(path).files


def picture_files(path: Path) -> list[Path]:
    """The image file that is named, or those of a folder; AutomaskError when it has none."""
    return ImageFolder(path).files if path.is_dir() else [path]


def _remedy(path: Path) -> str:
    """What to give in place of a folder that is no source: the sources that lie in it, if any."""
    found = [child for child in sorted(path.iterdir()) if _is_source(child)]
    if not found:
        return "check the path"
    named = ", ".join(str(child) for child in found[:_NAMED])
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f"give one of what lies in it: {named}{more}"


def _is_source(path: Path) -> bool:
    """True for a recording, and for a folder with an image."""
    try:
        return Recording.is_recording(path) or (
            path.is_dir() and any(child.suffix.lower() in SUFFIXES for child in path.iterdir())
        )
    except OSError:
        return False  # a folder that this user may not look into


def _matches(path: Path, glob: str) -> bool:
    """True when the file's name, with or without its suffix, matches the pattern."""
    return fnmatch.fnmatchcase(path.name, glob) or fnmatch.fnmatchcase(path.stem, glob)
