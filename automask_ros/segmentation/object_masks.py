"""The masks of one object's views, judged by each other and made better by each other.

First what all other views expect of a view joins what the network sees in it. Then the remedy of
the paper without its person: the masks that the network is sure of and that agree with each other
teach a copy of it, and the views are segmented again. Whether that helped is measured where it was
not taught: on views held back and on refused ones, by their agreement with all others, which the
copy cannot raise by merely growing sure of itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from automask_ros.segmentation.adaptation import AdaptationConfig, TaughtView, adapt
from automask_ros.segmentation.agreement import (
    Agreement,
    AgreementConfig,
    Consensus,
    FeatureReader,
)
from automask_ros.segmentation.denoising import remove_impulse_noise
from automask_ros.segmentation.evaluation import mask_iou
from automask_ros.segmentation.expectation import Expectation, ExpectationConfig
from automask_ros.segmentation.fcn import load_fcn
from automask_ros.segmentation.mask_generator import MaskGenerator
from automask_ros.segmentation.verdict import of_two_networks, with_agreement
from automask_ros.types import Mask, Progress, ProgressCallback


@dataclass(frozen=True)
class ObjectMaskConfig:
    """What is done with the views of an object once each has a mask."""

    adapt: bool = True
    """Make masks anew. Without, the views are only compared."""
    joins: int = 2
    """How often what the other views expect joins what the network sees."""
    rounds: int = 2
    """How often at most a copy is taught."""
    held_back: int = 4
    """Every so many of the trusted views teach nothing: they measure."""
    least_trusted: int = 5
    """With fewer trusted views no copy is taught."""
    seconds: float = 60.0
    """No further round begins after half of this."""
    damage: float = 0.01
    """By how much the agreement of held-back views may fall at most."""
    clear_gain: float = 0.05
    """By how much it must rise for another mask to take an accepted one's place."""
    least_likeness: float = 0.8
    """Least mean intersection over union of old and new masks on the held-back views."""
    adaptation: AdaptationConfig = field(default_factory=AdaptationConfig)
    agreement: AgreementConfig = field(default_factory=AgreementConfig)
    expectation: ExpectationConfig = field(default_factory=ExpectationConfig)


class Way(Enum):
    """What became of a mask when the views were compared."""

    COMPARED = "compared"
    """It stayed as it was."""
    JOINED = "joined"
    """Made of what the network sees and what the other views expect."""
    ADAPTED = "adapted"
    """The same, by a copy of the network that has learnt the object."""


@dataclass(frozen=True, eq=False)
class ViewMask:
    """A view's mask with the verdict that knows the other views, and what became of it."""

    mask: Mask
    way: Way = Way.COMPARED


def improve_masks(
    generator: MaskGenerator,
    images: Sequence[np.ndarray],
    masks: Sequence[Mask],
    *,
    drawn: Sequence[bool] | None = None,
    empty_scenes: Sequence[np.ndarray] = (),
    config: ObjectMaskConfig | None = None,
    progress: ProgressCallback | None = None,
) -> list[ViewMask]:
    """Better masks, or the same, of one object's views, judged by each other.

    `images` are (H, W, 3) uint8 BGR, in the order of capture, `masks` what `generator` made of
    them; those that are `drawn` stay as they are. `empty_scenes` show the place without the object.
    With too few views to compare, all stays as it is.
    """
    work = _ObjectMasks(generator, images, masks, drawn, config or ObjectMaskConfig(), progress)
    work.compare(empty_scenes)
    return work.result()


class _ObjectMasks:
    """The state of one object's masks while they are made better."""

    def __init__(
        self,
        generator: MaskGenerator,
        images: Sequence[np.ndarray],
        masks: Sequence[Mask],
        drawn: Sequence[bool] | None,
        config: ObjectMaskConfig,
        progress: ProgressCallback | None,
    ) -> None:
        self._generator, self._images, self._config = generator, images, config
        self._masks, self._progress = list(masks), progress
        self._plain, self._joined = masks, masks
        self._drawn = list(drawn) if drawn is not None else [False] * len(masks)
        self._ways = [Way.COMPARED] * len(masks)
        self._agreements: list[Agreement] | None = None

    def compare(self, empty_scenes: Sequence[np.ndarray]) -> None:
        """Judge the masks by each other, and while it helps, make them anew."""
        if len(self._images) < self._config.agreement.least_views:
            return
        network = self._generator.network if self._generator.fcn == "lite" else load_fcn("lite")
        reader = FeatureReader(network, self._config.agreement)
        features = [
            reader(remove_impulse_noise(self._images[index]))
            for index in self._steps("compare", range(len(self._images)))
        ]
        scenes = [reader(scene) for scene in empty_scenes]
        consensus = self._agree(features, scenes)
        if not self._config.adapt or not self._healthy(consensus):
            return
        for _ in range(self._config.joins):
            self._join(consensus)
            consensus = self._agree(features, scenes)
            if not consensus.possible:
                return
        self._joined = list(self._masks)
        begin = time.monotonic()
        for turn in range(self._config.rounds):
            late = time.monotonic() - begin > self._config.seconds / 2
            if (turn and late) or not self._improve(consensus):
                return
            consensus = self._agree(features, scenes)
            if not consensus.possible:
                return

    def _healthy(self, consensus: Consensus) -> bool:
        """Do the views agree well enough to tell each other anything?"""
        if not consensus.possible or self._agreements is None:
            return False
        values = [agreement.value for agreement in self._agreements]
        mean = float(np.average(values, weights=self._trusts()))
        return mean >= self._config.expectation.least_agreement

    def _trusts(self) -> list[float]:
        """How far each mask is trusted, in 0..1, by itself."""
        return [
            1.0 if drawn else mask.verdict.score * (1.0 if mask.verdict.accepted else 0.25)
            for mask, drawn in zip(self._masks, self._drawn, strict=True)
        ]

    def _agree(self, features: Sequence[np.ndarray], scenes: Sequence[np.ndarray]) -> Consensus:
        """What the views say together of the masks as they are now."""
        consensus = Consensus(
            features,
            [mask.pixels for mask in self._masks],
            self._trusts(),
            empty_scenes=scenes,
            config=self._config.agreement,
        )
        self._agreements = None
        if consensus.possible:
            self._agreements = [
                consensus.agreement(index, mask.pixels) for index, mask in enumerate(self._masks)
            ]
        return consensus

    def _expect(self, consensus: Consensus) -> Expectation:
        """What the views expect of each other as their masks are now."""
        pixels = [mask.pixels for mask in self._masks]
        trusts = [
            trust if mask.verdict.accepted or drawn else 0.0
            for trust, mask, drawn in zip(self._trusts(), self._masks, self._drawn, strict=True)
        ]
        return Expectation(consensus, pixels, trusts, self._config.expectation)

    def _join(self, consensus: Consensus) -> None:
        """Make each mask anew of what the network sees and what the other views expect."""
        expectation = self._expect(consensus)
        views = [index for index, drawn in enumerate(self._drawn) if not drawn]
        proposals = {}
        for index in self._steps("join", views):
            prior = expectation.log_odds(index)
            proposals[index] = self._generator(self._images[index], prior)
        for index, new in proposals.items():
            if self._may_replace(consensus, index, new, -self._config.damage):
                self._masks[index], self._ways[index] = new, Way.JOINED

    def _may_replace(self, consensus: Consensus, index: int, new: Mask, least_gain: float) -> bool:
        """May a new mask take the place of a view's own: does it agree by `least_gain` more with
        the others, and does it not lose what was accepted, or all there was?"""
        old, verdicts = self._masks[index], self._generator.config.verdict
        agreements = [consensus.agreement(index, mask.pixels) for mask in (old, new)]
        before, after = (
            with_agreement(mask.verdict, agreement, verdicts)
            for mask, agreement in zip((old, new), agreements, strict=True)
        )
        lost = (before.accepted and not after.accepted) or not new.pixels.any()
        gain = agreements[1].value - agreements[0].value
        return bool(gain >= least_gain and not lost)

    def result(self) -> list[ViewMask]:
        """The masks as they are now."""
        agreements: Sequence[Agreement | None] = self._agreements or [None] * len(self._masks)
        return [
            ViewMask(
                mask
                if agreement is None or drawn
                else Mask(
                    mask.pixels,
                    with_agreement(mask.verdict, agreement, self._generator.config.verdict),
                ),
                way,
            )
            for mask, agreement, drawn, way in zip(
                self._masks, agreements, self._drawn, self._ways, strict=True
            )
        ]

    def _improve(self, consensus: Consensus) -> bool:
        """One round: teach a copy, segment again, keep what is better; False if nothing is."""
        trusts = [
            each.mask.verdict.score if each.mask.verdict.accepted else 0.0 for each in self.result()
        ]
        trusted = [index for index, trust in enumerate(trusts) if trust > 0]
        if len(trusted) < self._config.least_trusted:
            return False
        held = set(trusted[self._config.held_back // 2 :: self._config.held_back])
        taught = [index for index in trusted if index not in held]
        views = [
            TaughtView(remove_impulse_noise(self._images[i]), self._masks[i].pixels, trusts[i])
            for i in taught
        ]
        network = adapt(self._generator.network, views, self._config.adaptation, self._progress)
        adapted = self._generator.with_network(network)
        expectation = self._expect(consensus)

        def segment(index: int) -> Mask:
            return adapted(self._images[index], expectation.log_odds(index))

        # First where it was not taught, and by itself, without a word from the other views: if it
        # harms there, it is not asked any further.
        alone = {index: adapted(self._images[index]) for index in sorted(held)}
        if not self._harmless(consensus, alone):
            return False
        proposals = {index: segment(index) for index in alone if not self._drawn[index]}
        rest = [i for i in range(len(self._images)) if i not in held and not self._drawn[i]]
        for index in self._steps("masks again", rest):
            proposals[index] = segment(index)
        return self._adopt(consensus, proposals)

    def _harmless(self, consensus: Consensus, alone: dict[int, Mask]) -> bool:
        """Does the copy by itself still find what the network by itself found in the held-back
        views, or what agrees better?"""
        likeness, gains = [], []
        for index, new in alone.items():
            old = self._plain[index]
            before, after = (consensus.agreement(index, mask.pixels).value for mask in (old, new))
            gains.append(after - before)
            # What agrees clearly better may well be another thing.
            better = gains[-1] > self._config.clear_gain
            likeness.append(1.0 if better else mask_iou(old.pixels, new.pixels))
        return (
            float(np.mean(likeness)) >= self._config.least_likeness
            and float(np.mean(gains)) >= -self._config.damage
        )

    def _adopt(self, consensus: Consensus, proposals: dict[int, Mask]) -> bool:
        """Take the proposals that the other views speak for; did any refused view get better?"""
        better = False
        for index, proposed in proposals.items():
            old, joined = self._masks[index], self._joined[index]
            likeness = mask_iou(joined.pixels, proposed.pixels)
            new = Mask(
                proposed.pixels,
                of_two_networks(
                    joined.verdict, proposed.verdict, likeness, self._generator.config.verdict
                ),
            )
            accepted = old.verdict.accepted
            # Without a word for it from the other views, an accepted mask stays: a copy that was
            # taught with masks a little too large makes them larger.
            least_gain = self._config.clear_gain if accepted else -self._config.damage
            if not self._may_replace(consensus, index, new, least_gain):
                continue
            better |= not accepted
            self._masks[index], self._ways[index] = new, Way.ADAPTED
        return better

    def _steps(self, stage: str, indices: Sequence[int]) -> Iterator[int]:
        """The indices, with a word of progress after each."""
        for step, index in enumerate(indices, start=1):
            yield index
            if self._progress is not None:
                self._progress(Progress(stage, step, len(indices)))
