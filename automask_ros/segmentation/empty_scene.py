"""What pictures of the scene without the object show as well: the hand that holds it, the plate.

Where all views show the hand with the object, the views cannot tell one from the other: a mask of
both agrees with every other mask of both. Pictures of the empty hand can. Each place in a mask is
compared with all places of those pictures, by the frozen network's features: what has its like
there is not the object. The hand need not be where it was, nor hold as it did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from automask_ros.segmentation.evaluation import mask_iou
from automask_ros.types import Mask, Verdict

# The last features are colours; so many rows are compared at once.
_COLOURS, _ROWS = 3, 1024


@dataclass(frozen=True)
class EmptySceneConfig:
    """When a place in a view counts as one of the empty scene."""

    distance: float = 13.5
    """To the nearest place of the empty scene, in features of unit variance, from which a place is
    another thing. Of a drawn hand and plate at least half lay below 12, of the cup that they
    carried one place in twenty below this."""
    colour: float = 3.0
    """Weight of the colours' three features, the others' being one."""
    unchanged: float = 0.97
    """Intersection over union of a mask with what is left of it, from which it stays as it was."""
    least_left: float = 0.2
    """Share of a mask that must be left: one that shows hardly more than the empty scene is of the
    hand alone, and refused."""
    most_places: int = 8192
    """So many places of the empty scene are compared with at most."""


class EmptyScene:
    """What the empty scene says of each view of an object."""

    def __init__(
        self,
        features: Sequence[np.ndarray],
        scenes: Sequence[np.ndarray],
        config: EmptySceneConfig | None = None,
    ) -> None:
        """`features` (h, w, C) of the views, and `scenes` those of at least one picture without
        the object."""
        self._config = config or EmptySceneConfig()
        self._features = features
        every = np.concatenate([_rows(one)[::3] for one in (*features, *scenes)])
        self._centre, self._spread = every.mean(axis=0), every.std(axis=0) + 1e-3
        known = np.concatenate([_rows(one) for one in scenes])
        # Taken evenly: neighbours are much alike.
        thinned = known[:: max(1, -(-len(known) // self._config.most_places))]
        self._known = self._scaled(thinned)

    def shown(self, index: int, pixels: np.ndarray) -> np.ndarray:
        """(H, W) bool: where the empty scene shows the like of what the view `index` shows, in and
        next to the mask `pixels` (H, W) bool."""
        maps = self._features[index]
        cells = _near(pixels, maps.shape)
        excess = np.full(cells.shape, self._config.distance, np.float32)
        excess[cells] = self._distances(self._scaled(maps[cells].astype(np.float32)))
        excess -= self._config.distance
        size = (pixels.shape[1], pixels.shape[0])
        found: np.ndarray = cv2.resize(excess, size, interpolation=cv2.INTER_LINEAR) < 0
        return found

    def left_of(self, index: int, mask: Mask) -> Mask:
        """What is left of the view's mask without the empty scene; the mask itself where that is
        as good as all of it. Refused when hardly anything is left."""
        left = mask.pixels & ~self.shown(index, mask.pixels)
        if mask_iou(left, mask.pixels) >= self._config.unchanged:
            return mask
        share = np.count_nonzero(left) / np.count_nonzero(mask.pixels)
        verdict = mask.verdict
        if share < self._config.least_left:
            reason = f"the empty scene shows {1 - share:.0%} of it as well"
            verdict = Verdict(False, verdict.score * share, (*verdict.reasons, reason))
        return Mask(left, verdict) if left.any() else Mask(mask.pixels, verdict)

    def _scaled(self, rows: np.ndarray) -> np.ndarray:
        """(N, C) of about unit variance, no feature far off, colours with their weight."""
        scaled: np.ndarray = ((rows - self._centre) / self._spread).clip(-5, 5)
        scaled[:, -_COLOURS:] *= self._config.colour
        return scaled

    def _distances(self, rows: np.ndarray) -> np.ndarray:
        """(N,) float32: how far the nearest place of the empty scene is from each row (N, C)."""
        lengths = (self._known**2).sum(axis=1)
        found = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), _ROWS):
            some = rows[start : start + _ROWS]
            squares = (some**2).sum(axis=1)[:, None] + lengths - 2 * some @ self._known.T
            found[start : start + _ROWS] = np.sqrt(np.maximum(squares.min(axis=1), 0))
        return found


def _rows(maps: np.ndarray) -> np.ndarray:
    return maps.reshape(-1, maps.shape[2]).astype(np.float32)


def _near(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(h, w) bool: the cells that a mask (H, W) touches, and those next to them."""
    cover = cv2.resize(mask.astype(np.float32), (shape[1], shape[0]), interpolation=cv2.INTER_AREA)
    near: np.ndarray = cv2.dilate((cover > 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return near
