"""COCO instance annotations: polygons and run lengths as masks, matched to files by name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from pycocotools import mask as rle_tools
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from automask_ros.errors import AutomaskError
from automask_ros.library.files import one_line, read_json
from automask_ros.library.image_file import MAX_PIXELS
from automask_ros.library.labels import view_id_from_name
from automask_ros.types import BoolMask


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class CocoImage(_Part):
    """One image of the set; ``file_name`` may hold folders."""

    id: int
    file_name: str = Field(min_length=1)
    width: int = Field(gt=0)
    height: int = Field(gt=0)

    @property
    def stem(self) -> str:
        """The file's name without folders and suffix."""
        return PurePosixPath(self.file_name.replace("\\", "/")).stem


class CocoCategory(_Part):
    """One category; its name is the label."""

    id: int
    name: str = Field(min_length=1)


class RunLengths(_Part):
    """A mask as column-wise run lengths: a list, or COCO's compressed string."""

    size: tuple[int, int]
    counts: str | list[int]


class CocoAnnotation(_Part):
    """One object in one image."""

    id: int
    image_id: int
    category_id: int
    segmentation: list[list[FiniteFloat]] | RunLengths
    iscrowd: int = 0


class _CocoFile(_Part):
    images: list[CocoImage]
    categories: list[CocoCategory]
    annotations: list[CocoAnnotation]


@dataclass(frozen=True)
class CocoSet:
    """A checked COCO file."""

    path: Path
    images: dict[int, CocoImage]
    categories: dict[int, str]
    annotations: tuple[CocoAnnotation, ...]

    @property
    def labels(self) -> list[str]:
        """The categories' names, in the order of their ids."""
        return [self.categories[key] for key in sorted(self.categories)]

    @cached_property
    def by_stem(self) -> dict[str, CocoImage]:
        """The images by view id: the file's stem as ``view_id_from_name`` writes it."""
        return {view_id_from_name(image.stem): image for image in self.images.values()}

    @cached_property
    def by_image(self) -> dict[int, list[CocoAnnotation]]:
        """The annotations of each image that has any, by image id."""
        grouped: dict[int, list[CocoAnnotation]] = defaultdict(list)
        for annotation in self.annotations:
            grouped[annotation.image_id].append(annotation)
        return dict(grouped)

    def annotations_of(self, stem: str, label: str) -> list[CocoAnnotation]:
        """The annotations of one label in the image with that stem; empty when it is not here."""
        image = self.by_stem.get(stem)
        if image is None:
            return []
        return [
            annotation
            for annotation in self.by_image.get(image.id, [])
            if self.categories[annotation.category_id] == label
        ]

    def mask_of(self, stem: str, label: str) -> BoolMask | None:
        """All pixels of one label in the image with that stem, ``(H, W) bool``.

        None when the file has no such image, or no such object in it.
        """
        annotations = self.annotations_of(stem, label)
        if not annotations:
            return None
        return union_mask(annotations, self.by_stem[stem])

    def to_dict(self) -> dict[str, Any]:
        """The set as plain data, as pycocotools takes it."""
        categories = [{"id": key, "name": name} for key, name in self.categories.items()]
        return {
            "images": [image.model_dump() for image in self.images.values()],
            "categories": categories,
            "annotations": [annotation.model_dump() for annotation in self.annotations],
        }


def read_coco(path: Path, *, unique_names: bool = True) -> CocoSet:
    """Read COCO instance annotations; AutomaskError names the file and what is wrong with it.

    With ``unique_names`` no two images may have the same stem, by which ``mask_of`` finds them.
    """
    content = read_json(Path(path))
    if not isinstance(content, dict) or "annotations" not in content:
        raise AutomaskError(f"{path} is no COCO file: it has no images, annotations and categories")
    try:
        parsed = _CocoFile.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise AutomaskError(
            f"{path} is no good COCO file: {where}: {one_line(first['msg'])}"
        ) from None
    coco = CocoSet(
        path=Path(path),
        images={image.id: image for image in parsed.images},
        categories={category.id: category.name for category in parsed.categories},
        annotations=tuple(parsed.annotations),
    )
    _check_references(coco, parsed)
    if unique_names and len(coco.by_stem) < len(coco.images):
        raise AutomaskError(f"{coco.path}: two images have the same file name; rename one")
    return coco


def mask_of(coco: CocoSet, stem: str, label: str) -> BoolMask | None:
    """The same as ``coco.mask_of(stem, label)``."""
    return coco.mask_of(stem, label)


def annotation_mask(annotation: CocoAnnotation, image: CocoImage) -> BoolMask:
    """The pixels of one annotation, ``(H, W) bool`` of the image's size."""
    return np.asarray(rle_tools.decode(_encoded(annotation, image)), bool)


def union_mask(annotations: Iterable[CocoAnnotation], image: CocoImage) -> BoolMask:
    """All pixels of the annotations of one image, ``(H, W) bool`` of its size."""
    union = np.zeros((image.height, image.width), bool)
    for annotation in annotations:
        union |= annotation_mask(annotation, image)
    return union


def encode_mask(pixels: BoolMask) -> dict[str, Any]:
    """A mask ``(H, W) bool`` as COCO's compressed run lengths, ready for JSON."""
    encoded = rle_tools.encode(np.asfortranarray(pixels, np.uint8))
    height, width = pixels.shape
    return {"size": [height, width], "counts": encoded["counts"].decode("ascii")}


def _encoded(annotation: CocoAnnotation, image: CocoImage) -> dict[str, Any]:
    shape = annotation.segmentation
    if not isinstance(shape, RunLengths):
        parts = rle_tools.frPyObjects(shape, image.height, image.width)
        merged: dict[str, Any] = rle_tools.merge(parts)
        return merged
    size = list(shape.size)
    if isinstance(shape.counts, str):
        return {"size": size, "counts": shape.counts.encode("ascii")}
    packed: dict[str, Any] = rle_tools.frPyObjects({"size": size, "counts": shape.counts}, *size)
    return packed


def _check_references(coco: CocoSet, parsed: _CocoFile) -> None:
    """AutomaskError when ids are ambiguous or point nowhere, or a shape does not fit its image."""
    if len(coco.images) < len(parsed.images) or len(coco.categories) < len(parsed.categories):
        raise AutomaskError(f"{coco.path}: two images or two categories have the same id")
    for image in coco.images.values():
        if image.width * image.height > MAX_PIXELS:
            raise AutomaskError(f"{coco.path}: image {image.id} is larger than this package takes")
    for annotation in coco.annotations:
        fault = _fault(annotation, coco)
        if fault:
            raise AutomaskError(f"{coco.path}: annotation {annotation.id} {fault}")


def _fault(annotation: CocoAnnotation, coco: CocoSet) -> str | None:
    image = coco.images.get(annotation.image_id)
    if image is None:
        return f"belongs to image {annotation.image_id}, which is missing"
    if annotation.category_id not in coco.categories:
        return f"belongs to category {annotation.category_id}, which is missing"
    shape = annotation.segmentation
    if isinstance(shape, RunLengths):
        return _fault_of_run_lengths(shape, image)
    if not shape:
        return "has no polygon"
    if any(len(polygon) < 6 or len(polygon) % 2 for polygon in shape):
        return "has a polygon that is no list of at least three points"
    reach = 2 * max(image.width, image.height)
    if any(abs(value) > reach for polygon in shape for value in polygon):
        return "has a polygon far outside its image"
    return None


def _fault_of_run_lengths(shape: RunLengths, image: CocoImage) -> str | None:
    if shape.size != (image.height, image.width):
        return f"has run lengths for {shape.size}, not for its image"
    runs = _runs(shape.counts) if isinstance(shape.counts, str) else shape.counts
    if runs is None or min(runs, default=0) < 0 or sum(runs) != image.width * image.height:
        return "has run lengths that do not cover its image"
    return None


def _runs(counts: str) -> list[int] | None:
    """COCO's compressed run lengths as numbers; None when the string is none.

    Checked here because the C code that decodes them believes what it reads.
    """
    runs: list[int] = []
    value, shift = 0, 0
    for character in counts:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > 30:
            return None
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value, shift = 0, 0
    return None if shift else runs
