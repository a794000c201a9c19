"""Annotations as tools leave them: a COCO file, a labelme file, or a whole set with its pictures.

A set is a folder or a zip archive of one of these layouts:

- ``annotations.json``: an export of ours, or what labelme2coco makes;
- ``annotations/instances_SUBSET.json``: CVAT ("COCO 1.0"), Datumaro, COCO itself;
- ``result.json`` or ``result_coco.json``: Label Studio; ``labels.json`` and ``data/``: FiftyOne;
- ``_annotations.coco.json``: Roboflow;
- one JSON beside each picture: labelme.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from automask_ros.errors import AutomaskError
from automask_ros.library.coco import CocoSet, coco_set
from automask_ros.library.files import MAX_JSON_BYTES, parse_json, read_json
from automask_ros.library.labelme import is_labelme, labelme_set
from automask_ros.library.pictures import Pictures
from automask_ros.library.set_files import FolderFiles, SetFiles, ZipFiles

#: Annotations at the top of a set, and the folders in which its pictures may lie.
_LAYOUTS: Final = {
    "annotations.json": ("images", ""),
    "result.json": ("images", ""),
    "result_coco.json": ("images", ""),
    "labels.json": ("data",),
    "_annotations.coco.json": ("",),
}
#: Roboflow's, each with its pictures beside its annotations.
_SUBSETS: Final = ("train", "valid", "test")
_INSTANCES: Final = "annotations/instances_"
_KNOWN = (
    "a COCO export of automask, labelme, CVAT (COCO 1.0), Label Studio (COCO), FiftyOne (COCO), "
    "Roboflow (COCO)"
)


@dataclass(frozen=True)
class AnnotatedSet:
    """Annotations, and the pictures that came with them, if any did."""

    coco: CocoSet
    pictures: Pictures | None = None


def open_annotations(path: Path, images: Path | None = None) -> list[AnnotatedSet]:
    """Read annotations of any of these forms; ``images`` is the folder of the pictures, where it
    is not part of the set.

    Annotations that are no masks are left out and told of in ``coco.left_out``. AutomaskError when
    the path holds nothing of the kind.
    """
    if path.is_dir():
        sets = list(_whole(FolderFiles(path)))
    elif path.suffix.lower() == ".zip":
        sets = list(_whole(ZipFiles(path)))
    else:
        sets = [_single(path)]
    if images is None:
        return sets
    elsewhere = Pictures(FolderFiles(images))
    return [replace(each, pictures=elsewhere) for each in sets]


def with_names(sets: Sequence[AnnotatedSet], names: Mapping[str, str]) -> list[AnnotatedSet]:
    """The sets with other names of categories, old to new; AutomaskError when none has one."""
    known = {name for each in sets for name in each.coco.categories.values()}
    if unknown := sorted(set(names) - known):
        there = ", ".join(ascii(name) for name in sorted(known)) or "none"
        raise AutomaskError(f"there is no category {ascii(unknown[0])} to rename; it has: {there}")
    return [replace(each, coco=each.coco.renamed(names)) for each in sets]


def _single(path: Path) -> AnnotatedSet:
    content = read_json(path, links=True)
    if is_labelme(content):
        return AnnotatedSet(labelme_set([(path.name, content)], path))
    return AnnotatedSet(coco_set(content, path, unique_names=False, lenient=True))


def _whole(files: SetFiles) -> Iterator[AnnotatedSet]:
    """The sets in a folder or an archive: one, or one for each subset."""
    found = False
    for name, folders in _layouts(files):
        found = True
        content = _json(files, name)
        coco = coco_set(content, files.path / name, unique_names=False, lenient=True)
        there = tuple(folder for folder in folders if not folder or files.has_folder(folder))
        yield AnnotatedSet(coco, Pictures(files, there) if there else None)
    if found:
        return
    beside = [name for name in files.listed("") if name.lower().endswith(".json")]
    unreadable: list[str] = []
    coco = labelme_set(_labelme_files(files, beside, unreadable), files.path)
    if not coco.images and not coco.left_out:
        raise AutomaskError(f"{files.path} is no annotated set that is known: {_KNOWN}")
    coco = replace(coco, left_out=(*coco.left_out, *unreadable))
    yield AnnotatedSet(coco, Pictures(files))


def _layouts(files: SetFiles) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each file of annotations that a set is known by, with the folders of its pictures."""
    for name, folders in _LAYOUTS.items():
        if files.has(name):
            yield name, folders
            return
    subsets = [f"{subset}/_annotations.coco.json" for subset in _SUBSETS]
    if there := [name for name in subsets if files.has(name)]:
        yield from ((name, (name.partition("/")[0],)) for name in there)
        return
    if not files.has_folder("annotations"):
        return
    for name in files.listed("annotations"):
        if name.startswith(_INSTANCES) and name.endswith(".json"):
            subset = name[len(_INSTANCES) : -len(".json")]
            yield name, (f"images/{subset}", subset, "images")


def _labelme_files(
    files: SetFiles, names: list[str], unreadable: list[str]
) -> Iterator[tuple[str, Any]]:
    for name in names:
        try:
            content = _json(files, name)
        except AutomaskError as error:
            unreadable.append(str(error))
            continue
        if is_labelme(content):
            yield name, content


def _json(files: SetFiles, name: str) -> Any:
    return parse_json(files.read(name, MAX_JSON_BYTES), files.path / name)
