"""The two ways in which a model learns what the library holds, each measured on views held out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from torch import Tensor
from torchvision.models.detection import MaskRCNN

from automask_ros.detection.composites import CompositeDataset
from automask_ros.detection.head_training import HeadLesson
from automask_ros.detection.holdout import Split
from automask_ros.detection.measuring import Measurement, measure
from automask_ros.detection.prediction import Predictor
from automask_ros.detection.stage_clock import StageClock
from automask_ros.detection.time_left import Part, parts_of_all, parts_of_heads
from automask_ros.detection.training import TrainConfig, TrainingLog, train
from automask_ros.library.library import Library
from automask_ros.library.sources import read_images
from automask_ros.types import ProgressCallback

# Of the pictures that are looked at, those that the held-out views are among: so many that these
# are learned as well as others, and yet enough without them for what is measured to tell.
_COMPLETION = 0.45
_LABELS_OF_CLUTTER = 6  # that the least number of composites can tell about


@dataclass(frozen=True)
class Subject:
    """What is to be learned, and by which network: `model` learns in place, on `device`."""

    library: Library
    split: Split
    labels: dict[str, int]
    model: MaskRCNN
    device: str
    config: TrainConfig
    live_image_size: int = 0
    """Shorter side at which the live model looks; 0 without one."""

    @property
    def image_size(self) -> int:
        return int(self.model.transform.min_size[0])

    @property
    def clutter_size(self) -> int:
        """Shorter side of what measures both models: neither is to see less than it could."""
        return max(self.image_size, self.live_image_size)

    @property
    def clutter(self) -> int:
        """How many composites of held-out views measure: more where more labels share them."""
        return self.config.clutter * math.ceil(len(self.labels) / _LABELS_OF_CLUTTER)


@dataclass(frozen=True)
class Learned:
    """How learning went, what was measured, and the pictures that it went by.

    `looked_at` are the numbers of those of `dataset`. `clutter` are composites of held-out views;
    `measured` are the tensors in which the model that was measured on them differs from the one
    that learned them too.
    """

    log: TrainingLog
    found: Measurement
    dataset: CompositeDataset
    looked_at: range
    clutter: CompositeDataset
    measured: dict[str, Tensor] = field(default_factory=dict)


def learn_heads(subject: Subject, clock: StageClock, progress: ProgressCallback) -> Learned:
    """Class scores learn on the frozen network; measured; then they learn the held-out views too.

    An object's last views are often those of its underside: a model that never saw them is worse
    than the one that was measured need be. Its thresholds are those of the measured one.
    """
    config, split = subject.config, subject.split
    with clock.stage("composites"):
        composites = _composites(subject)
        dataset = composites(split.training, image_size=subject.image_size, seed=config.seed)
        clutter = composites(split.held_out, image_size=subject.clutter_size, seed=config.seed + 1)
    lesson = HeadLesson(subject.model, subject.device, config.seed)
    with clock.stage("train"):
        count = config.pictures(dataset.objects)
        first = count - int(_COMPLETION * count)
        seconds = None if config.seconds is None else (1 - _COMPLETION) * config.seconds
        lesson.look(dataset, first, progress, seconds)
        lesson.fit(config.learning_rate, progress)
    with clock.stage("evaluate"):
        found = _measure(subject, clutter, progress)
        measured = lesson.scores()
    with clock.stage("train"):
        everything = composites(
            split.everything, image_size=subject.image_size, seed=config.seed + 2
        )
        # As many as are left, or the same share of them where the time was up before.
        seen = lesson.pictures
        lesson.look(everything, max(round((count - first) * seen / first), 1), progress)
        losses = lesson.fit(config.learning_rate, progress)
    log = TrainingLog(losses, clock.seconds()["train"], config.batch_size)
    looked_at = range(seen, lesson.pictures)
    return Learned(log, found, everything, looked_at, clutter, measured)


def learn_all(subject: Subject, clock: StageClock, progress: ProgressCallback) -> Learned:
    """Every layer learns that the configuration does not freeze, from the views not held out."""
    config, split = subject.config, subject.split
    with clock.stage("composites"):
        composites = _composites(subject)
        dataset = composites(split.training, image_size=subject.image_size, seed=config.seed)
        clutter = composites(split.held_out, image_size=subject.clutter_size, seed=config.seed + 1)
    with clock.stage("train"):
        log = train(subject.model, dataset, config, subject.device, progress)
    with clock.stage("evaluate"):
        found = _measure(subject, clutter, progress)
    looked_at = range(len(log.losses) * log.batch_size)
    return Learned(log, found, dataset, looked_at, clutter)


def parts_of(subject: Subject, heads: bool) -> list[Part]:
    """What learning, measuring and storing `subject` is made of; `heads`: by `learn_heads`."""
    config, held_out = subject.config, len(subject.split.held_out)
    objects = len({view.label for view in subject.split.training})
    measured = held_out + subject.clutter
    compared = held_out + (subject.clutter if subject.live_image_size else 0)
    if not heads:
        return parts_of_all(config.batches(objects), measured, compared)
    count = config.pictures(objects)
    return parts_of_heads(count, int(_COMPLETION * count), measured, compared)


def _composites(subject: Subject) -> Callable[..., CompositeDataset]:
    """CompositeDataset of the subject's objects, on the user's backgrounds where there are some."""
    folder = subject.config.backgrounds
    return partial(
        CompositeDataset,
        subject.library,
        labels=subject.labels,
        backgrounds=read_images(Path(folder)) if folder else (),
        config=subject.config.composites,
    )


def _measure(
    subject: Subject, clutter: CompositeDataset, progress: ProgressCallback
) -> Measurement:
    views, count = subject.split.held_out, subject.clutter
    example, pictures = clutter[0].image, len(views) + count
    predictor = Predictor.for_many(subject.model, subject.labels, subject.device, example, pictures)
    return measure(predictor, subject.library, views, clutter, count, progress)
