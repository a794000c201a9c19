"""What annotated sets hold for a library: the masks of one label in one picture, each a drawing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from automask_ros.errors import AutomaskError
from automask_ros.library.annotation_sets import AnnotatedSet
from automask_ros.library.coco import CocoAnnotation, CocoImage, union_mask
from automask_ros.library.coco_names import extra, is_view_of
from automask_ros.library.labels import check_label, suggested_label
from automask_ros.library.pictures import Pictures
from automask_ros.types import BoolMask

_NAMED: Final = 5


@dataclass(frozen=True)
class Drawing:
    """The annotations of one label in one image, and where its picture is, if it came along."""

    image: CocoImage
    label: str
    annotations: tuple[CocoAnnotation, ...]
    pictures: Pictures | None = None

    def pixels(self) -> BoolMask:
        """All of them together, ``(H, W) bool``."""
        return union_mask(self.annotations, self.image)

    def objects(self) -> list[Drawing]:
        """One drawing for each annotation; the images of an export show one object each."""
        if extra(self.image, "view_id") is not None:
            return [self]
        return [replace(self, annotations=(each,)) for each in self.annotations]


def drawings_of(sets: Sequence[AnnotatedSet], labels: Collection[str] = ()) -> list[Drawing]:
    """The drawings of some labels, or of all.

    AutomaskError when there are none, or when categories whose pictures came along are no labels.
    """
    found = [drawing for each in sets for drawing in _drawings(each, labels)]
    if not found:
        raise AutomaskError(_why_nothing(sets, labels))
    _check_labels({drawing.label for drawing in found if drawing.pictures is not None})
    # Where two pictures could be one view, the one that lies in its object's folder is it.
    return sorted(found, key=lambda each: not is_view_of(each.image, each.label))


def _drawings(annotated: AnnotatedSet, labels: Collection[str]) -> Iterator[Drawing]:
    coco = annotated.coco
    for number, found in coco.by_image.items():
        for label in sorted({coco.categories[each.category_id] for each in found}):
            if labels and label not in labels:
                continue
            own = [each for each in found if coco.categories[each.category_id] == label]
            yield Drawing(coco.images[number], label, tuple(own), annotated.pictures)


def _check_labels(names: Collection[str]) -> None:
    """AutomaskError when categories are no labels, with the option that makes them some."""
    bad: list[tuple[str, AutomaskError]] = []
    for name in sorted(names):
        try:
            check_label(name)
        except AutomaskError as error:
            bad.append((name, error))
    if not bad:
        return
    remedy = " ".join(f'--rename "{name}={suggested_label(name)}"' for name, _ in bad[:_NAMED])
    more = f" (and {len(bad) - _NAMED} more)" if len(bad) > _NAMED else ""
    raise AutomaskError(
        f"{bad[0][1]}; rename with: {ascii(remedy)[1:-1]}{more}, or take only some objects: "
        "--label NAME"
    )


def _why_nothing(sets: Sequence[AnnotatedSet], labels: Collection[str]) -> str:
    path = sets[0].coco.path
    left_out = [line for each in sets for line in each.coco.left_out]
    if labels and any(each.coco.annotations for each in sets):
        known = sorted({name for each in sets for name in each.coco.labels})
        there = ", ".join(map(ascii, known))
        return f"{path} annotates no {', '.join(labels)}; its categories: {there}"
    if left_out:
        return f"{path} annotates nothing: {len(left_out)} annotations are no masks; {left_out[0]}"
    return f"{path} annotates nothing: it has no annotation to import"
