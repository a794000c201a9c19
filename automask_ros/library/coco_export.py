"""A library's views and masks as a COCO folder, for the tools that people look and draw with.

The folder holds ``annotations.json`` and ``images/LABEL/ID.png``; file names in the JSON are
relative to ``images``. Fields beyond COCO's own say what the library knows: of an image
``view_id``, ``label``, ``captured_at`` and ``vetoed``; of a mask ``accepted``, ``score``,
``reasons``, ``made_by``, and ``digest``, by which an import notices whether anyone changed it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from pycocotools import mask as rle_tools

from automask_ros.library import files
from automask_ros.library.coco import encode_mask
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
from automask_ros.library.library import Library
from automask_ros.library.polygons import mask_polygons
from automask_ros.types import BoolMask, Progress, ProgressCallback, View

MANIFEST: Final = "annotations.json"


def export_coco(
    library: Library,
    directory: Path,
    labels: Sequence[str] = (),
    config: ExportConfig | None = None,
    progress: ProgressCallback | None = None,
) -> Exported:
    """Write the views of some labels, or of all, to a folder; annotations.json comes last.

    A mask that cannot be used is left out, its image is not. A category's id is the label's class
    id, and ``class_id`` says so, where the library has given one. AutomaskError when there is no
    view, no such label, no place to write to, or another export in the folder.
    """
    config = config or ExportConfig()
    views = chosen_views(library, labels, config)
    old = _listed(check_target(library, directory, MANIFEST, config.overwrite))
    categories = category_ids(library, {view.label for view in views})
    for folder in (directory, *(directory / "images" / label for label in categories)):
        files.remove_stale_temporaries(folder)
    images: list[dict[str, Any]] = []
    masks: list[dict[str, Any]] = []
    for number, view in enumerate(views, start=1):
        name = f"{view.label}/{view.id}.png"
        if not write_picture(library, view, directory / "images" / name, config.link):
            continue  # taken away meanwhile
        images.append(_image(view, number, name))
        if (pixels := usable_mask(library, view)) is not None:
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
        "categories": _categories(library, categories),
        "annotations": masks,
    }
    files.write_json(directory / MANIFEST, content)
    remove_files(directory / "images", old - {image["file_name"] for image in images})
    return Exported(len(images), len(masks))


def mask_digest(pixels: BoolMask) -> str:
    """What tells one mask from another, whatever form it was written in."""
    packed = np.packbits(pixels).tobytes()
    return hashlib.sha256(f"{pixels.shape}".encode() + packed).hexdigest()[:32]


def _categories(library: Library, ids: dict[str, int]) -> list[dict[str, Any]]:
    given = library.models.known_class_ids()
    return [
        {"id": number, "name": label} | ({"class_id": number} if label in given else {})
        for label, number in ids.items()
    ]


def _image(view: View, number: int, name: str) -> dict[str, Any]:
    return {
        "id": number,
        "file_name": name,
        "width": view.width,
        "height": view.height,
        "view_id": view.id,
        "label": view.label,
        "captured_at": view.captured_at,
        "vetoed": view.vetoed,
    }


def _listed(content: Any) -> set[str]:
    """The pictures LABEL/ID.png that an export lists."""
    images = content.get("images") if isinstance(content, dict) else None
    names = (each.get("file_name") for each in images or () if isinstance(each, dict))
    return {name for name in names if isinstance(name, str) and is_picture_name(name, "/")}


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
