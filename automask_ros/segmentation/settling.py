"""The masks of an object in the library, settled: judged by each other, made better, kept.

What is left to do can be read from the library at any time: a mask that waits was made by the plain
network, a settled one says so in the name of what made it. The result depends on the views alone,
not on how often they were settled before.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from automask_ros.errors import AutomaskError
from automask_ros.library import files
from automask_ros.library.image_file import read_image
from automask_ros.library.library import Library
from automask_ros.segmentation.judged_masks import ViewMask
from automask_ros.segmentation.mask_generator import MaskCallback, MaskGenerator
from automask_ros.segmentation.object_masks import ObjectMaskConfig, improve_masks
from automask_ros.types import PERSON, Mask, ProgressCallback, View, Way

_LOGGER = logging.getLogger(__name__)


@dataclass
class Settled:
    """What became of one object: the views judged anew; of their masks, how many were made anew
    with what the other views know, how many of these by an adapted network, and how many are
    accepted alone, as the network makes them of one picture, and now. A person's do not count."""

    views: list[View]
    remade: int
    adapted: int
    accepted_alone: int
    accepted: int

    def count(self, view: View, alone: Mask, new: ViewMask) -> None:
        """Take account of a view with its mask alone and its new one."""
        self.views.append(view)
        self.remade += new.way is not Way.COMPARED
        self.adapted += new.way is Way.ADAPTED
        self.accepted_alone += alone.verdict.accepted
        self.accepted += new.mask.verdict.accepted


def unsettled_labels(library: Library, views: Sequence[View] | None = None) -> list[str]:
    """The objects with masks that have not been compared with each other yet, and can be."""
    every = library.views() if views is None else views
    waiting = (view for view in every if view.unsettled and not library.image_fault(view))
    return sorted({view.label for view in waiting})


def settle_object(
    library: Library,
    generator: MaskGenerator,
    label: str,
    config: ObjectMaskConfig | None = None,
    progress: ProgressCallback | None = None,
    on_mask: MaskCallback | None = None,
    empty_scenes: Sequence[np.ndarray] = (),
) -> Settled:
    """Compares the masks of an object's views, adapts the network to it, keeps what is better.

    Views without a mask or vetoed ones are left out, drawn masks stay. `on_mask` is told each mask
    that was made anew. `empty_scenes` (H, W, 3) BGR show the place without the object,
    beside those that the library keeps. A damaged view or picture is left out, and the log says so.
    """
    views = [view for view in library.views(label) if view.verdict and not view.vetoed]
    views = [view for view in views if _is_whole(library, view)]
    images = _Images(library, views)
    before = [_plain_mask(library, generator, view) for view in views]
    kept_scenes = _kept_scenes(library, label)
    improved = improve_masks(
        generator,
        images,
        before,
        drawn=[view.drawn for view in views],
        empty_scenes=[*kept_scenes, *empty_scenes],
        config=config,
        progress=progress,
    )
    settled = Settled([], remade=0, adapted=0, accepted_alone=0, accepted=0)
    for view, alone, new in zip(views, before, improved, strict=True):
        now = library.view(label, view.id)
        if now.verdict is None or now.vetoed or now.made_by == PERSON:
            continue  # a person's work, or a person was faster
        kept = _keep(library, generator.fcn, now, new)
        settled.count(kept, alone, new)
        if new.way is not Way.COMPARED and on_mask is not None:
            on_mask(kept, library.read_image(view), new.mask)
    return settled


def empty_scene_paths(library: Library, label: str) -> list[Path]:
    """The pictures of the place without the object: objects/LABEL/background/*.png."""
    return sorted(library.scenes_path(label).glob("*.png"))


def add_empty_scene(library: Library, label: str, picture: Path) -> None:
    """Keep a picture of the place without the object; the same name replaces an older one.

    AutomaskError when it cannot be read or the object has no folder yet.
    """
    folder = library.scenes_path(label)
    image = read_image(picture)
    files.make_directory(folder)
    files.write_image(folder / f"{picture.stem}.png", image)


def _is_whole(library: Library, view: View) -> bool:
    fault = library.image_fault(view)
    if fault:
        path = library.image_path(view.label, view.id)
        _LOGGER.warning("left out: %s %s; see automask check %s", path, fault, library.root)
    return fault is None


def _kept_scenes(library: Library, label: str) -> list[np.ndarray]:
    scenes = []
    for path in empty_scene_paths(library, label):
        try:
            scenes.append(read_image(path, links=False))
        except AutomaskError as error:
            _LOGGER.warning("left out: %s", error)
    return scenes


class _Images(Sequence[np.ndarray]):
    """The images of views, read when they are asked for."""

    def __init__(self, library: Library, views: Sequence[View]) -> None:
        self._library, self._views = library, views

    def __len__(self) -> int:
        return len(self._views)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return self._library.read_image(self._views[index])


def _plain_mask(library: Library, generator: MaskGenerator, view: View) -> Mask:
    """The mask that the plain network makes of a view, or that a person drew."""
    pixels = library.usable_mask(view)
    if pixels is not None and view.verdict is not None and (view.drawn or view.unsettled):
        return Mask(pixels, view.verdict)
    return generator(library.read_image(view))


def _keep(library: Library, fcn: str, view: View, new: ViewMask) -> View:
    name = new.way.maker(fcn)
    stored = library.usable_mask(view)
    if stored is not None and np.array_equal(stored, new.mask.pixels):
        return library.write_verdict(view, new.mask.verdict, made_by=name)
    return library.write_mask(view, new.mask, fcn=name)
