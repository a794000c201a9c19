"""Masks that people drew elsewhere, back into the library, and pictures that are new to it.

A picture belongs to the view of its ``view_id``, if that survived, else of its file's name; a
category is the label. A picture that is a view already shows one object, of which all annotations
of its label are parts. One that is new may show several: then there is a view for each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from automask_ros.errors import AutomaskError, StorageError
from automask_ros.library.annotation_sets import AnnotatedSet
from automask_ros.library.coco import CocoImage, CocoSet
from automask_ros.library.coco_export import mask_digest
from automask_ros.library.coco_names import extra, shown, view_ids
from automask_ros.library.drawings import Drawing, drawings_of
from automask_ros.library.image_file import Broken
from automask_ros.library.library import Library
from automask_ros.library.mask_files import DRAWN_VERDICT
from automask_ros.library.pictures import Picture, Pictures
from automask_ros.library.set_files import FolderFiles
from automask_ros.types import (
    PERSON,
    BGRImage,
    BoolMask,
    Mask,
    Progress,
    ProgressCallback,
    Verdict,
    View,
)

#: Masks that differ by less than this share were probably only traced anew.
ALIKE: Final = 0.05

#: Grey levels, on average, by which the same picture may differ when it was encoded anew.
_SAME_PICTURE: Final = 16.0
#: And in each block of so many pixels: an object that has moved before a camera that has not is no
#: more than a few levels of the whole picture. JPEG of quality 50 reaches 12.
_SAME_BLOCK: Final = 40.0
_BLOCK: Final = 16
#: Unix seconds that no date is beyond.
_YEAR_10000: Final = 253_402_300_800
#: Characters of a view id that leave room for a number behind them.
_STEM: Final = 120


@dataclass
class Imported:
    """What became of the annotated objects, each the masks of one label in one image.

    ``drawn`` are views that got a person's mask, ``added`` the new ones among all; ``unchanged``
    masks were in the library already, ``unmatched`` fit no view, ``broken`` are unusable.
    ``alike`` counts drawn masks that hardly differ from those before: tools that know only outlines
    trace every mask anew. ``ids_taken`` is false when the class ids of the library that exported
    the masks mean something else in this one.
    """

    drawn: list[View] = field(default_factory=list)
    added: list[View] = field(default_factory=list)
    unchanged: int = 0
    unmatched: list[str] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    alike: int = 0
    ids_taken: bool = True


@dataclass(frozen=True)
class ImportConfig:
    """What is taken, and what it counts as."""

    labels: tuple[str, ...] = ()
    """Only these objects; else all."""
    everything: bool = False
    """Make a person's of every mask; else only of those that were drawn anew."""
    parts: bool = False
    """Several annotations of a label in a new picture are parts of one object."""
    tolerance: float = 0.0
    """Share (1 - intersection over union) by which a mask may differ and counts as unchanged."""


def import_coco(
    library: Library,
    coco: CocoSet,
    images: Path | None = None,
    *,
    everything: bool = False,
    tolerance: float = 0.0,
    progress: ProgressCallback | None = None,
) -> Imported:
    """`import_sets` for one COCO file; ``images`` is the folder that its file names are relative
    to."""
    pictures = None if images is None else Pictures(FolderFiles(images))
    config = ImportConfig(everything=everything, tolerance=tolerance)
    return import_sets(library, [AnnotatedSet(coco, pictures)], config, progress)


def import_sets(
    library: Library,
    sets: Sequence[AnnotatedSet],
    config: ImportConfig | None = None,
    progress: ProgressCallback | None = None,
) -> Imported:
    """Take over masks as a person's, for the views that they belong to.

    Pictures that came along and are no views yet become some; where one has several annotations of
    a label, each makes a view of its own: ID-1, ID-2 and so on. A mask that is pixel by pixel the
    one in the library changes nothing, so that of an export only what was redrawn counts as a
    person's. The class ids of the library that exported the masks are taken over where all of them
    are free.
    AutomaskError, before anything is written, when nothing is annotated or a new view's label is
    unusable; StorageError when the library's disk takes no more, which leaves whole views.
    """
    config = config or ImportConfig()
    drawings = drawings_of(sets, config.labels)
    importer = _Importer(library, config)
    for step, drawing in enumerate(drawings, start=1):
        importer.take(drawing)
        if progress is not None:
            progress(Progress("import", step, len(drawings)))
    known = set(library.labels())
    given = {item for one in sets for item in one.coco.class_ids.items() if item[0] in known}
    ids = dict(given)
    # Where two subsets give a label different ids, neither is more right than the other.
    importer.outcome.ids_taken = not ids or (
        len(ids) == len(given) and library.models.take_class_ids(ids)
    )
    return importer.outcome


class _Importer:
    """Takes drawings one by one, and keeps account of them."""

    def __init__(self, library: Library, config: ImportConfig) -> None:
        self._library, self._config = library, config
        self._labels = set(library.labels())
        self._taken: dict[tuple[str, str], CocoImage] = {}
        self.outcome = Imported()

    def take(self, drawing: Drawing) -> None:
        """Give a drawing to its view, or its objects to theirs; what does not fit, or cannot be
        read, is broken."""
        ids = view_ids(drawing.image)
        known = [each for each in ids if self._has(drawing.label, each)]
        objects = [drawing] if known or self._config.parts else drawing.objects()
        if len(objects) == 1:
            self._take((known or ids)[0], drawing)
            return
        for number, each in enumerate(objects, start=1):
            self._take(f"{ids[0][:_STEM]}-{number}", each)

    def _has(self, label: str, view_id: str) -> bool:
        return label in self._labels and self._library.has_view(label, view_id)

    def _take(self, view_id: str, drawing: Drawing) -> None:
        label, image = drawing.label, drawing.image
        is_known = self._has(label, view_id)
        if not is_known and drawing.pictures is None:
            self.outcome.unmatched.append(f"{shown(image.file_name)}, annotated as {shown(label)}")
            return
        try:
            other = self._taken.setdefault((label, view_id), image)
            if other is not image:
                raise AutomaskError(
                    f"{shown(image.file_name)} and {shown(other.file_name)} would both be view "
                    f"{view_id} of {label}; rename one"
                )
            if is_known:
                self._redraw(self._library.view(label, view_id), drawing)
            elif drawing.pictures is not None:
                self._add(view_id, drawing.pictures.read(image), drawing)
        except StorageError:
            raise  # the library's disk takes no other one either
        except AutomaskError as error:
            self.outcome.broken.append(Broken(image.file_name, str(error)))

    def _redraw(self, view: View, drawing: Drawing) -> None:
        pixels = drawing.pixels()
        if pixels.shape != (view.height, view.width):
            raise AutomaskError(
                f"{shown(drawing.image.file_name)} is annotated at {drawing.image.width}x"
                f"{drawing.image.height}, but the view has {view.width}x{view.height}; annotate "
                "the pictures of an export"
            )
        self._check_same(view, drawing)
        current = self._library.usable_mask(view)
        change = 1.0 if current is None else _change(current, pixels)
        if change <= self._config.tolerance and not self._config.everything:
            self.outcome.unchanged += 1
            return
        self.outcome.drawn.append(self._library.write_drawn_mask(view, pixels))
        self.outcome.alike += 0.0 < change <= ALIKE

    def _check_same(self, view: View, drawing: Drawing) -> None:
        """AutomaskError when the picture that came along is not the view's, but has its name.

        A tool may have encoded it anew, so pixels may differ a little.
        """
        pictures = drawing.pictures
        if pictures is None or not pictures.has(drawing.image):
            return
        picture, known = pictures.read(drawing.image).image, self._library.read_image(view)
        if not _are_alike(picture, known):
            raise AutomaskError(
                f"{shown(drawing.image.file_name)} is another picture than view {view.id} of "
                f"{view.label}; rename it"
            )

    def _add(self, view_id: str, picture: Picture, drawing: Drawing) -> None:
        """Make a view of a picture, with its mask."""
        pixels, name = drawing.pixels(), shown(drawing.image.file_name)
        if picture.image.shape[:2] != pixels.shape:
            height, width = picture.image.shape[:2]
            raise AutomaskError(
                f"{name} has {width}x{height} pixels, but is annotated at "
                f"{pixels.shape[1]}x{pixels.shape[0]}"
            )
        if not pixels.any():
            raise AutomaskError(f"the mask drawn for {name} is empty")
        said = None if self._config.everything else _exported_verdict(drawing, pixels)
        made_by, verdict = said or (PERSON, DRAWN_VERDICT)
        # All in one: an import that is killed and made again must not take a view that it has
        # added for one that was there before, whose veto and mask are somebody's.
        view = self._library.add_view(
            drawing.label,
            picture.image,
            captured_at=_captured_at(drawing.image, picture),
            source=picture.source,
            view_id=view_id,
            mask=Mask(pixels, verdict),
            made_by=made_by,
            vetoed=extra(drawing.image, "vetoed") is True,
        )
        if said is None:
            self.outcome.drawn.append(view)
        self.outcome.added.append(view)


def _captured_at(image: CocoImage, picture: Picture) -> float:
    """When a picture was taken, as an export tells; else when its file was written."""
    told = extra(image, "captured_at")
    # Not math.isfinite: it fails for whole numbers of hundreds of digits.
    if isinstance(told, float | int) and abs(told) < _YEAR_10000:
        return float(told)
    return picture.modified


def _are_alike(one: BGRImage, other: BGRImage) -> bool:
    """Whether two pictures ``(H, W, 3)`` may be one, encoded anew."""
    if one.shape != other.shape:
        return False
    difference = cv2.absdiff(one, other).astype(np.float32).mean(axis=2)
    height, width = difference.shape
    blocks = cv2.resize(
        difference,
        (max(width // _BLOCK, 1), max(height // _BLOCK, 1)),
        interpolation=cv2.INTER_AREA,
    )
    return bool(difference.mean() <= _SAME_PICTURE and blocks.max() <= _SAME_BLOCK)


def _change(first: BoolMask, second: BoolMask) -> float:
    """1 - intersection over union of two masks (H, W) bool; 0 when they are the same."""
    union = np.count_nonzero(first | second)
    return 1.0 - np.count_nonzero(first & second) / union if union else 0.0


def _exported_verdict(drawing: Drawing, pixels: BoolMask) -> tuple[str, Verdict] | None:
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
