"""Teaching in seconds: a frozen network looks at each picture once, then class scores alone learn.

The start weights know where things are and how far they reach; what a taught object looks like is
all that is new. Training more of the network for as long was measured to find no object better
(docs/benchmarks.md), and took ten times the time.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.models.detection import MaskRCNN

from automask_ros.detection.appearance import BoxPredictor
from automask_ros.detection.batches import made_ahead
from automask_ros.detection.composites import Composite, CompositeDataset
from automask_ros.detection.graph import DetectionGraph
from automask_ros.detection.regions import Eye, OnnxEye, Regions, TorchEye, look
from automask_ros.errors import AutomaskError
from automask_ros.types import Progress, ProgressCallback

RATE = 2e-3
_BATCH = 256  # regions in a step
_EPOCHS = 8
_DECAY = 1e-3
_SMOOTHING = 0.1
_REPORT = 10  # steps between two words about progress
_LEARNING = ("cls_score.", "appearance.")  # of the box predictor
_MOST_AT_ONCE = 8  # pictures; each takes some 300 MB
_FIT_SHARE = 0.15  # of a time budget, for the steps after looking


class HeadLesson:
    """Pictures that a network has looked at, and class scores that learn from them.

    What was looked at once serves every fit; each fit starts from the same scores.
    """

    def __init__(self, model: MaskRCNN, device: str, seed: int) -> None:
        """`model` is of the lite architecture. It stays where it is; each fit ends by writing what
        its class scores learned on `device` into it."""
        self._device = torch.device(device)
        self._taught: BoxPredictor = model.roi_heads.box_predictor
        self._predictor = copy.deepcopy(self._taught).to(self._device)
        self._graph = DetectionGraph(model).to(self._device).eval()
        self._graph.backbone.to(memory_format=torch.channels_last)  # a fifth less time
        self._eye: Eye | None = None
        self._start = copy.deepcopy(self._predictor.state_dict())
        self._seed = seed
        self._regions: list[Regions] = []

    @property
    def pictures(self) -> int:
        """How many pictures were looked at."""
        return len(self._regions)

    def scores(self) -> dict[str, Tensor]:
        """A copy of what learns: the tensors of the class scores, by their names in the model."""
        return {
            f"roi_heads.box_predictor.{name}": tensor.detach().cpu().clone()
            for name, tensor in self._predictor.state_dict().items()
            if name.startswith(_LEARNING)
        }

    def look(
        self,
        dataset: CompositeDataset,
        count: int,
        progress: ProgressCallback,
        seconds: float | None = None,
    ) -> None:
        """Look at `count` more composites, fewer when `seconds` end before; one at least."""
        started = time.monotonic()
        budget = math.inf if seconds is None else seconds * (1 - _FIT_SHARE)
        first = self.pictures
        with self._looked_at(dataset, range(first, first + count)) as looked_at:
            for number, regions in enumerate(looked_at, 1):
                self._regions.append(regions)
                elapsed = time.monotonic() - started
                left = min(elapsed * (count / number - 1), max(budget - elapsed, 0.0))
                progress(Progress("look", number, count, seconds_left=left))
                if elapsed >= budget:
                    break

    @contextmanager
    def _looked_at(self, dataset: CompositeDataset, numbers: range) -> Iterator[Iterator[Regions]]:
        """What is seen of each composite; on a CPU as many at once as torch has threads."""
        on_cpu = self._device.type == "cpu"
        if self._eye is None:
            graph = self._graph
            self._eye = OnnxEye(graph, dataset[0].image) if on_cpu else TorchEye(graph)
        eye = self._eye

        def seen(number: int, composite: Composite) -> Regions:
            regions = look(eye, composite, self._seed * 1_000_003 + number)
            return Regions(regions.features.half(), regions.class_ids)

        threads = min(torch.get_num_threads(), _MOST_AT_ONCE)
        if on_cpu:
            with made_ahead(lambda n: seen(n, dataset[n]), numbers, threads) as regions:
                yield regions
        else:
            with made_ahead(dataset.__getitem__, numbers, threads) as composites:
                yield map(seen, numbers, composites)

    def fit(self, learning_rate: float | None, progress: ProgressCallback) -> list[float]:
        """Teach the class scores all that was looked at; the loss of each step.

        `learning_rate` is the highest, RATE when None.

        AutomaskError when it is not finite.
        """
        rate = RATE if learning_rate is None else learning_rate
        self._predictor.load_state_dict(self._start)
        # One copy of all, in place of one for each batch of each epoch.
        regions = Regions.joined(self._regions).to(self._device)
        learning = [
            parameter
            for name, parameter in self._predictor.named_parameters()
            if name.startswith(_LEARNING)
        ]
        optimiser = torch.optim.AdamW(learning, lr=rate, weight_decay=_DECAY)
        batches = max(len(regions) // _BATCH, 1)
        steps = _EPOCHS * batches
        losses: list[float] = []
        started = time.monotonic()
        torch.manual_seed(self._seed)
        self._predictor.train()
        for rows in _epochs(len(regions), batches, self._seed):
            done = len(losses) / steps
            for group in optimiser.param_groups:
                group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * done))
            rows = rows.to(regions.class_ids.device)
            loss = _loss(self._predictor, regions.features[rows].float(), regions.class_ids[rows])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
            if not math.isfinite(losses[-1]):
                raise AutomaskError(
                    "training diverged: its loss is not finite; lower learning_rate"
                )
            if len(losses) % _REPORT == 0 or len(losses) == steps:
                left = (time.monotonic() - started) * (steps / len(losses) - 1)
                progress(Progress("train", len(losses), steps, losses[-1], left))
        self._predictor.eval()
        self._taught.load_state_dict(self._predictor.state_dict())
        return losses


def _epochs(count: int, batches: int, seed: int) -> Iterator[Tensor]:
    """Row numbers of each batch, every row once an epoch, in an order drawn by lot."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(_EPOCHS):
        yield from torch.randperm(count, generator=generator).chunk(batches)


def _loss(predictor: BoxPredictor, features: Tensor, class_ids: Tensor) -> Tensor:
    return functional.cross_entropy(
        predictor.class_scores(features), class_ids, label_smoothing=_SMOOTHING
    )
