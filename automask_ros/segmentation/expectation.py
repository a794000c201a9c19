"""What the other views expect of a view, as log odds that join those of the network.

The network knows objects at large and looks at one picture; the other views know this object and
its surroundings. Both are taken for independent witnesses, so their log odds add up, and the mask
is made of the sum. What stood beside the object, the half of a card without print, the middle of a
disc in the colour of the table: the network cannot tell, the other views can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from automask_ros.segmentation.agreement import Consensus
from automask_ros.segmentation.holes import find_holes


@dataclass(frozen=True)
class ExpectationConfig:
    """How much the other views have to say."""

    strength: float = 1.5
    """Of their log odds beside the network's. From 1 to 2 it matters little."""
    surest: float = 0.97
    """They are never surer than this that a pixel is object, or that it is not."""
    smallest_hole: int = 16
    """In a hole of fewer cells of the features they see its rim: they do not fill it."""
    least_agreement: float = 0.5
    """With a lower mean agreement, weighted by trust, the views know nothing together."""


class Expectation:
    """The expectations of an object's views about each of them."""

    def __init__(
        self,
        consensus: Consensus,
        masks: Sequence[np.ndarray],
        trusts: Sequence[float],
        config: ExpectationConfig | None = None,
    ) -> None:
        """`masks` (H, W) bool are the views' as they are now, `trusts` in 0..1 how good they are
        taken to be."""
        self._consensus, self._config = consensus, config or ExpectationConfig()
        self._masks = masks
        self._at_boundary = self._median_at_boundary(trusts)

    def log_odds(self, index: int) -> np.ndarray:
        """(H, W) float32: above 0 where the other views see the object in the view `index`."""
        mask = self._masks[index]
        odds = self._config.strength * (self._finer(index) - self._at_boundary)
        cell = mask.size / self._consensus.expected(index).size
        labels, holes = find_holes(mask)
        small = [label for label, area in holes if area < self._config.smallest_hole * cell]
        if small:
            odds[np.isin(labels, small)] = odds[np.isin(labels, small)].clip(max=0)
        return odds

    def _finer(self, index: int) -> np.ndarray:
        """The log odds of the other views at the size of the mask (H, W)."""
        limit = self._config.surest
        likely = self._consensus.expected(index).clip(1 - limit, limit)
        height, width = self._masks[index].shape
        odds = np.log(likely / (1 - likely))
        finer: np.ndarray = cv2.resize(odds, (width, height), interpolation=cv2.INTER_CUBIC)
        return finer

    def _median_at_boundary(self, trusts: Sequence[float]) -> float:
        """The log odds along the masks' boundaries: features are too coarse to move these, so
        they have to be undecided there."""
        found = []
        for index, (mask, trust) in enumerate(zip(self._masks, trusts, strict=True)):
            edge = cv2.morphologyEx(
                mask.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)
            )
            if trust > 0 and edge.any():
                found.append(float(self._finer(index)[edge > 0].mean()))
        return float(np.median(found)) if found else 0.0
