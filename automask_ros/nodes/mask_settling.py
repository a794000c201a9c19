"""The part of `mask_generator` that looks at whole objects: masks compared, the network adapted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from automask_ros.errors import AutomaskError, StorageError
from automask_ros.library.image_file import read_image
from automask_ros.library.library import Library
from automask_ros.library.sources import picture_files
from automask_ros.memory import clear_memory_errors
from automask_ros.nodes.parameters import ParameterSpec
from automask_ros.types import BGRImage, Progress, View

if TYPE_CHECKING:
    from automask_ros.segmentation.mask_generator import MaskCallback, MaskGenerator


def _read_pictures(path: str) -> list[BGRImage]:
    """The picture that is named, or those of a folder; AutomaskError when one cannot be read."""
    return [read_image(file) for file in picture_files(Path(path).expanduser())] if path else []


def _check_pictures(path: str) -> None:
    _read_pictures(path)


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
        "Picture of the scene without the object (the empty hand or plate), or a folder of them, "
        "for all objects; empty means none",
        check=_check_pictures,
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
        that was made anew. StorageError when the disk hinders it.
        """
        from automask_ros.segmentation.object_masks import ObjectMaskConfig
        from automask_ros.segmentation.settling import settle_object

        def progress(step: Progress) -> None:
            if interrupted():
                raise _Interrupted
            report(f"{label}: {step.stage} {step.step} of {step.total}")

        trouble = ""
        config = ObjectMaskConfig(adapt=self._config.adapt)
        for label in self._due():
            if interrupted():
                break
            try:
                with clear_memory_errors():
                    # Only now: this is asked every few seconds, and mostly nothing is due.
                    scenes = _read_pictures(self._config.empty_scene)
                    settle_object(
                        self._library, generator, label, config, progress, on_mask, scenes
                    )
            except _Interrupted:
                break
            except StorageError:
                raise  # the disk's, not the object's: to be tried again
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
