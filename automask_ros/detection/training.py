"""The training loop: composites in, a fine-tuned Mask R-CNN out."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.amp.grad_scaler import GradScaler
from torchvision.models.detection import MaskRCNN

from automask_ros.detection.batches import Batch, next_batch, pictures
from automask_ros.detection.classes import CLASS_AGNOSTIC, CLASSES
from automask_ros.detection.composites import CompositeConfig, CompositeDataset
from automask_ros.detection.folding import folded
from automask_ros.errors import AutomaskError
from automask_ros.types import Progress, ProgressCallback

LEARN = ("auto", "heads", "all")
RATE = 6e-4
# Parts that start from nothing, by a piece of their names.
_NEW = "box_predictor.appearance"
_PACE_OF_NEW = 3.0
_PICTURES = 2  # that are looked at for each of `iterations`, where class scores alone learn

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides what a training gives, beside the library itself."""

    base_model: str = "lite"  # 'lite', 'resnet50', or a path
    device: str = "auto"
    learn: str = "auto"  # heads: class scores on a frozen network; all; auto: heads for lite
    labels: tuple[str, ...] | None = None  # what to train; every label that has a view when None
    classes: str = "labels"  # object: one class for all, as a two-class network has it
    iterations: int = 0  # pairs of pictures looked at, steps where all learns; 0: by the objects
    seconds: float | None = None  # of training; ends it earlier, the schedule is shortened to fit
    image_size: int | None = None  # shorter side in pixels; the base model's own when None
    batch_size: int = 2  # images in a step, where all learns
    learning_rate: float | None = None  # at its highest; that of what learns when None
    weight_decay: float = 1e-4
    warm_up: float = 0.08  # share of the training
    train_backbone: bool = False  # the backbone proper; pyramid, proposals and heads always learn
    seed: int = 0
    backgrounds: str | None = None  # folder of pictures without a taught object, to paste onto
    holdout: float = 0.2  # share of each label's views, its latest, kept for measuring
    clutter: int = 24  # least composites of held-out views, for thresholds and to compare versions
    min_views: int = 6  # trainable views that each label needs
    min_ap50: float = 0.5  # on held-out views, for each new label; below it nothing is promoted
    tolerance: float = 0.02  # how far the AP of known labels may fall below the live version's
    composites: CompositeConfig = field(default_factory=CompositeConfig)

    def batches(self, objects: int) -> int:
        """`iterations`, or as many as so many objects need: each is learned from the composites
        that it is in, and a network of which all learns needs a start."""
        return self.iterations or min(40 + 40 * objects, 240)

    def pictures(self, objects: int) -> int:
        """How many composites are looked at where class scores alone learn."""
        return _PICTURES * self.batches(objects)

    def class_names(self, labels: Iterable[str]) -> set[str]:
        """What the model will call objects with these `labels`; AutomaskError for `classes` that
        there are not."""
        if self.classes not in CLASSES:
            raise AutomaskError(
                f"classes is {self.classes!r}; it must be one of {', '.join(CLASSES)}"
            )
        return set(labels) if self.classes == "labels" else {CLASS_AGNOSTIC}

    def learns_heads(self, architecture: str) -> bool:
        """Whether class scores learn on a frozen network, or all of it.

        AutomaskError for a `learn` that there is not, or that the architecture cannot.
        """
        if self.learn not in LEARN:
            raise AutomaskError(f"learn is {self.learn!r}; it must be one of {', '.join(LEARN)}")
        if self.learn == "heads" and architecture != "lite":
            raise AutomaskError(f"learn heads needs base_model lite, not {architecture}; use all")
        return self.learn == "heads" or (self.learn == "auto" and architecture == "lite")


@dataclass(frozen=True)
class TrainingLog:
    """What happened: the mean loss of each step, and at which batch size it ended."""

    losses: list[float]
    seconds: float
    batch_size: int


def train(
    model: MaskRCNN,
    dataset: CompositeDataset,
    config: TrainConfig,
    device: str,
    progress: ProgressCallback | None = None,
) -> TrainingLog:
    """Fine-tune `model` in place; it stays on `device`, in evaluation mode.

    In mixed precision where the device computes in it, and channels-last. When GPU memory runs
    out the batch is halved, said once each time; AutomaskError when not even one picture fits, or
    the loss diverges.
    """
    torch.manual_seed(config.seed)
    trainer = _Trainer(model, config, device)
    losses: list[float] = []
    batch_size = config.batch_size
    started = time.monotonic()
    steps = config.batches(dataset.objects)
    # On a GPU one thread makes fewer pictures than the network learns from.
    threads = 1 if device == "cpu" else torch.get_num_threads()
    with pictures(dataset, threads) as source, trainer.running():
        while (done := _share_done(config, steps, len(losses), started)) < 1:
            batch = next_batch(source, batch_size)
            trainer.set_learning_rate(_schedule(done, config.warm_up))
            loss = _loss_if_it_fits(trainer, batch)
            if loss is None:
                batch_size = _halved(batch_size)
                continue
            losses.append(loss)
            if progress is not None:
                elapsed = time.monotonic() - started
                share = _share_done(config, steps, len(losses), started)
                left = elapsed * (1 - min(share, 1.0)) / max(share, 1e-6)
                progress(Progress("train", len(losses), steps, losses[-1], left))
    model.eval()
    return TrainingLog(losses, time.monotonic() - started, batch_size)


def _loss_if_it_fits(trainer: _Trainer, batch: Batch) -> float | None:
    """The loss of a step; None when GPU memory ran out, and what the step held is free again."""
    try:
        return trainer.step(batch)
    except torch.cuda.OutOfMemoryError:
        return None


class _Trainer:
    """A network, its optimiser, and how one step of it goes on a device."""

    def __init__(self, model: MaskRCNN, config: TrainConfig, device: str) -> None:
        self._device = torch.device(device)
        self._model = model.to(self._device, memory_format=torch.channels_last).train()
        self._frozen_backbone = not config.train_backbone
        for parameter in model.backbone.body.parameters():
            parameter.requires_grad_(config.train_backbone)
        self._parameters = [p for p in model.parameters() if p.requires_grad]
        self._rate = RATE if config.learning_rate is None else config.learning_rate
        self._optimiser = torch.optim.AdamW(_groups(model, config.weight_decay), lr=self._rate)
        self._half = _half_precision(self._device)
        self._scaler = GradScaler(enabled=self._half == torch.float16)

    @contextmanager
    def running(self) -> Iterator[None]:
        """While this lasts a frozen backbone runs folded, which takes half the time."""
        plain = self._model.backbone.body
        if self._frozen_backbone:
            self._model.backbone.body = folded(plain)
        try:
            yield
        finally:
            self._model.backbone.body = plain

    def set_learning_rate(self, factor: float) -> None:
        for group in self._optimiser.param_groups:
            group["lr"] = self._rate * factor * group["pace"]

    def step(self, batch: Batch) -> float:
        """One step on a batch; its loss."""
        images = [image.to(self._device, non_blocking=True) for image in batch[0]]
        targets = [
            {name: value.to(self._device, non_blocking=True) for name, value in target.items()}
            for target in batch[1]
        ]
        with torch.autocast(self._device.type, self._half, enabled=self._half is not None):
            loss = torch.stack(list(self._model(images, targets).values())).sum()
        value = float(loss.detach())
        if not math.isfinite(value):
            raise AutomaskError("training diverged: its loss is not finite; lower learning_rate")
        self._optimiser.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()
        self._scaler.unscale_(self._optimiser)
        nn.utils.clip_grad_norm_(self._parameters, 5.0)
        self._scaler.step(self._optimiser)
        self._scaler.update()
        return value


def _half_precision(device: torch.device) -> torch.dtype | None:
    """The 16-bit type that the device multiplies in faster than in 32 bits; None without one."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    # Newer than the oldest torch that will do.
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    fast = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")
    return torch.bfloat16 if fast else None


def _groups(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Matrices are drawn towards zero, vectors (biases) are not; what is new learns faster."""
    learning = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    return [
        {
            "params": [
                p for name, p in learning if (p.ndim > 1) is matrix and (_NEW in name) is new
            ],
            "weight_decay": weight_decay if matrix else 0.0,
            "pace": _PACE_OF_NEW if new else 1.0,
        }
        for matrix in (True, False)
        for new in (True, False)
    ]


def _share_done(config: TrainConfig, steps: int, done: int, started: float) -> float:
    """How much of the training is behind, by steps or by time, whichever is further."""
    share = done / steps
    if config.seconds is not None:
        share = max(share, (time.monotonic() - started) / max(config.seconds, 1e-3))
    return share


def _schedule(done: float, warm_up: float) -> float:
    """Factor of the learning rate: a linear rise, then half a cosine down to zero."""
    if done < warm_up:
        return max(done / warm_up, 0.05)
    return 0.5 * (1 + math.cos(math.pi * (done - warm_up) / max(1 - warm_up, 1e-6)))


def _halved(batch_size: int) -> int:
    if batch_size == 1:
        raise AutomaskError(
            "GPU memory does not hold one picture; lower image_size, or use device cpu"
        )
    torch.cuda.empty_cache()
    _log.warning("GPU memory ran out: batch size %d -> %d", batch_size, batch_size // 2)
    return batch_size // 2
