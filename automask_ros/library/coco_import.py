"""Masks that people drew elsewhere, back into the library: from COCO as many tools write it.

A picture belongs to the view of its ``view_id``, if that survived, else of its file's name; a
category is the label.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from automask_ros.errors import AutomaskError
from automask_ros.library.coco import CocoAnnotation, CocoImage, CocoSet, union_mask
from automask_ros.library.coco_export import mask_digest
from automask_ros.library.coco_names import extra, find_picture, is_view_of, shown, view_ids
from automask_ros.library.image_file import Broken, read_image
from automask_ros.library.labels import check_label
from automask_ros.library.library import Library
from automask_ros.types import PERSON, BoolMask, Mask, Progress, ProgressCallback, Verdict, View

#: Masks that differ by less than this share were probably only traced anew.
ALIKE: Final = 0.05


@dataclass
class Imported:
    """What became of the annotated objects, each the masks of one label in one image.

    ``drawn`` are views that got a person's mask, ``added`` the new ones among all; ``unchanged``
    masks were in the library already, ``unmatched`` fit no view, ``broken`` are unusable.
    ``alike`` counts drawn masks that hardly differ from those before: tools that know only outlines
    trace every mask anew.
    """

    drawn: list[View] = field(default_factory=list)
    added: list[View] = field(default_factory=list)
    unchanged: int = 0
    unmatched: list[str] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    alike: int = 0


@dataclass(frozen=True)
class _Drawing:
    """The annotations of one label in one image."""

    image: CocoImage
    label: str
    annotations: tuple[CocoAnnotation, ...]

    def pixels(self) -> BoolMask:
        return union_mask(self.annotations, self.image)


def import_coco(
    library: Library,
    coco: CocoSet,
    images: Path | None = None,
    *,
    everything: bool = False,
    tolerance: float = 0.0,
    progress: ProgressCallback | None = None,
) -> Imported:
    """Take over the masks of a COCO file as a person's, for the views that they belong to.

    With ``images``, the folder that the file names are relative to, pictures that are no views yet
    become some. A mask that is pixel by pixel the one in the library changes nothing, so that of an
    export only what was redrawn counts as a person's; with ``everything`` all of it does.
    ``tolerance`` is the share (1 - intersection over union) by which a mask may differ and still
    counts as unchanged.
    AutomaskError, before anything is written, when nothing is annotated or a new view's label is
    unusable.
    """
    # Where two pictures could be one view, the one that lies in its object's folder is it.
    drawings = sorted(_drawings(coco), key=lambda each: not is_view_of(each.image, each.label))
    if not drawings:
        raise AutomaskError(f"{coco.path} annotates nothing: it has no annotation to import")
    if images is not None:
        if not images.is_dir():
            raise AutomaskError(f"there is no folder {images}; give --images the pictures' folder")
        for label in sorted({drawing.label for drawing in drawings}):
            check_label(label)
    importer = _Importer(library, images, everything, tolerance)
    for step, drawing in enumerate(drawings, start=1):
        try:
            importer.take(drawing)
        except AutomaskError as error:
            importer.outcome.broken.append(Broken(drawing.image.file_name, str(error)))
        if progress is not None:
            progress(Progress("import", step, len(drawings)))
    return importer.outcome


class _Importer:
    """Takes drawings one by one, and keeps account of them."""

    def __init__(
        self, library: Library, images: Path | None, everything: bool, tolerance: float
    ) -> None:
        self._library, self._images = library, images
        self._everything, self._tolerance = everything, tolerance
        self._labels = set(library.labels())
        self._taken: dict[tuple[str, str], CocoImage] = {}
        self.outcome = Imported()

    def take(self, drawing: _Drawing) -> None:
        """Give a drawing to its view. AutomaskError when it does not fit, or cannot be read."""
        label, name = drawing.label, drawing.image.file_name
        ids = view_ids(drawing.image)
        known = [
            each for each in ids if label in self._labels and self._library.has_view(label, each)
        ]
        if not known and self._images is None:
            self.outcome.unmatched.append(f"{shown(name)}, annotated as {shown(label)}")
            return
        view_id = (known or ids)[0]
        other = self._taken.setdefault((label, view_id), drawing.image)
        if other is not drawing.image:
            raise AutomaskError(
                f"{shown(name)} and {shown(other.file_name)} would both be view {view_id} of "
                f"{label}; rename one"
            )
        if known:
            self._redraw(self._library.view(label, view_id), drawing)
        elif self._images is not None:
            self._add(view_id, find_picture(self._images, drawing.image), drawing)

    def _redraw(self, view: View, drawing: _Drawing) -> None:
        pixels = drawing.pixels()
        if pixels.shape != (view.height, view.width):
            raise AutomaskError(
                f"{shown(drawing.image.file_name)} is annotated at {drawing.image.width}x"
                f"{drawing.image.height}, but the view has {view.width}x{view.height}; annotate "
                "the pictures of an export"
            )
        current = self._library.usable_mask(view)
        change = 1.0 if current is None else _change(current, pixels)
        if change <= self._tolerance and not self._everything:
            self.outcome.unchanged += 1
            return
        self.outcome.drawn.append(self._library.write_drawn_mask(view, pixels))
        self.outcome.alike += 0.0 < change <= ALIKE

    def _add(self, view_id: str, path: Path, drawing: _Drawing) -> None:
        """Make a view of a picture, with its mask."""
        picture, pixels = read_image(path), drawing.pixels()
        if picture.shape[:2] != pixels.shape:
            raise AutomaskError(
                f"{path} has {picture.shape[1]}x{picture.shape[0]} pixels, but is annotated at "
                f"{pixels.shape[1]}x{pixels.shape[0]}"
            )
        if not pixels.any():
            raise AutomaskError(f"the mask drawn for {path} is empty")
        captured_at = extra(drawing.image, "captured_at")
        if not isinstance(captured_at, float | int) or not math.isfinite(captured_at):
            captured_at = path.stat().st_mtime
        view = self._library.add_view(
            drawing.label, picture, captured_at=captured_at, source=str(path), view_id=view_id
        )
        said = None if self._everything else _exported_verdict(drawing, pixels)
        if said is None:
            view = self._library.write_drawn_mask(view, pixels)
            self.outcome.drawn.append(view)
        else:
            made_by, verdict = said
            view = self._library.write_mask(view, Mask(pixels, verdict), fcn=made_by)
        if extra(drawing.image, "vetoed") is True:
            view = self._library.set_vetoed(view, True)
        self.outcome.added.append(view)


def _change(first: BoolMask, second: BoolMask) -> float:
    """1 - intersection over union of two masks (H, W) bool; 0 when they are the same."""
    union = np.count_nonzero(first | second)
    return 1.0 - np.count_nonzero(first & second) / union if union else 0.0


def _drawings(coco: CocoSet) -> Iterator[_Drawing]:
    for number, found in coco.by_image.items():
        for label in sorted({coco.categories[each.category_id] for each in found}):
            own = [each for each in found if coco.categories[each.category_id] == label]
            yield _Drawing(coco.images[number], label, tuple(own))


def _exported_verdict(drawing: _Drawing, pixels: BoolMask) -> tuple[str, Verdict] | None:
    """Who made a mask and the verdict on it, when it is still what a library exported.

    So a library that travels as COCO does not make a person's work of masks that were refused.
    """
    if len(drawing.annotations) != 1:
        return None
    said = drawing.annotations[0].model_extra or {}
    made_by, accepted, score = said.get("made_by"), said.get("accepted"), said.get("score")
    if said.get("digest") != mask_digest(pixels) or made_by == PERSON:
        return None
    if not (isinstance(made_by, str) and isinstance(accepted, bool)):
        return None
    if not isinstance(score, float | int) or not 0.0 <= score <= 1.0:
        return None
    reasons = said.get("reasons")
    words = tuple(str(each) for each in reasons) if isinstance(reasons, list) else ()
    return made_by, Verdict(accepted, float(score), words)
