"""What every export does: choose views, find its folder free, write pictures, number the labels."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from automask_ros.errors import AutomaskError
from automask_ros.library import files
from automask_ros.library.inside import check_file, check_folder
from automask_ros.library.library import Library
from automask_ros.types import BoolMask, View

_LOGGER = logging.getLogger(__name__)

#: What says that a folder holds an export, by its format.
MANIFESTS: Final = {"annotations.json": "COCO", "data.yaml": "YOLO"}
# LABEL and ID as `check_label` and `check_view_id` have them: no way out of a folder.
_PICTURE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}([/.])[A-Za-z0-9][A-Za-z0-9._-]{0,127}\.png")


@dataclass(frozen=True)
class ExportConfig:
    """What is written, and how."""

    accepted_only: bool = False
    """Only views that training takes; else all, also those without a mask."""
    polygons: bool = False
    """Masks as polygons and not as run lengths."""
    link: bool = False
    """Symbolic links to the library's images, instead of copies."""
    overwrite: bool = False
    """Take the place of an earlier export in the folder."""
    val: float = 0.0
    """Share of each object's views that validate, the latest; YOLO only."""


@dataclass(frozen=True)
class Exported:
    """How much was written; ``val`` counts those of the views that validate."""

    views: int
    masks: int
    val: int = 0


def check_target(library: Library, directory: Path, manifest: str, overwrite: bool) -> Any:
    """What the manifest of an earlier export in the folder says; None when there is none.

    AutomaskError when the folder is no place for an export: it lies among the library's objects,
    or holds an export that is not to be replaced.
    """
    if directory.resolve().is_relative_to((library.root / "objects").resolve()):
        raise AutomaskError(f"{directory} lies among the library's objects; export elsewhere")
    for name, form in MANIFESTS.items():
        if name != manifest and os.path.lexists(directory / name):
            raise AutomaskError(f"{directory} holds a {form} export ({name}); export elsewhere")
    if not os.path.lexists(directory / manifest):
        return None
    if not overwrite:
        raise AutomaskError(
            f"{directory} holds an export already ({manifest}); replace it with --overwrite, or "
            "export elsewhere"
        )
    try:
        return files.read_json(directory / manifest)
    except AutomaskError:  # damaged, or no JSON: it goes, and what it listed stays
        return None


def chosen_views(library: Library, labels: Sequence[str], config: ExportConfig) -> list[View]:
    """The views that are to be exported; AutomaskError when there are none, or no such label."""
    unknown = sorted(set(labels) - set(library.labels()))
    if unknown:
        known = ", ".join(library.labels()) or "none"
        raise AutomaskError(
            f"{library.root} has no object {ascii(unknown[0])[:80]}; it has: {known}"
        )
    views = [view for label in labels or library.labels() for view in library.views(label)]
    if config.accepted_only:
        views = [view for view in views if view.trainable]
    views = [view for view in views if _has_picture(library, view)]
    if not views:
        which = "view with an accepted mask" if config.accepted_only else "view"
        raise AutomaskError(f"{library.root} has no {which} to export")
    return views


def _has_picture(library: Library, view: View) -> bool:
    """Whether a view's picture is whole; a warning says why it is not."""
    if (fault := library.image_fault(view)) is None:
        return True
    path = library.image_path(view.label, view.id)
    _LOGGER.warning("%s %s; left out, see automask check", path, fault)
    return False


def category_ids(library: Library, labels: Iterable[str]) -> dict[str, int]:
    """The number of each label in its order: the class id that the library gave, or else the one
    that it would give next."""
    ids = library.models.known_class_ids()
    for label in sorted(set(labels) - set(ids)):
        ids[label] = max(ids.values(), default=0) + 1
    return {label: ids[label] for label in sorted(set(labels), key=ids.__getitem__)}


def write_picture(library: Library, view: View, target: Path, link: bool) -> bool:
    """Copy or link a view's picture; False when the view was taken away meanwhile."""
    path = library.image_path(view.label, view.id)
    check_file(path)
    files.make_directory(target.parent)
    try:
        if link:
            files.write_link(target, os.path.abspath(path))
        else:
            files.write_bytes(target, path.read_bytes())
    except FileNotFoundError as error:
        if not library.has_view(view.label, view.id):
            return False
        raise AutomaskError(f"cannot export {error.filename}: it is gone") from None
    return True


def usable_mask(library: Library, view: View) -> BoolMask | None:
    """A view's mask; None when it has none, or none that says anything."""
    pixels = library.usable_mask(view)
    return pixels if pixels is not None and pixels.any() else None


def is_picture_name(name: str, separator: str) -> bool:
    """Whether this is a name that an export gives to a picture: label, separator, ID.png."""
    found = _PICTURE.fullmatch(name)
    return found is not None and found[1] == separator and ".." not in found[0]


def remove_files(directory: Path, names: Iterable[str]) -> None:
    """Remove files of an earlier export, by their names below its folder."""
    for name in sorted(names):
        path = directory / name
        check_folder(path.parent)
        files.discard(path)
