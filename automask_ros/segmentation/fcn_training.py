"""Training of the lite FCN: loss, averaged weights, schedule, and a loop that a kill does not
lose."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from safetensors.torch import save as save_tensors
from torch import Tensor, nn
from torch.nn import functional

from automask_ros.library.files import write_bytes

Batches = Iterator[tuple[Any, Any]]


@dataclass(frozen=True)
class FcnTrainConfig:
    """How long, how fast and how carefully to train."""

    iterations: int = 2000
    learning_rate: float = 1e-3
    # The backbone knows photographs from ImageNet: it is moved less than what is new.
    backbone_share: float = 0.2
    weight_decay: float = 0.02
    warm_up: int = 100
    averaging: float = 0.998
    gradient_limit: float = 5.0
    boundary_weight: float = 2.0
    save_seconds: float = 180.0


@dataclass(frozen=True)
class FcnStep:
    """One step done: its number, loss, and the seconds since the loop began."""

    step: int
    loss: float
    seconds: float


def segmentation_loss(logits: Tensor, targets: Tensor, boundary_weight: float = 2.0) -> Tensor:
    """Cross-entropy with more weight near the boundary, and Dice per picture.

    `logits` and `targets` are (N, 1, H, W); targets hold 0 or 1. Gives a scalar.
    """
    near = functional.avg_pool2d(targets, 9, stride=1, padding=4)
    weights = 1 + boundary_weight * ((near > 0.02) & (near < 0.98)).float()
    entropy = functional.binary_cross_entropy_with_logits(logits, targets, weights)
    probability = logits.sigmoid().flatten(1)
    wanted = targets.flatten(1)
    overlap = 2 * (probability * wanted).sum(dim=1) + 1
    dice = 1 - overlap / (probability.sum(dim=1) + wanted.sum(dim=1) + 1)
    return entropy + dice.mean()


def rate_at(step: int, config: FcnTrainConfig) -> float:
    """The share of the learning rate at `step`: linear warm-up, then a cosine down to 1 %."""
    if step < config.warm_up:
        return (step + 1) / config.warm_up
    done = (step - config.warm_up) / max(1, config.iterations - config.warm_up)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def freeze_statistics(model: nn.Module) -> None:
    """Train mode, but the normalisation layers keep ImageNet's statistics: small batches would
    spoil them."""
    model.train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


class Trainer:
    """A model, its optimiser, and the moving average of its weights, which is what one keeps.

    `loss` makes a scalar of what a batch holds, (inputs, targets); parameters of `backbone`
    learn at their own rate, frozen ones not at all.
    """

    def __init__(
        self,
        model: nn.Module,
        backbone: nn.Module,
        config: FcnTrainConfig,
        loss: Callable[[Any, Any], Tensor],
    ) -> None:
        self.model, self.config, self._loss = model, config, loss
        self.step = 0
        own = {id(parameter) for parameter in backbone.parameters()}
        learnt = [p for p in model.parameters() if p.requires_grad]
        slow = [p for p in learnt if id(p) in own]
        fast = [p for p in learnt if id(p) not in own]
        rate = config.learning_rate
        groups = [
            {"params": slow, "lr": rate * config.backbone_share},
            {"params": fast, "lr": rate},
        ]
        self.optimiser = torch.optim.AdamW(groups, weight_decay=config.weight_decay)
        self._bases = [group["lr"] for group in self.optimiser.param_groups]
        self.average = {name: p.detach().clone() for name, p in model.named_parameters()}

    def train_step(self, inputs: Any, targets: Any) -> float:
        """One optimiser step on a batch; gives its loss."""
        for group, base in zip(self.optimiser.param_groups, self._bases, strict=True):
            group["lr"] = base * rate_at(self.step, self.config)
        loss = self._loss(inputs, targets)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.config.gradient_limit)
        self.optimiser.step()
        self.step += 1
        self._update_average()
        return float(loss.detach())

    @torch.no_grad()
    def _update_average(self) -> None:
        # A short memory at first: the average must not remember the random start.
        keep = min(self.config.averaging, self.step / (self.step + 10))
        for name, parameter in self.model.named_parameters():
            self.average[name].lerp_(parameter, 1 - keep)

    def run(
        self,
        batches: Batches,
        *,
        checkpoint: Path | None = None,
        on_step: Callable[[FcnStep], None] | None = None,
        on_save: Callable[[], None] | None = None,
    ) -> None:
        """Steps until `config.iterations`; saves to `checkpoint` now and then, and goes on from
        it."""
        if checkpoint is not None and checkpoint.exists():
            self.restore(checkpoint)
        freeze_statistics(self.model)
        begin = saved = time.monotonic()
        while self.step < self.config.iterations:
            loss = self.train_step(*next(batches))
            now = time.monotonic()
            if on_step is not None:
                on_step(FcnStep(self.step, loss, now - begin))
            finished = self.step == self.config.iterations
            if checkpoint is not None and (finished or now - saved > self.config.save_seconds):
                self.save(checkpoint)
                if on_save is not None:
                    on_save()
                saved = now

    def averaged_state(self) -> dict[str, Tensor]:
        """The model's state with the averaged weights in place of the current ones."""
        return {**self.model.state_dict(), **self.average}

    def save(self, path: Path) -> None:
        """Everything that `restore` needs, in one atomic step."""
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        tensors |= {f"average.{name}": tensor for name, tensor in self.average.items()}
        for number, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{number}.{key}": value for key, value in state.items()}
        contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
        write_bytes(path, save_tensors(contiguous, metadata={"step": str(self.step)}))

    def restore(self, path: Path) -> None:
        """Goes back to what `save` wrote."""
        tensors = load_file(path)
        self.model.load_state_dict(_below("model.", tensors))
        for name, tensor in _below("average.", tensors).items():
            self.average[name].copy_(tensor)
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _below("optimiser.", tensors).items():
            number, key = name.split(".", 1)
            state.setdefault(int(number), {})[key] = tensor
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": state, "param_groups": groups})
        self.step = int(next(iter(state.values()))["step"].item()) if state else 0


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
