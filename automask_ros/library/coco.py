"""COCO instance annotations: polygons and run lengths as masks, matched to files by name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from pycocotools import mask as rle_tools
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from automask_ros.errors import AutomaskError
from automask_ros.library.coco_faults import shape_fault
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
    segmentation: list[list[FiniteFloat]] | RunLengths = Field(default_factory=list)
    iscrowd: int = 0


class _CocoFile(_Part):
    images: list[CocoImage]
    categories: list[CocoCategory]
    annotations: list[Any]


@dataclass(frozen=True)
class CocoSet:
    """A checked COCO file.

    ``class_ids`` are those that the library gave which exported it, ``left_out`` tells of the
    annotations that are no masks, where these are allowed.
    """

    path: Path
    images: dict[int, CocoImage]
    categories: dict[int, str]
    annotations: tuple[CocoAnnotation, ...]
    class_ids: dict[str, int] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

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

    def renamed(self, names: Mapping[str, str]) -> CocoSet:
        """The set with other names of categories, old to new.

        A label that was another has no claim to the class id of either.
        """
        touched = {*names, *names.values()}
        return replace(
            self,
            categories={key: names.get(name, name) for key, name in self.categories.items()},
            class_ids={key: each for key, each in self.class_ids.items() if key not in touched},
        )

    def to_dict(self) -> dict[str, Any]:
        """The set as plain data, as pycocotools takes it."""
        categories = [{"id": key, "name": name} for key, name in self.categories.items()]
        return {
            "images": [image.model_dump() for image in self.images.values()],
            "categories": categories,
            "annotations": [annotation.model_dump() for annotation in self.annotations],
        }


def read_coco(path: Path, *, unique_names: bool = True, lenient: bool = False) -> CocoSet:
    """Read COCO instance annotations; AutomaskError names the file and what is wrong with it.

    With ``unique_names`` no two images may have the same stem, by which ``mask_of`` finds them.
    With ``lenient`` annotations that are no masks (boxes, mostly) are left out, and images whose
    size nobody knows.
    """
    content = read_json(Path(path), links=True)
    return coco_set(content, Path(path), unique_names=unique_names, lenient=lenient)


def coco_set(
    content: Any, path: Path, *, unique_names: bool = True, lenient: bool = False
) -> CocoSet:
    """The same for plain data that came from ``path``."""
    if not isinstance(content, dict) or "annotations" not in content:
        raise AutomaskError(f"{path} is no COCO file: it has no images, annotations and categories")
    if lenient:
        content = content | {"images": _sized(content.get("images"))}
    parsed = _parsed(content, path)
    coco = CocoSet(
        path=path,
        images={image.id: image for image in parsed.images},
        categories={category.id: category.name for category in parsed.categories},
        annotations=(),
        class_ids=_class_ids(parsed.categories),
    )
    _check_images(coco, parsed)
    if unique_names and len(coco.by_stem) < len(coco.images):
        raise AutomaskError(f"{coco.path}: two images have the same file name; rename one")
    good, left_out = [], []
    for number, each in enumerate(parsed.annotations):
        annotation, fault = _annotation(each, number, coco)
        if annotation is not None:
            good.append(annotation)
        elif lenient:
            left_out.append(fault)
        else:
            raise AutomaskError(f"{path}: {fault}")
    return replace(coco, annotations=tuple(good), left_out=tuple(left_out))


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


def _parsed(content: dict[str, Any], path: Path) -> _CocoFile:
    try:
        return _CocoFile.model_validate(content)
    except ValidationError as error:
        raise AutomaskError(f"{path} is no good COCO file: {_first(error)}") from None


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {one_line(first['msg'])}" if where else one_line(first["msg"])


def _sized(images: Any) -> Any:
    """The images without those that have no size: Label Studio lists some that it never saw."""
    if not isinstance(images, list):
        return images
    return [
        image
        for image in images
        if not isinstance(image, dict) or None not in (image.get("width"), image.get("height"))
    ]


def _class_ids(categories: Iterable[CocoCategory]) -> dict[str, int]:
    found = {each.name: (each.model_extra or {}).get("class_id") for each in categories}
    return {name: number for name, number in found.items() if type(number) is int}


def _check_images(coco: CocoSet, parsed: _CocoFile) -> None:
    """AutomaskError when ids are ambiguous, or an image is too large."""
    if len(coco.images) < len(parsed.images) or len(coco.categories) < len(parsed.categories):
        raise AutomaskError(f"{coco.path}: two images or two categories have the same id")
    for image in coco.images.values():
        if image.width * image.height > MAX_PIXELS:
            raise AutomaskError(f"{coco.path}: image {image.id} is larger than this package takes")


def _annotation(content: Any, number: int, coco: CocoSet) -> tuple[CocoAnnotation | None, str]:
    """An annotation that is a mask; else None, and in one line why it is none."""
    try:
        annotation = CocoAnnotation.model_validate(content)
    except ValidationError as error:
        return None, f"annotations.{number}.{_first(error)}"
    image = coco.images.get(annotation.image_id)
    if image is None:
        fault: str | None = f"belongs to image {annotation.image_id}, which is missing"
    elif annotation.category_id not in coco.categories:
        fault = f"belongs to category {annotation.category_id}, which is missing"
    else:
        fault = shape_fault(annotation, image)
    return (annotation, "") if fault is None else (None, f"annotation {annotation.id} {fault}")
