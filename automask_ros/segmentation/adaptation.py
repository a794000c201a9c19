"""The FCN adapted to one object, from views whose masks are trusted and that nobody drew.

What the paper did by hand for an object outside its training classes (add pictures of it to the
training set), as self-training: a few dozen steps on the object's own confident masks.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from automask_ros.errors import AutomaskError
from automask_ros.segmentation.fcn_training import freeze_statistics
from automask_ros.segmentation.normalisation import normalise
from automask_ros.segmentation.taught_samples import SampleConfig, TaughtSamples, TaughtView
from automask_ros.types import Progress, ProgressCallback

__all__ = ["AdaptationConfig", "TaughtView", "adapt"]


@dataclass(frozen=True)
class AdaptationConfig:
    """How long and how fast to adapt."""

    iterations: int = 80
    """Steps at most."""
    seconds: float = 30.0
    """Steps end after this long at the latest."""
    batch_size: int = 4
    """Pictures a step."""
    learning_rate: float = 1e-3
    """Peak of a schedule that rises over the first tenth and falls to nothing."""
    weight_decay: float = 1e-4
    way: float = 0.7
    """How far the weights go from the old ones to the taught ones: between them lies what knows
    the object and has not forgotten the others (Wortsman et al., "Robust fine-tuning of zero-shot
    models", CVPR 2022)."""
    seed: int = 0
    samples: SampleConfig = field(default_factory=SampleConfig)


def adapt(
    network: Any,
    views: Sequence[TaughtView],
    config: AdaptationConfig | None = None,
    progress: ProgressCallback | None = None,
) -> Any:
    """A fine-tuned copy of `network` that knows the object of `views`; `network` stays as it is.

    `network` has `mean`, `std` and `object_logits(images)`. Its `backbone` is kept: it knows
    pictures at large, and only what is made of its features is learnt anew. Runs where the
    network is. Raises AutomaskError when no view shows an object that is trusted.
    """
    config = config or AdaptationConfig()
    if not any(view.trust > 0 and view.mask.any() for view in views):
        raise AutomaskError("there is no accepted mask to adapt to: show the object again")
    adapted = copy.deepcopy(network).requires_grad_(True)
    adapted.backbone.requires_grad_(False)
    freeze_statistics(adapted)
    learnt = [parameter for parameter in adapted.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(learnt, lr=config.learning_rate, weight_decay=config.weight_decay)
    samples = TaughtSamples(views, config.samples, np.random.default_rng(config.seed))
    begin, done = time.monotonic(), 0.0
    with torch.random.fork_rng(devices=_cuda_devices(learnt[0])):
        torch.manual_seed(config.seed)
        for step in range(1, config.iterations + 1):
            for group in optimiser.param_groups:
                group["lr"] = config.learning_rate * _rate_at(done)
            loss = _loss(adapted, *_batch(samples, config.batch_size, adapted, learnt[0].device))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            spent = (time.monotonic() - begin) / config.seconds
            done = max(step / config.iterations, spent)
            if progress is not None:
                progress(Progress("adapt", step, config.iterations, float(loss.detach())))
            if spent >= 1.0:
                break
    adapted.requires_grad_(False).eval()
    for new, old in zip(adapted.parameters(), network.parameters(), strict=True):
        new.lerp_(old, 1.0 - config.way)
    return adapted


def _rate_at(done: float) -> float:
    """The share of the learning rate when that share of the steps is done."""
    return min(1.0, 0.1 + 9 * done) * (1.0 - min(1.0, done))


def _batch(
    samples: TaughtSamples, size: int, network: Any, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalised images (N, 3, S, S), targets (N, 1, S, S) of 0 or 1, and trusts (N,)."""
    images, targets, trusts = zip(*(samples.draw() for _ in range(size)), strict=True)
    return (
        torch.cat([normalise(image, network) for image in images]).to(device),
        torch.from_numpy(np.stack(targets)[:, None]).to(device),
        torch.tensor(trusts, dtype=torch.float32, device=device),
    )


def _loss(network: Any, images: Tensor, targets: Tensor, trusts: Tensor) -> Tensor:
    """Cross-entropy and Dice per picture, each weighted by how far its mask is trusted."""
    logits = network.object_logits(images)
    entropy = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    probability, wanted = logits.sigmoid().flatten(1), targets.flatten(1)
    overlap = 2 * (probability * wanted).sum(dim=1) + 1
    dice = 1 - overlap / (probability.sum(dim=1) + wanted.sum(dim=1) + 1)
    each = entropy.flatten(1).mean(dim=1) + dice
    return (trusts * each).sum() / trusts.sum()


def _cuda_devices(parameter: Tensor) -> list[int]:
    return [parameter.device.index or 0] if parameter.device.type == "cuda" else []
