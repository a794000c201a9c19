"""What the other views expect of a view, as log odds that join those of the network.

The network knows objects at large and looks at one picture; the other views know this object and
its surroundings. Both are taken for independent witnesses, so their log odds add up, and the mask
is made of the sum. What stood beside the object, the half of a card without print, the middle of a
disc in the colour of the table: the network cannot tell, the other views can.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from automask_ros.segmentation.agreement import Consensus
from automask_ros.segmentation.holes import find_holes

# Log odds that no network speaks against.
_CERTAIN = 20.0


@dataclass(frozen=True)
class ExpectationConfig:
    """How much the other views have to say."""

    strength: float = 1.5
    """Of their log odds beside the network's. From 1 to 2 it matters little."""
    surest: float = 0.97
    """They are never surer than this that a pixel is object, or that it is not."""
    smallest_hole: int = 16
    """In a hole of fewer cells of the features they see its rim: they do not fill it."""
    solid_hole: float = 1.0
    """A larger hole in which their mean log odds are above this is none, however sure the network
    is of it: one picture does not tell the middle of a disc from what lies behind a ring."""
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
        self._config = config or ExpectationConfig()
        self._masks = masks
        odds = [_log_odds(consensus.expected(index)) for index in range(len(masks))]
        shift = _median_at_boundary(odds, masks, trusts)
        limit = math.log(self._config.surest / (1 - self._config.surest))
        self._odds = [(one - shift).clip(-limit, limit) for one in odds]

    def log_odds(self, index: int) -> np.ndarray:
        """(H, W) float32: above 0 where the other views see the object in the view `index`."""
        mask, coarse = self._masks[index], self._odds[index]
        odds = _finer(coarse, mask.shape)
        cell = mask.size / coarse.size
        labels, holes = find_holes(mask)
        for label, area in holes:
            inside = labels == label
            if area < self._config.smallest_hole * cell:
                odds[inside] = odds[inside].clip(max=0)
            elif odds[inside].mean() > self._config.solid_hole:
                odds[inside] = _CERTAIN
        return self._config.strength * odds


def _log_odds(likely: np.ndarray) -> np.ndarray:
    likely = likely.clip(1e-3, 1 - 1e-3)
    odds: np.ndarray = np.log(likely / (1 - likely))
    return odds


def _finer(maps: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(h, w) brought to the (H, W) of `shape`."""
    finer: np.ndarray = cv2.resize(maps, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return finer


def _median_at_boundary(
    odds: Sequence[np.ndarray], masks: Sequence[np.ndarray], trusts: Sequence[float]
) -> float:
    """The log odds along the masks' boundaries: features are too coarse to move these, so they
    have to be undecided there."""
    found = []
    for one, mask, trust in zip(odds, masks, trusts, strict=True):
        edge = cv2.morphologyEx(
            mask.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)
        )
        if trust > 0 and edge.any():
            found.append(float(_finer(one, mask.shape)[edge > 0].mean()))
    return float(np.median(found)) if found else 0.0
