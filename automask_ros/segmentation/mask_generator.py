"""Stage one as a whole: an image in, the mask of the object that it shows out, with a verdict."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from automask_ros.devices import pick_device
from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.library.object_folder import ViewGone
from automask_ros.memory import clear_memory_errors
from automask_ros.segmentation.blobs import BlobConfig, describe_mask, filter_blobs
from automask_ros.segmentation.denoising import remove_impulse_noise
from automask_ros.segmentation.evaluation import mask_iou
from automask_ros.segmentation.fcn import load_fcn
from automask_ros.segmentation.prediction import predict_logits, to_probability
from automask_ros.segmentation.prompting import Refiner
from automask_ros.segmentation.refinement import RefineConfig, refine_edges
from automask_ros.segmentation.surroundings import find_square
from automask_ros.segmentation.verdict import VerdictConfig, judge
from automask_ros.types import Mask, Progress, ProgressCallback, View

_LOGGER = logging.getLogger(__name__)

MaskCallback = Callable[[View, np.ndarray, Mask], None]
"""Told each view with its new verdict, its image (H, W, 3) BGR and its mask."""


@dataclass(frozen=True)
class MaskConfig:
    """How a mask is made."""

    input_size: int = 320
    """Longer side, in pixels, of what the network sees of the whole image; a multiple of 32."""
    closer_size: int = 384
    """The same for the second look, at the object and its surroundings."""
    most_enlarged: float = 1.25
    """... unless that would blow the image up by more than this: there is no more to be seen."""
    closer_margin: float = 0.8
    """The second look takes in the object and so many square roots of its area around it."""
    closer_least: int = 224
    """... but no less than so many pixels, the smallest picture that the network was trained on:
    of a tiny one it makes worse of what it saw before."""
    looks_alike: float = 0.6
    """Intersection over union of both looks from which they see the same thing."""
    refine: bool = True
    """Draw the edges to those of the image."""
    blobs: BlobConfig = field(default_factory=BlobConfig)
    edges: RefineConfig = field(default_factory=RefineConfig)
    verdict: VerdictConfig = field(default_factory=VerdictConfig)

    def __post_init__(self) -> None:
        for name in ("input_size", "closer_size"):
            size = getattr(self, name)
            if size < 32 or size % 32:
                raise AutomaskError(f"{name} is {size}: give a multiple of 32, such as 320")


class MaskGenerator:
    """Makes the mask of the object that an image shows."""

    def __init__(
        self,
        fcn: str = "lite",
        device: str = "auto",
        config: MaskConfig | None = None,
        refiner: Refiner | None = None,
    ) -> None:
        """`fcn` is "lite" or a path; `device` is "auto", "cpu", "cuda" or "cuda:N"; `refiner`
        redraws each mask before it is judged.

        Raises AutomaskError when there is no such network or no such device.
        """
        self.fcn = fcn
        self.config = config or MaskConfig()
        self.device = torch.device(pick_device(device))
        self.network = load_fcn(fcn).to(self.device)
        self._refiner = refiner

    def with_network(self, network: Any) -> MaskGenerator:
        """A generator like this one that uses another network, such as an adapted copy."""
        other = copy.copy(self)
        other.network = network
        return other

    def __call__(self, image: np.ndarray, prior: np.ndarray | None = None) -> Mask:
        """The mask of the object in an image (H, W, 3) uint8 BGR, of the same height and width.

        `prior` (H, W) float32 are log odds that join the network's: other views may know more.
        AutomaskError when memory runs out.
        """
        with clear_memory_errors():
            clean = remove_impulse_noise(image)
            return make_mask(clean, self.predict(clean, prior), self.config, self._refiner)

    def predict(self, image: np.ndarray, prior: np.ndarray | None = None) -> np.ndarray:
        """(H, W) float32 in 0..1: how likely each pixel of an (H, W, 3) BGR image is object.

        `prior` as above.
        """
        known = np.float32(0) if prior is None else prior
        logits = self._look(image, self.config.input_size)
        pixels, statistics = filter_blobs(to_probability(logits + known), self.config.blobs)
        if not statistics.empty:
            # A second look from nearer by: the object large, what stands far from it out of sight.
            window = find_square(pixels, self.config.closer_margin, self.config.closer_least)
            # Mirrored, so that even where the window is the whole image it is another opinion.
            mirrored = self._look(image[window][:, ::-1], self.config.closer_size)
            logits[window] = self._join(logits[window], mirrored[:, ::-1])
        return to_probability(logits + known)

    def _join(self, far: np.ndarray, near: np.ndarray) -> np.ndarray:
        """The logits of two looks at one place: the nearer one sees edges better, but where it
        sees another thing, both count alike."""
        limit = math.log(self.config.blobs.threshold / (1.0 - self.config.blobs.threshold))
        alike = mask_iou(far >= limit, near >= limit) >= self.config.looks_alike
        joined: np.ndarray = near if alike else (far + near) / 2
        return joined

    def _look(self, image: np.ndarray, size: int) -> np.ndarray:
        """(H, W) float32 logits for an image (H, W, 3) BGR, seen with a longer side of `size`."""
        useful = 32 * math.ceil(self.config.most_enlarged * max(image.shape[:2]) / 32)
        return predict_logits(self.network, image, min(size, useful))


def make_mask(
    image: np.ndarray,
    probability: np.ndarray,
    config: MaskConfig | None = None,
    refiner: Refiner | None = None,
) -> Mask:
    """The mask and its verdict from what a network says, `probability` (H, W) float32 in 0..1.

    `image` (H, W, 3) uint8 BGR is what it saw; `refiner` may redraw what is found.
    """
    config = config or MaskConfig()
    pixels, statistics = filter_blobs(probability, config.blobs, image)
    if config.refine and not statistics.empty:
        refined = refine_edges(image, probability, pixels, config.edges)
        pixels, statistics = filter_blobs(refined, config.blobs, image)
    if refiner is not None and not statistics.empty:
        pixels = refiner(image, pixels)
        statistics = describe_mask(
            pixels, statistics.blobs, statistics.parts, statistics.stray_share
        )
    return Mask(pixels, judge(statistics, probability, pixels, image, config.verdict))


def generate_masks(
    library: Library,
    generator: MaskGenerator,
    views: Sequence[View],
    progress: ProgressCallback | None = None,
    on_mask: MaskCallback | None = None,
) -> list[View]:
    """Makes and keeps the mask of each view; returns the views that got one, with their verdicts.

    A view whose image cannot be read is logged as a warning and left without a mask.
    """
    done = []
    for step, view in enumerate(views, start=1):
        try:
            image = library.read_image(view)
        except AutomaskError as error:
            _LOGGER.warning("%s %s gets no mask: %s", view.label, view.id, error)
        else:
            mask = generator(image)
            try:
                judged = library.write_mask(view, mask, fcn=generator.fcn)
            except ViewGone:
                continue
            done.append(judged)
            if on_mask is not None:
                on_mask(judged, image, mask)
        if progress is not None:
            progress(Progress("masks", step, len(views)))
    return done
