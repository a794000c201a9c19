"""Which frames of a moving camera are worth keeping: the sharp ones that show something new."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from automask_ros.types import BGRImage

_SHARPNESS_PIXELS = 320 * 240
_THUMBNAIL = (64, 48)
_COMPARED = 16
_REACHED = 0.75


@dataclass(frozen=True)
class ViewSelectorConfig:
    """What counts as sharp and as new.

    ``min_sharpness``: least sharpness of any frame; keeps out black and fogged ones.
    ``min_relative_sharpness``: least sharpness, as a share of what recent frames reach (the best
    quarter of them: while the object is moved fast, most frames are blurred).
    ``min_novelty``: least difference (0..1) to each remembered view.
    ``recent``: frames that count as recent, five seconds at 30 Hz.
    ``remembered``: kept views to compare with.
    ``changed_share``: share of the picture, the part that changed most, that novelty looks at.
    """

    min_sharpness: float = 4.0
    min_relative_sharpness: float = 0.4
    min_novelty: float = 0.03
    recent: int = 150
    remembered: int = 200
    changed_share: float = 0.03


@dataclass(frozen=True)
class Selection:
    """The decision on one frame, with its reason in words."""

    keep: bool
    reason: str
    sharpness: float
    novelty: float


class ViewSelector:
    """Decides frame by frame. The same choice for a live camera and for a recording.

    Sharpness depends on what the picture shows, so a frame is measured against its own sequence.
    """

    def __init__(self, config: ViewSelectorConfig | None = None) -> None:
        self.config = config or ViewSelectorConfig()
        self._recent: deque[float] = deque(maxlen=self.config.recent)
        self._kept: deque[NDArray[np.float32]] = deque(maxlen=self.config.remembered)

    def consider(self, image: BGRImage) -> Selection:
        """Decide on a frame, ``(H, W, 3) uint8`` BGR, and remember it when it is to be kept."""
        grey = _grey(image)
        thumbnail = _thumbnail(grey)
        measured, novel = sharpness(grey), self._novelty(thumbnail)
        self._recent.append(measured)
        least = max(
            self.config.min_sharpness,
            self.config.min_relative_sharpness * float(np.quantile(self._recent, _REACHED)),
        )
        if measured < least:
            reason = f"too blurred (sharpness {measured:.0f} < {least:.0f})"
            return Selection(False, reason, measured, novel)
        if novel < self.config.min_novelty:
            reason = f"same view again (difference {novel:.3f} < {self.config.min_novelty:.3f})"
            return Selection(False, reason, measured, novel)
        self._kept.append(thumbnail)
        return Selection(True, "sharp and new", measured, novel)

    def forget_newest(self) -> None:
        """Take back the last decision to keep a frame, which could not be kept."""
        self._kept.pop()

    def remember(self, image: BGRImage) -> None:
        """Count an image as kept already, so that the same view is not kept again."""
        self._kept.append(_thumbnail(_grey(image)))

    def _novelty(self, thumbnail: NDArray[np.float32]) -> float:
        """Difference to the most similar kept view, 0..1; 1 when there is none yet.

        An object fills but a part of the picture, so the part that changed most is what counts.
        """
        if not self._kept:
            return 1.0
        differences = np.abs(np.stack(tuple(self._kept)) - thumbnail)
        # The exact measure sorts, so only those that are nearest on the whole get it.
        nearest = np.argsort(differences.mean(axis=1))[:_COMPARED]
        count = max(1, int(self.config.changed_share * thumbnail.size))
        most = np.partition(differences[nearest], thumbnail.size - count, axis=1)[:, -count:]
        return float(most.mean(axis=1).min())


def sharpness(grey: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian of a ``(H, W) uint8`` image, brought to one size and contrast.

    The same scene has about the same sharpness at any resolution and exposure.
    """
    height, width = grey.shape
    scale = min(1.0, math.sqrt(_SHARPNESS_PIXELS / (height * width)))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    values = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    # A contrast of 50 grey levels is an ordinary picture; flat ones must not blow up their noise.
    values *= 50.0 / max(10.0, float(values.std()))
    return float(cv2.Laplacian(values, cv2.CV_32F).var())


def _grey(image: BGRImage) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


def _thumbnail(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A small flat picture in 0..1, free of noise and of the overall brightness."""
    small = cv2.resize(grey, _THUMBNAIL, interpolation=cv2.INTER_AREA)
    values = small.astype(np.float32) / 255.0
    blurred = np.asarray(cv2.GaussianBlur(values, (3, 3), 0), np.float32)
    return (blurred - np.median(blurred)).reshape(-1)
