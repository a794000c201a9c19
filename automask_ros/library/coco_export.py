"""A library's views and masks as a COCO folder, for the tools that people look and draw with.

The folder holds ``annotations.json`` and ``images/LABEL/ID.png``; file names in the JSON are
relative to ``images``. Fields beyond COCO's own say what the library knows: of an image
``view_id``, ``label``, ``captured_at`` and ``vetoed``; of a mask ``accepted``, ``score``,
``reasons``, ``made_by``, and ``digest``, by which an import notices whether anyone changed it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as rle_tools

from automask_ros.errors import AutomaskError
from automask_ros.library import files
from automask_ros.library.coco import encode_mask
from automask_ros.library.library import Library
from automask_ros.library.polygons import mask_polygons
from automask_ros.types import BoolMask, Progress, ProgressCallback, View


@dataclass(frozen=True)
class ExportConfig:
    """What is written, and how."""

    accepted_only: bool = False
    """Only views that training takes; else all, also those without a mask."""
    polygons: bool = False
    """Masks as polygons and not as run lengths."""
    link: bool = False
    """Symbolic links to the library's images, instead of copies."""


@dataclass(frozen=True)
class Exported:
    """How much was written."""

    views: int
    masks: int


def export_coco(
    library: Library,
    directory: Path,
    labels: Sequence[str] = (),
    config: ExportConfig | None = None,
    progress: ProgressCallback | None = None,
) -> Exported:
    """Write the views of some labels, or of all, to a folder; annotations.json comes last.

    A mask that cannot be used is left out, its image is not. AutomaskError when there is
    no view, no such label, or no place to write to.
    """
    config = config or ExportConfig()
    if directory.resolve().is_relative_to((library.root / "objects").resolve()):
        raise AutomaskError(f"{directory} lies among the library's objects; export elsewhere")
    views = _chosen(library, labels, config)
    categories = {label: number for number, label in enumerate(sorted({v.label for v in views}), 1)}
    images: list[dict[str, Any]] = []
    masks: list[dict[str, Any]] = []
    for number, view in enumerate(views, start=1):
        images.append(_write_image(library, view, number, directory / "images", config.link))
        if (pixels := _mask(library, view)) is not None:
            masks.append(
                {"id": len(masks) + 1, "image_id": number}
                | {"category_id": categories[view.label]}
                | _annotation(view, pixels, config.polygons)
            )
        if progress is not None:
            progress(Progress("export", number, len(views)))
    content = {
        "info": {"description": f"views and masks of {', '.join(categories)}"},
        "images": images,
        "categories": [{"id": number, "name": label} for label, number in categories.items()],
        "annotations": masks,
    }
    files.write_json(directory / "annotations.json", content)
    return Exported(len(views), len(masks))


def mask_digest(pixels: BoolMask) -> str:
    """What tells one mask from another, whatever form it was written in."""
    packed = np.packbits(pixels).tobytes()
    return hashlib.sha256(f"{pixels.shape}".encode() + packed).hexdigest()[:32]


def _chosen(library: Library, labels: Sequence[str], config: ExportConfig) -> list[View]:
    unknown = sorted(set(labels) - set(library.labels()))
    if unknown:
        known = ", ".join(library.labels()) or "none"
        raise AutomaskError(
            f"{library.root} has no object {ascii(unknown[0])[:80]}; it has: {known}"
        )
    views = [view for label in labels or library.labels() for view in library.views(label)]
    if config.accepted_only:
        views = [view for view in views if view.trainable]
    if not views:
        which = "view with an accepted mask" if config.accepted_only else "view"
        raise AutomaskError(f"{library.root} has no {which} to export")
    return views


def _write_image(
    library: Library, view: View, number: int, directory: Path, link: bool
) -> dict[str, Any]:
    path = library.image_path(view.label, view.id)
    target = directory / view.label / path.name
    files.make_directory(target.parent)
    if link:
        files.write_link(target, os.path.abspath(path))
    else:
        with files.clear_write_errors(target):
            target.unlink(missing_ok=True)
            shutil.copyfile(path, target)
    return {
        "id": number,
        "file_name": f"{view.label}/{path.name}",
        "width": view.width,
        "height": view.height,
        "view_id": view.id,
        "label": view.label,
        "captured_at": view.captured_at,
        "vetoed": view.vetoed,
    }


def _mask(library: Library, view: View) -> BoolMask | None:
    """A view's mask; None when it has none, or none that says anything."""
    pixels = library.usable_mask(view)
    return pixels if pixels is not None and pixels.any() else None


def _annotation(view: View, pixels: BoolMask, polygons: bool) -> dict[str, Any]:
    encoded = rle_tools.encode(np.asfortranarray(pixels, np.uint8))
    verdict = view.verdict
    said = {} if verdict is None else {"accepted": verdict.accepted, "score": verdict.score}
    return {
        "segmentation": mask_polygons(pixels) if polygons else encode_mask(pixels),
        "area": int(np.count_nonzero(pixels)),
        "bbox": [float(value) for value in rle_tools.toBbox(encoded)],
        "iscrowd": 0,
        **said,
        "reasons": [] if verdict is None else list(verdict.reasons),
        "made_by": view.made_by,
        "vetoed": view.vetoed,
        "digest": mask_digest(pixels),
    }
