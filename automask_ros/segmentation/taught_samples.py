"""Training pictures from an object's own views: new light, new place, other views' backgrounds.

Cut and paste after Dwibedi, Misra, Hebert, "Cut, Paste and Learn" (ICCV 2017): what is pasted is
blended in softly, so that the network cannot learn the seam instead of the object.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from automask_ros.segmentation.surroundings import shrink

# Longer side, in pixels, at which the views are kept for training.
_KEPT_SIDE = 448
# Longer side at which an object's place is painted over: what comes there is blurred anyway.
_PAINTED_SIDE = 112


@dataclass(frozen=True, eq=False)
class TaughtView:
    """A view to learn from: its image (H, W, 3) uint8 BGR, the object's mask (H, W) bool, and how
    much the mask is trusted, 0..1."""

    image: np.ndarray
    mask: np.ndarray
    trust: float


@dataclass(frozen=True)
class SampleConfig:
    """What the training pictures look like."""

    side: int = 192
    """Height and width of a training picture, in pixels."""
    pasted_share: float = 0.5
    """Share of the pictures whose object is pasted onto another view's background."""
    object_share: tuple[float, float] = (0.2, 0.7)
    """Square root of the object's area over the picture's side, least and greatest."""
    turn: float = 30.0
    """Greatest rotation in degrees."""


class TaughtSamples:
    """Draws training pictures from the views of one object."""

    def __init__(
        self, views: Sequence[TaughtView], config: SampleConfig, rng: np.random.Generator
    ) -> None:
        """`views` hold at least one mask that is not empty; the others serve as backgrounds."""
        self._config, self._rng = config, rng
        self._views = [_reduced(view) for view in views]
        self._backgrounds: dict[int, np.ndarray] = {}
        trust = np.array([view.trust * bool(view.mask.any()) for view in self._views])
        self._chances = trust / trust.sum()

    def draw(self) -> tuple[np.ndarray, np.ndarray, float]:
        """A picture (S, S, 3) uint8 BGR, the object in it (S, S) float32 0..1, and its trust."""
        rng = self._rng
        view = self._views[rng.choice(len(self._views), p=self._chances)]
        size = (self._config.side, self._config.side)
        move = self._move(view.mask)
        mask = cv2.warpAffine(view.mask.astype(np.float32), move, size)
        picture = cv2.warpAffine(view.image, move, size, borderMode=cv2.BORDER_REPLICATE)
        if rng.random() < self._config.pasted_share:
            picture = self._paste(picture, mask)
        return self._relight(picture), (mask >= 0.5).astype(np.float32), view.trust

    def _move(self, mask: np.ndarray) -> np.ndarray:
        """(2, 3) affine map that brings the object of a mask somewhere into the picture."""
        rng, side = self._rng, self._config.side
        least, greatest = self._config.object_share
        extent = math.sqrt(np.count_nonzero(mask))
        scale = side * math.exp(rng.uniform(math.log(least), math.log(greatest))) / extent
        left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
        angle = rng.uniform(-self._config.turn, self._config.turn)
        middle = (left + width / 2, top + height / 2)
        move = np.asarray(cv2.getRotationMatrix2D(middle, angle, scale), np.float64)
        # Anywhere near the middle, but the object stays in the picture where it fits.
        room = max(0.0, side - scale * max(width, height)) / 2
        place = side / 2 + rng.uniform(-0.8, 0.8, 2) * room
        move[:, 2] += place - np.array(middle)
        if rng.random() < 0.5:
            move = np.array([[-1.0, 0.0], [0.0, 1.0]]) @ move + [[0, 0, side - 1], [0, 0, 0]]
        return move

    def _paste(self, picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """The object of a picture on the background of another view."""
        rng = self._rng
        background = self._background(int(rng.integers(len(self._views))))
        height, width = background.shape[:2]
        side = round(min(height, width) * rng.uniform(0.6, 1.0))
        top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
        crop = background[top : top + side, left : left + side]
        crop = cv2.resize(crop, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        if rng.random() < 0.5:
            crop = crop[:, ::-1]
        alpha = cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.5, 1.2))[..., None]
        return (alpha * picture + (1 - alpha) * crop).astype(np.uint8)

    def _background(self, index: int) -> np.ndarray:
        """A view without its object: the place is painted over from what lies around it."""
        if index not in self._backgrounds:
            view = self._views[index]
            self._backgrounds[index] = cover_object(view.image, view.mask)
        return self._backgrounds[index]

    def _relight(self, picture: np.ndarray) -> np.ndarray:
        """Other light, another white balance, now and then some blur or noise."""
        rng = self._rng
        gain = rng.uniform(0.75, 1.25) * (1 + rng.normal(0, 0.05, 3))
        levels = np.arange(256, dtype=np.float32)[:, None] / 255
        curve = 255 * levels ** np.exp(rng.normal(0, 0.15)) * gain + rng.normal(0, 8)
        picture = cv2.LUT(picture, curve.clip(0, 255).astype(np.uint8)[:, None])
        if rng.random() < 0.3:
            picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.2))
        if rng.random() < 0.3:
            noise = rng.normal(0, rng.uniform(1, 8), picture.shape)
            picture = (picture + noise).clip(0, 255).astype(np.uint8)
        return picture


def cover_object(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """An image (H, W, 3) uint8 BGR with the place of `mask` (H, W) bool painted over.

    After Telea, "An Image Inpainting Technique Based on the Fast Marching Method" (2004), at a low
    resolution; a margin is covered too, as masks end early and objects throw shadows.
    """
    if not mask.any():
        return image
    reach = max(2, round(0.12 * math.sqrt(np.count_nonzero(mask))))
    covered = cv2.dilate(mask.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    small = shrink(image, _PAINTED_SIDE)
    small_covered = cv2.resize(covered, small.shape[1::-1], interpolation=cv2.INTER_AREA)
    painted = cv2.inpaint(small, small_covered, 3, cv2.INPAINT_TELEA)
    painted = cv2.resize(painted, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return np.where(covered[..., None].astype(bool), painted, image)


def _reduced(view: TaughtView) -> TaughtView:
    """A view no larger than training needs it."""
    image = shrink(view.image, _KEPT_SIDE)
    mask = shrink(view.mask.astype(np.float32), _KEPT_SIDE) >= 0.5
    return TaughtView(image, mask, view.trust)
