"""What labelme writes beside each picture, as a COCO set.

Shapes of one label and one ``group_id`` are parts of one object. Polygons, rectangles and circles
are outlines, to be filled as COCO's are; masks become run lengths.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterable
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from automask_ros.errors import AutomaskError
from automask_ros.library.coco import (
    CocoAnnotation,
    CocoImage,
    CocoSet,
    RunLengths,
    encode_mask,
    union_mask,
)
from automask_ros.library.coco_faults import shape_fault
from automask_ros.library.coco_names import shown
from automask_ros.library.files import one_line
from automask_ros.library.image_file import MAX_PIXELS, decode_grey
from automask_ros.types import BoolMask

_OUTLINES = ("polygon", "rectangle", "oriented_rectangle", "circle")
#: Pixels by which the polygon that stands for a circle may lie within it.
_SAGITTA = 0.1


class _Shape(BaseModel):
    """One shape; ``mask`` is a PNG in base64, which begins at the first of its ``points``."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    label: str = Field(min_length=1)
    points: list[tuple[FiniteFloat, FiniteFloat]]
    shape_type: str | None = "polygon"
    group_id: int | None = None
    mask: str | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    image_path: str = Field(alias="imagePath", min_length=1)
    height: int = Field(alias="imageHeight", gt=0)
    width: int = Field(alias="imageWidth", gt=0)
    shapes: list[_Shape]


def is_labelme(content: object) -> bool:
    """Whether plain data is what labelme writes for one picture."""
    return isinstance(content, dict) and "shapes" in content and "imagePath" in content


def labelme_set(contents: Iterable[tuple[str, Any]], path: Path) -> CocoSet:
    """The set that some files make, each with its name; ``path`` is what error lines call it.

    A file that is damaged and a shape without an area are left out, and told of in ``left_out``.
    """
    images: dict[int, CocoImage] = {}
    labels: dict[str, int] = {}
    found: list[CocoAnnotation] = []
    left_out: list[str] = []
    for name, content in contents:
        number = len(images) + 1
        try:
            image, shapes = _checked(content, number)
        except AutomaskError as error:
            left_out.append(f"{shown(name)} is no good labelme file: {error}")
            continue
        images[number] = image
        groups: dict[tuple[str, object], list[CocoAnnotation]] = {}
        for place, shape in enumerate(shapes):
            category = labels.setdefault(shape.label, len(labels) + 1)
            try:
                part = _annotation(shape, image, category)
            except AutomaskError as error:
                left_out.append(f"{shown(name)}: shape {place + 1} {error}")
                continue
            single = ("alone", place) if shape.group_id is None else shape.group_id
            groups.setdefault((shape.label, single), []).append(part)
        found += [_joined(parts, image, len(found) + n) for n, parts in enumerate(groups.values())]
    categories = {number: label for label, number in labels.items()}
    return CocoSet(path, images, categories, tuple(found), left_out=tuple(left_out))


def _checked(content: Any, number: int) -> tuple[CocoImage, list[_Shape]]:
    try:
        file = _File.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise AutomaskError(f"{where}: {one_line(first['msg'])}") from None
    if file.width * file.height > MAX_PIXELS:
        raise AutomaskError("its image is larger than this package takes")
    # The picture lies beside the file, or where --images says; folders are of another machine.
    name = PureWindowsPath(file.image_path).name or file.image_path
    return CocoImage(id=number, file_name=name, width=file.width, height=file.height), file.shapes


def _annotation(shape: _Shape, image: CocoImage, category: int) -> CocoAnnotation:
    """A shape on its own; AutomaskError says, after its name, why it is no mask."""
    segmentation: Any
    kind = shape.shape_type or "polygon"
    if kind in _OUTLINES:
        segmentation = [[value for point in _outline(shape, kind, image) for value in point]]
    elif kind == "mask" and shape.mask is not None and shape.points:
        segmentation = encode_mask(_pasted(shape, image))
    else:
        raise AutomaskError(f"is a {shown(kind)}, which has no area")
    annotation = CocoAnnotation(
        id=0, image_id=image.id, category_id=category, segmentation=segmentation
    )
    if fault := shape_fault(annotation, image):
        raise AutomaskError(fault)
    return annotation


def _outline(shape: _Shape, kind: str, image: CocoImage) -> list[tuple[float, float]]:
    if len(shape.points) != 2 or kind not in ("rectangle", "circle"):
        return shape.points
    (x, y), (right, bottom) = shape.points
    if kind == "rectangle":
        return [(x, y), (right, y), (right, bottom), (x, bottom)]
    # A circle is given by its centre and a point on it.
    radius = min(math.hypot(right - x, bottom - y), 4.0 * max(image.width, image.height))
    corners = math.ceil(math.pi / math.acos(1.0 - _SAGITTA / max(radius, 1.0)))
    angles = (2.0 * math.pi * number / corners for number in range(corners))
    return [(x + radius * math.cos(each), y + radius * math.sin(each)) for each in angles]


def _pasted(shape: _Shape, image: CocoImage) -> BoolMask:
    try:
        png = base64.b64decode(shape.mask or "", validate=True)
    except (binascii.Error, ValueError):
        raise AutomaskError("has a mask that is not in base64") from None
    patch = decode_grey(png, "its mask") > 0  # labelme writes 1, not 255
    pixels = np.zeros((image.height, image.width), bool)
    left, top = (round(value) for value in shape.points[0])
    if left < 0 or top < 0 or left >= image.width or top >= image.height:
        raise AutomaskError("has a mask outside its image")
    target = pixels[top : top + patch.shape[0], left : left + patch.shape[1]]
    target[:] = patch[: target.shape[0], : target.shape[1]]
    return pixels


def _joined(parts: list[CocoAnnotation], image: CocoImage, number: int) -> CocoAnnotation:
    """The parts of one object as one annotation, as outlines when all of them are."""
    outlines = [part.segmentation for part in parts if isinstance(part.segmentation, list)]
    segmentation: Any = parts[0].segmentation
    if len(outlines) == len(parts):
        segmentation = [polygon for outline in outlines for polygon in outline]
    elif len(parts) > 1:
        segmentation = RunLengths.model_validate(encode_mask(union_mask(parts, image)))
    return parts[0].model_copy(update={"id": number, "segmentation": segmentation})
