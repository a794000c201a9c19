"""One stage of training: a network, its optimiser, and how one step of it goes."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler

from automask_ros.errors import AutomaskError
from automask_ros.library.files import one_line, write_bytes
from automask_ros.segmentation.processes import Processes
from automask_ros.segmentation.scene_config import SceneTrainConfig
from automask_ros.segmentation.scene_loss import scene_loss
from automask_ros.segmentation.vgg_fcn import VggFCN


class StageTrainer:
    """Trains `network` for `steps` steps at most; all its layers learn.

    What happens by chance in a step (dropout) follows from the seed, the stage, the step and the
    process alone, so no generator's state has to be kept.
    """

    def __init__(
        self,
        network: VggFCN,
        config: SceneTrainConfig,
        processes: Processes,
        steps: int,
        rate: float,
    ) -> None:
        self._processes, self._config, self._rate = processes, config, rate
        self.network = network.to(processes.device).train()
        self.network.backbone.dropout.p = config.dropout
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.steps, self.step = steps, 0
        self.seconds = 0.0  # spent on the steps so far
        self._wrapped = processes.wrap(self.network)
        self._optimiser = torch.optim.SGD(
            _groups(self.network, config), lr=rate, momentum=config.momentum
        )
        # Only float16 has gradients that vanish unless they are scaled.
        self._scaler = GradScaler(processes.device.type, enabled=processes.half == torch.float16)

    @property
    def rate(self) -> float:
        """The learning rate of the next step, for a layer of pace 1."""
        share = min(1.0, self.step / self.steps)
        return self._rate * (1 - share) ** self._config.power

    def train_step(self, images: Tensor, classes: Tensor, stop: bool) -> tuple[float, bool]:
        """One optimiser step on this process's share of a batch.

        Gives the mean loss over all labelled pixels of the whole batch, and whether any process
        was asked to `stop`. Raises AutomaskError when the loss is not finite.
        """
        device = self._processes.device
        images = images.to(device, non_blocking=True, memory_format=torch.channels_last)
        classes = classes.to(device, non_blocking=True)
        chance = (self._config.seed, self.network.stage, self.step, self._processes.rank)
        torch.manual_seed(int(np.random.SeedSequence(chance).generate_state(1)[0]))
        for group in self._optimiser.param_groups:
            group["lr"] = self.rate * group["pace"]
        half = self._processes.half
        with torch.autocast(device.type, half, enabled=half is not None):
            scores = self._wrapped(images)
        loss, labelled = scene_loss(scores, classes)
        mine = torch.stack([loss.detach(), labelled, torch.tensor(stop, device=device)]).double()
        total, pixels, stops = self._processes.total(mine).tolist()
        if not math.isfinite(total):
            raise AutomaskError("training diverged: its loss is not finite; lower --learning-rate")
        # A mean over the pixels of all processes, whose gradients are about to be averaged.
        self._update(loss * self._processes.count / max(1.0, pixels))
        self.step += 1
        return total / max(1.0, pixels), stops > 0

    def _update(self, loss: Tensor) -> None:
        self._optimiser.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()
        self._scaler.unscale_(self._optimiser)
        nn.utils.clip_grad_norm_(self.network.parameters(), self._config.gradient_limit)
        self._scaler.step(self._optimiser)
        self._scaler.update()

    def save(self, path: Path, header: dict[str, Any]) -> None:
        """Everything that `restore` needs and `header`, plain data, in one atomic step."""
        tensors = {f"network.{name}": t for name, t in self.network.state_dict().items()}
        for name, parameter in self.network.named_parameters():
            velocity = self._optimiser.state[parameter].get("momentum_buffer")
            if velocity is not None:
                tensors[f"momentum.{name}"] = velocity
        own = {
            "network": self.network.header(),
            "step": self.step,
            "seconds": self.seconds,
            "scaler": self._scaler.state_dict(),
        }
        plain = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
        write_bytes(path, save_tensors(plain, {"training": json.dumps({**header, **own})}))

    def restore(self, checkpoint: StageCheckpoint) -> None:
        """Goes back to what `save` wrote, bit for bit."""
        self.network.load_state_dict(checkpoint.below("network."))
        velocities = checkpoint.below("momentum.")
        for name, parameter in self.network.named_parameters():
            if name in velocities:
                velocity = velocities[name].to(parameter.device)
                laid_out = torch.empty_like(parameter).copy_(velocity)
                self._optimiser.state[parameter]["momentum_buffer"] = laid_out
        self._scaler.load_state_dict(checkpoint.header["scaler"])
        self.step, self.seconds = checkpoint.header["step"], checkpoint.header["seconds"]


class StageCheckpoint:
    """What `StageTrainer.save` wrote: `header` and tensors."""

    def __init__(self, path: Path) -> None:
        """AutomaskError when the file is none."""
        if not path.is_file():
            raise AutomaskError(f"{path} is no checkpoint of a training: remove it and begin anew")
        try:
            with safe_open(path, framework="pt") as file:
                self.header = json.loads(file.metadata()["training"])
                self._tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise AutomaskError(
                f"{path} is no checkpoint of a training ({one_line(error)}): remove it and "
                "begin anew"
            ) from error

    def network(self) -> VggFCN:
        """A network as the checkpoint has it, without its weights."""
        return VggFCN.from_header(self.header["network"])

    def below(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose names begin with `prefix`, without it."""
        found = self._tensors.items()
        return {name.removeprefix(prefix): t for name, t in found if name.startswith(prefix)}


@contextmanager
def chosen_algorithms(deterministic: bool) -> Iterator[None]:
    """While this lasts torch computes in the same way each time, or else in the fastest.

    Two layers have no such way on a GPU by torch's own account, pooling and gathering. They have
    where no two gradients meet in one place, as here; so that is no error, and not worth a word.
    """
    before = torch.are_deterministic_algorithms_enabled()
    warned = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(deterministic, warn_only=True)
    cudnn = torch.backends.cudnn.flags(benchmark=not deterministic, deterministic=deterministic)
    try:
        with cudnn, warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", ".*(deterministic implementation|Deterministic beh).*"
            )
            yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warned)


def _groups(network: VggFCN, config: SceneTrainConfig) -> list[dict[str, Any]]:
    """Parameters by how fast they learn, and whether they are drawn towards zero: biases are not,
    and neither are upsamplings, whose kernels would fade."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        bias = name.endswith("bias")
        pace = config.bias_pace if bias else 1.0
        if name.startswith("scores."):
            pace *= config.score_pace
        kept = bias or name.startswith("upsamplings.")
        groups.setdefault((pace, 0.0 if kept else config.weight_decay), []).append(parameter)
    return [
        {"params": parameters, "pace": pace, "weight_decay": decay}
        for (pace, decay), parameters in groups.items()
    ]
