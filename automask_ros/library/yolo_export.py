"""A library's accepted masks as a YOLO segmentation set, as Ultralytics reads it.

``data.yaml`` names the classes, counted from 0 in the order of their class ids. Beside each picture
``images/SPLIT/LABEL.ID.png`` lies ``labels/SPLIT/LABEL.ID.txt`` with a line for each object: its
class and one polygon, x and y as shares of width and height. A picture that is a view of several
objects is written once, with all of them. ``views.json`` says which views each picture is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from automask_ros.errors import AutomaskError
from automask_ros.library import files
from automask_ros.library.export_folder import (
    ExportConfig,
    Exported,
    category_ids,
    check_target,
    chosen_views,
    is_picture_name,
    remove_files,
    usable_mask,
    write_picture,
)
from automask_ros.library.inside import check_file
from automask_ros.library.library import Library
from automask_ros.library.polygons import one_polygon
from automask_ros.library.time_split import latest_views
from automask_ros.types import BoolMask, Progress, ProgressCallback, View

MANIFEST: Final = "data.yaml"
_LISTING: Final = "views.json"
_SPLITS: Final = ("train", "val")


@dataclass
class _Shown:
    """A picture, and the views that it is."""

    views: list[View] = field(default_factory=list)
    split: str = "val"

    @property
    def stem(self) -> str:
        # A label holds no dot: so no two views share a name.
        return f"{self.views[0].label}.{self.views[0].id}"


def export_yolo(
    library: Library,
    directory: Path,
    labels: Sequence[str] = (),
    config: ExportConfig | None = None,
    progress: ProgressCallback | None = None,
) -> Exported:
    """Write the views that training takes to a folder; data.yaml comes last.

    What was refused or vetoed is left out: a picture without a line would teach that nothing is
    there. AutomaskError when there is no such view, no such label, no place to write to, or another
    export in the folder.
    """
    config = config or ExportConfig()
    views = chosen_views(library, labels, ExportConfig(accepted_only=True))
    check_target(library, directory, MANIFEST, config.overwrite)
    indices = _indices(library, views)
    shown = _pictures(library, views, latest_views(views, config.val))
    old = _listed(directory)
    _begin(directory, old, shown)
    written: list[_Shown] = []
    masks = 0
    for number, each in enumerate(shown, start=1):
        lines = _lines(library, each, indices)
        if lines and _write(library, directory, each, lines, config.link):
            written.append(each)
            masks += len(lines)
        if progress is not None:
            progress(Progress("export", number, len(shown)))
    # Of those whose mask is damaged, or that were taken away meanwhile, an older one may be there.
    _remove(directory, {_place(each) for each in shown} - {_place(each) for each in written})
    files.write_json(directory / _LISTING, _listing(written))
    val = sum(each.split == "val" for each in written)
    files.write_bytes(directory / MANIFEST, _yaml(library, indices, val > 0).encode())
    return Exported(len(written), masks, val)


def _indices(library: Library, views: Sequence[View]) -> dict[str, int]:
    """The class of each label: from 0, without a gap, as the format wants them."""
    return {
        label: index
        for index, label in enumerate(category_ids(library, {view.label for view in views}))
    }


def _pictures(library: Library, views: Sequence[View], latest: set[View]) -> list[_Shown]:
    """The views by the picture that they are, and on which side of the split it falls.

    A picture of several views validates when all of them do: none is on both sides.
    """
    found: dict[str, _Shown] = {}
    for view in views:
        path = library.image_path(view.label, view.id)
        check_file(path)
        try:
            with files.clear_read_errors(path):
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
        except AutomaskError:
            if library.has_view(view.label, view.id):
                raise
            continue  # taken away meanwhile
        shown = found.setdefault(digest, _Shown())
        shown.views.append(view)
        if view not in latest:
            shown.split = "train"
    return list(found.values())


def _begin(directory: Path, old: set[str], shown: Sequence[_Shown]) -> None:
    """Make the folders, and take away what an earlier export left and this one does not replace.

    data.yaml goes first: what is half there is no set. The listing names old and new, so that an
    export that is killed leaves nothing that the next one does not know.
    """
    for part in ("images", "labels"):
        for split in _SPLITS:
            files.make_directory(directory / part / split)
            files.remove_stale_temporaries(directory / part / split)
    files.remove_stale_temporaries(directory)
    files.discard(directory / MANIFEST)
    new = {_place(each) for each in shown}
    files.write_json(directory / _LISTING, {"pictures": [{"file": each} for each in old | new]})
    _remove(directory, old - new)


def _remove(directory: Path, places: Collection[str]) -> None:
    for part, suffix in (("images", ".png"), ("labels", ".txt")):
        remove_files(directory / part, (each.removesuffix(".png") + suffix for each in places))


def _place(shown: _Shown) -> str:
    return f"{shown.split}/{shown.stem}.png"


def _listing(shown: Sequence[_Shown]) -> dict[str, Any]:
    return {
        "pictures": [
            {
                "file": _place(each),
                "views": [{"label": view.label, "view_id": view.id} for view in each.views],
                "captured_at": each.views[0].captured_at,
            }
            for each in shown
        ]
    }


def _listed(directory: Path) -> set[str]:
    """The pictures SPLIT/LABEL.ID.png that an earlier export lists; none when that is lost."""
    try:
        content = files.read_json(directory / _LISTING)
    except AutomaskError:
        return set()
    found = content.get("pictures") if isinstance(content, dict) else None
    names = [each.get("file") for each in found or () if isinstance(each, dict)]
    split = [name.partition("/") for name in names if isinstance(name, str)]
    return {
        f"{part}/{name}"
        for part, _, name in split
        if part in _SPLITS and is_picture_name(name, ".")
    }


def _lines(library: Library, shown: _Shown, indices: Mapping[str, int]) -> list[str]:
    masks = [(view, usable_mask(library, view)) for view in shown.views]
    return [_line(indices[view.label], pixels) for view, pixels in masks if pixels is not None]


def _line(index: int, pixels: BoolMask) -> str:
    height, width = pixels.shape
    shares = np.reshape(one_polygon(pixels), (-1, 2)) / (width, height)
    return " ".join([str(index), *(f"{value:.6g}" for value in shares.reshape(-1))])


def _write(
    library: Library, directory: Path, shown: _Shown, lines: Sequence[str], link: bool
) -> bool:
    target = directory / "images" / _place(shown)
    if not write_picture(library, shown.views[0], target, link):
        return False
    text = "".join(f"{line}\n" for line in lines)
    files.write_bytes(directory / "labels" / shown.split / f"{shown.stem}.txt", text.encode())
    return True


def _yaml(library: Library, indices: Mapping[str, int], split: bool) -> str:
    """The set's description. Names are quoted: YAML takes a bare `no` for something else."""
    given = library.models.known_class_ids()
    lines = ["# Ultralytics segmentation set, written by automask export --format yolo-seg"]
    lines += ["train: images/train"]
    lines += ["val: images/val" if split else "val: images/train  # not split: see --val"]
    lines += ["names:"]
    for label, index in indices.items():
        known = f"  # class id {given[label]}" if label in given else ""
        lines.append(f"  {index}: {json.dumps(label)}{known}")
    return "\n".join(lines) + "\n"
