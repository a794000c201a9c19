"""Making masks on the command line: the options that say how, and the step that several commands
share."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automask_ros.cli import options
from automask_ros.cli.progress import ProgressDisplay
from automask_ros.library.image_file import read_image
from automask_ros.library.library import Library
from automask_ros.library.sources import picture_files

if TYPE_CHECKING:
    from automask_ros.segmentation.mask_generator import MaskGenerator


@dataclass(frozen=True)
class Masking:
    """How masks are made.

    ``refiner`` names the two files of a promptable network that redraws edges. With ``adapt`` masks
    are made anew with what the object's other views know, and teach a copy of the network where
    that helps. ``empty_scene`` is a picture of the scene without the object, or a folder of them.
    """

    fcn: str
    device: str
    refiner: str = ""
    adapt: bool = True
    empty_scene: Path | None = None

    @cached_property
    def generator(self) -> MaskGenerator:
        """The networks, loaded when they are first asked for."""
        from automask_ros.segmentation.mask_generator import MaskGenerator
        from automask_ros.segmentation.prompting import load_refiner

        return MaskGenerator(self.fcn, self.device, refiner=load_refiner(self.refiner, self.device))

    def check(self) -> None:
        """AutomaskError for what cannot be used, so that it is said before anything is added."""
        if self.empty_scene is not None:
            for picture in picture_files(self.empty_scene):
                read_image(picture)
        if self.fcn != "lite" or self.refiner or self.device not in ("auto", "cpu"):
            self.generator  # noqa: B018  # what is built in always loads, the rest is loaded now


def masking_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options for how masks are made; the command gets them as one `Masking`, ``masking``."""

    @functools.wraps(command)
    def gathering(
        *arguments: Any,
        fcn: str,
        refiner: str,
        adapt: bool,
        empty_scene: Path | None,
        device: str,
        **others: Any,
    ) -> Any:
        masking = Masking(fcn, device, refiner, adapt, empty_scene)
        return command(*arguments, masking=masking, **others)

    for option in (
        options.device_option,
        options.empty_scene_option,
        options.adapt_option,
        options.refiner_option,
        options.fcn_option,
    ):
        gathering = option(gathering)
    return gathering


def make_masks(library: Library, label: str | None, masking: Masking) -> float:
    """Make the masks that are missing, of one object or of all; returns the seconds.

    Then the masks of each object judge each other, and are made better by what they know together.
    """
    started = time.monotonic()
    from automask_ros.segmentation.settling import add_empty_scene, unsettled_labels

    if masking.empty_scene is not None and label is not None:
        for picture in picture_files(masking.empty_scene):
            add_empty_scene(library, label, picture)
    waiting = library.views_without_mask(label)
    if not waiting and not unsettled_labels(library, library.views(label)):
        return 0.0
    from automask_ros.segmentation.mask_generator import generate_masks

    with ProgressDisplay() as progress:
        generate_masks(library, masking.generator, waiting, progress)
        for each in unsettled_labels(library, library.views(label)):
            _settle(library, each, masking, progress)
    return time.monotonic() - started


def _settle(library: Library, label: str, masking: Masking, progress: ProgressDisplay) -> None:
    from automask_ros.segmentation.object_masks import ObjectMaskConfig
    from automask_ros.segmentation.settling import settle_object

    config = ObjectMaskConfig(adapt=masking.adapt)
    settled = settle_object(library, masking.generator, label, config, progress)
    if settled.remade:
        adapted = f", {settled.adapted} by a network adapted to it" if settled.adapted else ""
        progress.say(
            f"{label}: of {len(settled.views)} masks {settled.accepted_alone} are accepted when "
            f"each picture is seen by itself; {settled.remade} made anew with what the other views "
            f"know{adapted}: now {settled.accepted} are accepted"
        )
