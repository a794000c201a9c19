"""The part of `mask_generator` that looks at whole objects: masks compared, the network adapted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from automask_ros.errors import AutomaskError
from automask_ros.library.image_file import read_image
from automask_ros.library.library import Library
from automask_ros.nodes.parameters import ParameterSpec
from automask_ros.types import Progress, View

if TYPE_CHECKING:
    from automask_ros.segmentation.mask_generator import MaskCallback, MaskGenerator


def _check_picture(path: str) -> None:
    if path:
        read_image(Path(path))


SETTLING = (
    ParameterSpec(
        "adapt",
        True,
        "Make each object's masks anew with what its other views know, and by a network adapted to "
        "it where that helps; else its masks are only compared with each other",
    ),
    ParameterSpec(
        "adapt_after",
        3.0,
        "Seconds without a new mask of an object before its masks are compared and adapted to",
        minimum=0.0,
        maximum=3600.0,
    ),
    ParameterSpec(
        "empty_scene",
        "",
        "Picture of the place without the object, for all objects; empty means none",
        check=_check_picture,
    ),
)


@dataclass(frozen=True)
class SettlingConfig:
    """The values of the parameters SETTLING."""

    adapt: bool
    adapt_after: float
    empty_scene: str


class _Interrupted(Exception):
    """A new view goes first; the object is settled later, from the beginning."""


class ObjectSettling:
    """Settles the objects of a library that nobody shows any more.

    What is to be done is read from the library each time, so that a restart goes on.
    """

    def __init__(self, library: Library, config: SettlingConfig) -> None:
        self._library, self._config = library, config
        # What was tried and could not be settled, as it was then: not to be tried again and again.
        self._failed: dict[str, list[View]] = {}

    def work_through(
        self,
        generator: MaskGenerator,
        *,
        interrupted: Callable[[], bool],
        report: Callable[[str], None],
        on_mask: MaskCallback,
    ) -> str:
        """Settle the objects that wait; returns what went wrong, in words.

        Ends as soon as `interrupted`. `report` is told what is being done, `on_mask` each mask
        that was made anew.
        """
        from automask_ros.segmentation.object_masks import ObjectMaskConfig
        from automask_ros.segmentation.settling import settle_object

        def progress(step: Progress) -> None:
            if interrupted():
                raise _Interrupted
            report(f"{label}: {step.stage} {step.step} of {step.total}")

        trouble = ""
        picture = self._config.empty_scene
        scenes: list[np.ndarray] = [read_image(Path(picture))] if picture else []
        for label in self._due():
            if interrupted():
                break
            config = ObjectMaskConfig(adapt=self._config.adapt)
            try:
                settle_object(self._library, generator, label, config, progress, on_mask, scenes)
            except _Interrupted:
                break
            except AutomaskError as error:
                trouble = str(error)
                self._failed[label] = self._library.views(label)
        return trouble

    def _due(self) -> list[str]:
        """The objects whose masks wait, with none made for a while."""
        from automask_ros.segmentation.settling import unsettled_labels

        views = self._library.views()
        newest: dict[str, float] = {}
        for view in views:
            newest[view.label] = max(newest.get(view.label, 0.0), view.mask_made_at or 0.0)
        now = time.time()
        return [
            label
            for label in unsettled_labels(self._library, views)
            if now - newest[label] >= self._config.adapt_after
            and self._failed.get(label) != [view for view in views if view.label == label]
        ]
