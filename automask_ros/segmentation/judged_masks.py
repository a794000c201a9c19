"""The masks of one object's views as they are now, judged by each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from automask_ros.segmentation.agreement import Agreement, AgreementConfig, Consensus
from automask_ros.segmentation.verdict import VerdictConfig, with_agreement
from automask_ros.types import Mask, Way


@dataclass(frozen=True, eq=False)
class ViewMask:
    """A view's mask with the verdict that knows the other views, and what became of it."""

    mask: Mask
    way: Way = Way.COMPARED


class JudgedMasks:
    """One object's masks, what its views say of them together, and which may take whose place."""

    def __init__(
        self,
        masks: Sequence[Mask],
        drawn: Sequence[bool],
        features: Sequence[np.ndarray],
        empty_scenes: Sequence[np.ndarray],
        agreement: AgreementConfig,
        verdict: VerdictConfig,
    ) -> None:
        """`masks` with `drawn`, True for those that a person drew, which stay; `features` of the
        views and of the `empty_scenes` are a FeatureReader's."""
        self.masks, self.drawn = list(masks), list(drawn)
        self._ways = [Way.COMPARED] * len(masks)
        self._features, self._empty_scenes = features, empty_scenes
        self._agreement, self._verdict = agreement, verdict
        self._agree()

    @property
    def possible(self) -> bool:
        """True when enough views show something for the others to be judged by it."""
        return self.consensus.possible

    @property
    def mean_agreement(self) -> float:
        """How well the views agree, 0..1, weighted by trust; 0 when nothing is known."""
        if not self._agreements:
            return 0.0
        values = [agreement.value for agreement in self._agreements]
        return float(np.average(values, weights=self.trusts()))

    def trusts(self) -> list[float]:
        """How far each mask is trusted, in 0..1, by itself."""
        return [
            1.0 if drawn else mask.verdict.score * (1.0 if mask.verdict.accepted else 0.25)
            for mask, drawn in zip(self.masks, self.drawn, strict=True)
        ]

    def gain(self, index: int, new: Mask, old: Mask | None = None) -> float:
        """How much more the view agrees with the others with a new mask than with its own, or with
        an `old` one."""
        before = self.masks[index] if old is None else old
        values = [self.consensus.agreement(index, mask.pixels).value for mask in (before, new)]
        return values[1] - values[0]

    def loses(self, index: int, new: Mask) -> bool:
        """Would a new mask lose what was accepted, or all there was?"""
        before, after = (self._judged(index, mask) for mask in (self.masks[index], new))
        return (before.verdict.accepted and not after.verdict.accepted) or not new.pixels.any()

    def replace(self, masks: dict[int, Mask], way: Way) -> None:
        """New masks of some views take the place of theirs; all are judged again."""
        for index, mask in masks.items():
            self.masks[index], self._ways[index] = mask, way
        self._agree()

    def result(self) -> list[ViewMask]:
        """The masks as they are now, with verdicts that know the other views."""
        known = bool(self._agreements)
        return [
            ViewMask(mask if drawn or not known else self._judged(index, mask), way)
            for index, (mask, drawn, way) in enumerate(
                zip(self.masks, self.drawn, self._ways, strict=True)
            )
        ]

    def _judged(self, index: int, mask: Mask) -> Mask:
        agreement = self.consensus.agreement(index, mask.pixels)
        return Mask(mask.pixels, with_agreement(mask.verdict, agreement, self._verdict))

    def _agree(self) -> None:
        self.consensus = Consensus(
            self._features,
            [mask.pixels for mask in self.masks],
            self.trusts(),
            empty_scenes=self._empty_scenes,
            config=self._agreement,
        )
        self._agreements: list[Agreement] = []
        if self.consensus.possible:
            self._agreements = [
                self.consensus.agreement(index, mask.pixels)
                for index, mask in enumerate(self.masks)
            ]
