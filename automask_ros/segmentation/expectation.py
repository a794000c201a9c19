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


@dataclass(frozen=True)
class ExpectationConfig:
    """How much the other views have to say."""

    strength: float = 1.5
    """Of their log odds beside the network's. From 1 to 2 it matters little."""
    surest: float = 0.97
    """They are never surer than this that a pixel is object, or that it is not."""
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
        self._at_boundary = 0.0
        self._at_boundary = self._median_at_boundary(masks, trusts)

    def log_odds(self, index: int, shape: tuple[int, int]) -> np.ndarray:
        """`shape` (H, W) float32: above 0 where the other views see the object in view `index`."""
        limit = self._config.surest
        likely = self._consensus.expected(index).clip(1 - limit, limit)
        odds = np.log(likely / (1 - likely)) - self._at_boundary
        size = (shape[1], shape[0])
        finer: np.ndarray = cv2.resize(odds, size, interpolation=cv2.INTER_CUBIC)
        return self._config.strength * finer

    def _median_at_boundary(self, masks: Sequence[np.ndarray], trusts: Sequence[float]) -> float:
        """The log odds along the masks' boundaries: features are too coarse to move these, so
        they have to be undecided there."""
        found = []
        for index, (mask, trust) in enumerate(zip(masks, trusts, strict=True)):
            edge = cv2.morphologyEx(
                mask.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)
            )
            if trust > 0 and edge.any():
                odds = self.log_odds(index, (mask.shape[0], mask.shape[1]))
                found.append(float(odds[edge > 0].mean()) / self._config.strength)
        return float(np.median(found)) if found else 0.0
