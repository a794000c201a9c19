"""A library's views as they are at one moment, for work that reads them again and again."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from stat import S_ISREG

from automask_ros.library import files
from automask_ros.library.library import Library

_LOGGER = logging.getLogger(__name__)


def linked_copy(library: Library, root: Path) -> Library:
    """All views and masks of `library` in a library of its own at `root`, without its models.

    What happens to the views afterwards, new masks or their removal, does not reach the copy. Where
    the file system has hard links the images take no room: every write of this package replaces a
    file and never changes one. Masks are copied, for a person's paint program does change them.
    A view whose image is damaged is left out, and the log says so.
    """
    copy = Library(root, create=True)
    for label in library.labels():
        with library.locked(label), files.clear_write_errors(root):
            _link_folder(library.root / "objects" / label, root / "objects" / label)
    for view in copy.views():
        if fault := copy.image_fault(view):
            path = library.image_path(view.label, view.id)
            _LOGGER.warning("left out: %s %s; see automask check %s", path, fault, library.root)
            copy.remove_view(view)
    return copy


def _link_folder(source: Path, target: Path) -> None:
    for folder, names, found in os.walk(source):
        names[:] = [name for name in names if not name.startswith(".")]
        there = target / Path(folder).relative_to(source)
        there.mkdir(parents=True, exist_ok=True)
        for name in found:
            # Not locks, files that are being written, and what leads out of the library.
            if not name.startswith(".") and S_ISREG(Path(folder, name).lstat().st_mode):
                take = shutil.copy2 if there.name == "masks" else _link
                take(Path(folder, name), there / name)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # no hard links there, or another file system
        shutil.copy2(source, target)
