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

import numpy as np

from automask_ros.segmentation.adaptation import AdaptationConfig, TaughtView, adapt
from automask_ros.segmentation.agreement import AgreementConfig, FeatureReader
from automask_ros.segmentation.denoising import remove_impulse_noise
from automask_ros.segmentation.empty_scene import EmptyScene, EmptySceneConfig
from automask_ros.segmentation.evaluation import mask_iou
from automask_ros.segmentation.expectation import Expectation, ExpectationConfig
from automask_ros.segmentation.fcn import load_fcn
from automask_ros.segmentation.judged_masks import JudgedMasks, ViewMask
from automask_ros.segmentation.mask_generator import MaskGenerator
from automask_ros.segmentation.verdict import of_two_networks
from automask_ros.types import BoolMask, Mask, Progress, ProgressCallback, Way


@dataclass(frozen=True)
class ObjectMaskConfig:
    """What is done with the views of an object once each has a mask."""

    adapt: bool = True
    """Make masks anew. Without, the views are only compared."""
    joins: int = 2
    """How often what the other views expect joins what the network sees."""
    settled_likeness: float = 0.98
    """Intersection over union of a mask before and after, from which it is not joined again."""
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
    empty_scene: EmptySceneConfig = field(default_factory=EmptySceneConfig)


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
    config = config or ObjectMaskConfig()
    if len(images) < config.agreement.least_views:
        return [ViewMask(mask) for mask in masks]
    network = generator.network if generator.fcn == "lite" else load_fcn("lite")
    reader = FeatureReader(network, config.agreement)
    features = [
        reader(remove_impulse_noise(images[index]))
        for index in _steps("compare", range(len(images)), progress)
    ]
    scenes = [reader(remove_impulse_noise(scene)) for scene in empty_scenes]
    judged = JudgedMasks(
        masks,
        [False] * len(masks) if drawn is None else drawn,
        features,
        scenes,
        config.agreement,
        generator.config.verdict,
    )
    if not config.adapt:
        return judged.result()
    empty = EmptyScene(features, scenes, config.empty_scene) if scenes else None
    if empty is not None:
        # Before they judge each other: a hand that all of them hold is what they agree on.
        undrawn = (index for index, kept in enumerate(judged.drawn) if not kept)
        left = {index: empty.left_of(index, judged.masks[index]) for index in undrawn}
        judged.replace({i: m for i, m in left.items() if m is not judged.masks[i]}, Way.JOINED)
    if judged.mean_agreement >= config.expectation.least_agreement:
        _Improvement(generator, images, judged, empty, config, progress).run()
    return judged.result()


class _Improvement:
    """Makes the masks of one object better, as long as it helps."""

    def __init__(
        self,
        generator: MaskGenerator,
        images: Sequence[np.ndarray],
        judged: JudgedMasks,
        empty: EmptyScene | None,
        config: ObjectMaskConfig,
        progress: ProgressCallback | None,
    ) -> None:
        self._generator, self._images, self._judged = generator, images, judged
        self._empty = empty
        self._config, self._progress = config, progress
        self._plain = list(judged.masks)
        self._joined = self._plain

    def run(self) -> None:
        """Join, then adapt while a mask is refused: what is accepted an adapted network hardly
        ever makes better (none of 355 masks of six objects), and it takes as long as all else."""
        indices = self._not_drawn()
        for _ in range(self._config.joins):
            before = [mask.pixels for mask in self._judged.masks]
            self._join(indices)
            if not self._judged.possible:
                return
            indices = self._unsure(before)
        self._joined = list(self._judged.masks)
        begin = time.monotonic()
        for turn in range(self._config.rounds):
            late = time.monotonic() - begin > self._config.seconds / 2
            if self._all_accepted() or (turn and late):
                return
            if not self._adapt() or not self._judged.possible:
                return

    def _all_accepted(self) -> bool:
        return all(each.mask.verdict.accepted for each in self._judged.result())

    def _unsure(self, before: Sequence[BoolMask]) -> list[int]:
        """The views of which a mask is refused, or another than it was `before`: joined once more
        the others would stay as they are."""
        now = [each.mask for each in self._judged.result()]
        return [
            index
            for index in self._not_drawn()
            if not now[index].verdict.accepted
            or mask_iou(before[index], now[index].pixels) < self._config.settled_likeness
        ]

    def _join(self, indices: Sequence[int]) -> None:
        """Make masks anew of what the network sees and what the other views expect."""
        expectation, new = self._expect(), {}
        for index in _steps("join", indices, self._progress):
            mask = self._make(self._generator, index, expectation.log_odds(index))
            gain = self._judged.gain(index, mask)
            if gain >= -self._config.damage and not self._judged.loses(index, mask):
                new[index] = mask
        self._judged.replace(new, Way.JOINED)

    def _make(self, generator: MaskGenerator, index: int, odds: np.ndarray | None = None) -> Mask:
        """The mask of a view, with log odds (H, W) of what is expected, without the empty scene."""
        mask = generator(self._images[index], odds)
        return mask if self._empty is None else self._empty.left_of(index, mask)

    def _expect(self) -> Expectation:
        """What the views expect of each other as their masks are now."""
        masks = self._judged.masks
        trusts = [
            trust if drawn or mask.verdict.accepted else 0.0
            for trust, mask, drawn in zip(
                self._judged.trusts(), masks, self._judged.drawn, strict=True
            )
        ]
        pixels = [mask.pixels for mask in masks]
        return Expectation(self._judged.consensus, pixels, trusts, self._config.expectation)

    def _not_drawn(self) -> list[int]:
        return [index for index, drawn in enumerate(self._judged.drawn) if not drawn]

    def _adapt(self) -> bool:
        """One round: teach a copy, segment again, keep what is better; False if nothing is."""
        trusts = [
            each.mask.verdict.score if each.mask.verdict.accepted else 0.0
            for each in self._judged.result()
        ]
        trusted = [index for index, trust in enumerate(trusts) if trust > 0]
        if len(trusted) < self._config.least_trusted:
            return False
        held = trusted[self._config.held_back // 2 :: self._config.held_back]
        views = [
            TaughtView(
                remove_impulse_noise(self._images[i]), self._judged.masks[i].pixels, trusts[i]
            )
            for i in trusted
            if i not in held
        ]
        network = adapt(self._generator.network, views, self._config.adaptation, self._progress)
        adapted = self._generator.with_network(network)
        # First where it was not taught, and by itself, without a word from the other views: if it
        # harms there, it is not asked any further.
        if not self._harmless({index: self._make(adapted, index) for index in held}):
            return False
        expectation = self._expect()
        proposals = {
            index: self._make(adapted, index, expectation.log_odds(index))
            for index in _steps("masks again", self._not_drawn(), self._progress)
        }
        return self._adopt(proposals)

    def _harmless(self, alone: dict[int, Mask]) -> bool:
        """Does the copy by itself still find what the network by itself found in the held-back
        views, or what agrees better?"""
        gains = {i: self._judged.gain(i, new, self._plain[i]) for i, new in alone.items()}
        # What agrees clearly better may well be another thing.
        likeness = [
            1.0
            if gains[index] > self._config.clear_gain
            else mask_iou(self._plain[index].pixels, new.pixels)
            for index, new in alone.items()
        ]
        return (
            float(np.mean(likeness)) >= self._config.least_likeness
            and float(np.mean(list(gains.values()))) >= -self._config.damage
        )

    def _adopt(self, proposals: dict[int, Mask]) -> bool:
        """Take the proposals that the other views speak for; did any refused view get better?"""
        adopted, better = {}, False
        for index, proposed in proposals.items():
            joined, verdicts = self._joined[index], self._generator.config.verdict
            likeness = mask_iou(joined.pixels, proposed.pixels)
            verdict = of_two_networks(joined.verdict, proposed.verdict, likeness, verdicts)
            new = Mask(proposed.pixels, verdict)
            accepted = self._judged.masks[index].verdict.accepted
            gain = self._judged.gain(index, new)
            # Without a word for it from the other views, an accepted mask stays: a copy that was
            # taught with masks a little too large makes them larger.
            least_gain = self._config.clear_gain if accepted else -self._config.damage
            if gain < least_gain or self._judged.loses(index, new):
                continue
            adopted[index] = new
            better |= not accepted and (verdict.accepted or gain > self._config.damage)
        self._judged.replace(adopted, Way.ADAPTED)
        return better


def _steps(stage: str, indices: Sequence[int], progress: ProgressCallback | None) -> Iterator[int]:
    """The indices, with a word of progress after each."""
    for step, index in enumerate(indices, start=1):
        yield index
        if progress is not None:
            progress(Progress(stage, step, len(indices)))
