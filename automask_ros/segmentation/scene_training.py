"""FCN-32s, then FCN-16s from it, then FCN-8s: a training that a kill does not lose.

In the folder of a training lie `checkpoint.safetensors` (where it goes on), for each stage that is
done its network and figures (`fcn32s.safetensors`, `fcn32s.json`), and `tensorboard/`.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from automask_ros.errors import AutomaskError
from automask_ros.library.files import make_directory, read_json, write_json
from automask_ros.segmentation.curves import Curves
from automask_ros.segmentation.fcn import save_fcn
from automask_ros.segmentation.interruption import Interruption
from automask_ros.segmentation.processes import Processes, available_cores, enough_memory
from automask_ros.segmentation.scene_config import SceneTrainConfig
from automask_ros.segmentation.scene_evaluation import HEADLINES, measure_scenes, scene_figures
from automask_ros.segmentation.scene_samples import CropConfig, Positions, SampleRow, Scenes
from automask_ros.segmentation.scene_step import StageCheckpoint, StageTrainer, chosen_algorithms
from automask_ros.segmentation.vgg_fcn import STAGES, VggFCN, refined
from automask_ros.types import Progress, ProgressCallback

CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True)
class SceneData:
    """What is learnt, and on what it is measured; `names` are the classes of the latter."""

    training: Sequence[Scenes]
    validation: Scenes
    names: Sequence[str]


@dataclass(frozen=True)
class SceneTrainResult:
    """How a training ended: `finished`, or stopped at `stage` and `step` and kept; `stages` are
    the figures of those that are done, by "32s", "16s" and "8s"."""

    finished: bool
    stage: int
    step: int
    stages: dict[str, dict[str, Any]]


def train_scenes(
    begin: Callable[[], VggFCN],
    data: SceneData,
    config: SceneTrainConfig,
    out: Path,
    processes: Processes,
    progress: ProgressCallback | None = None,
) -> SceneTrainResult:
    """Trains stage after stage in the folder `out`, and goes on there where a training stopped.

    `begin` makes the network to start from (only where nothing can be gone on from): one of the
    first stage, or a coarser one. Every process calls this; the first one writes. SIGINT and
    SIGTERM end it after the step that is under way, with a checkpoint. AutomaskError when `out`
    holds a training with other settings, or the batch cannot be shared among the processes.
    """
    if config.batch_size % processes.count:
        raise AutomaskError(
            f"--batch-size {config.batch_size} cannot be shared among {processes.count} processes"
        )
    make_directory(out)
    run = _Run(data, config, out, processes, progress)
    with chosen_algorithms(config.deterministic), enough_memory(), Interruption() as interruption:
        return run.through(begin, interruption)


class _Run:
    """One run of a training, from a checkpoint or from the beginning."""

    def __init__(
        self,
        data: SceneData,
        config: SceneTrainConfig,
        out: Path,
        processes: Processes,
        progress: ProgressCallback | None,
    ) -> None:
        self._data, self._config, self._out = data, config, out
        self._processes, self._progress = processes, progress
        self._row = SampleRow(data.training, CropConfig(config.size), config.seed)
        self._steps = config.steps(self._row.epoch)
        self._settings = {**config.settings(), "scenes": [len(s) for s in data.training]}

    def through(self, begin: Callable[[], VggFCN], interruption: Interruption) -> SceneTrainResult:
        """All stages that are left."""
        trainer = self._resumed()
        network = begin() if trainer is None else trainer.network
        for stage in self._config.stages:
            if stage > network.stage:
                continue  # done before
            if trainer is None:
                network = network if network.stage == stage else refined(network, stage)
                trainer = self._trainer(network)
            if not self._train(trainer, interruption):
                return SceneTrainResult(False, stage, trainer.step, self._figures())
            network, trainer = trainer.network, None
        return SceneTrainResult(True, network.stage, self._steps, self._figures())

    def _trainer(self, network: VggFCN) -> StageTrainer:
        first = network.stage == self._config.stages[0]
        rate = self._config.learning_rate * (1.0 if first else self._config.finer_rate)
        return StageTrainer(network, self._config, self._processes, self._steps, rate)

    def _resumed(self) -> StageTrainer | None:
        path = self._out / CHECKPOINT
        if not path.is_file():
            return None
        checkpoint = StageCheckpoint(path)
        kept = checkpoint.header["settings"]
        for name, value in self._settings.items():
            if kept.get(name) != value:
                raise AutomaskError(
                    f"{self._out} holds a training with {name} {kept.get(name)}, not {value}: give "
                    "the same settings to go on, or another folder"
                )
        trainer = self._trainer(checkpoint.network())
        trainer.restore(checkpoint)
        return trainer

    def _train(self, trainer: StageTrainer, interruption: Interruption) -> bool:
        """The rest of a stage; False when it was stopped. Then, or at its end, it is saved."""
        if trainer.step == trainer.steps and all(path.is_file() for path in self._files(trainer)):
            return True
        first, began, earlier = trainer.step, time.monotonic(), trainer.seconds
        saved = began
        with self._curves(trainer) as curves:
            for images, classes in self._batches(trainer):
                rate = trainer.rate
                loss, stopped = trainer.train_step(images, classes, interruption.asked)
                now = time.monotonic()
                pace = (now - began) / (trainer.step - first)
                trainer.seconds = earlier + now - began
                self._tell(trainer, loss, pace)
                shown = {"loss": loss, "learning_rate": rate, "seconds_per_step": pace}
                curves.add(
                    _axis(trainer), {f"train/{name}": value for name, value in shown.items()}
                )
                if stopped or now - saved > self._config.save_seconds:
                    self._save(trainer)
                    saved = now
                if trainer.step == trainer.steps:
                    break
                if stopped:
                    return False
                if self._config.evaluate_every and trainer.step % self._config.evaluate_every == 0:
                    self._measure(trainer, curves)
            self._finish(trainer, curves)
        return True

    def _curves(self, trainer: StageTrainer) -> Curves:
        folder = self._out / "tensorboard" if self._first else None
        return Curves(folder, _axis(trainer))

    def _files(self, trainer: StageTrainer) -> tuple[Path, Path]:
        """Where the network of a stage and its figures belong."""
        name = f"fcn{trainer.network.stage}s"
        return self._out / f"{name}.safetensors", self._out / f"{name}.json"

    @property
    def _first(self) -> bool:
        return self._processes.first

    def _batches(self, trainer: StageTrainer) -> Iterator[tuple[Tensor, Tensor]]:
        """This process's share of each batch that is left."""
        steps, processes = range(trainer.step, trainer.steps), self._processes
        positions = Positions(steps, self._config.batch_size, processes.rank, processes.count)
        workers = self._config.workers
        if workers is None:
            workers = min(4, max(1, available_cores() // processes.count))
        loader = DataLoader(
            self._row,
            batch_size=self._config.batch_size // processes.count,
            sampler=positions,
            num_workers=workers,
            worker_init_fn=_prepare_worker if workers else None,
            pin_memory=processes.device.type == "cuda",
            # Its own, so that a loader's start leaves the one of training as it is.
            generator=torch.Generator(),
        )
        try:
            yield from loader
        except AutomaskError as error:
            # A worker's error comes with its whole traceback; its last line is the error's own.
            raise AutomaskError(str(error).strip().splitlines()[-1].split("Error: ")[-1]) from error

    def _tell(self, trainer: StageTrainer, loss: float, pace: float) -> None:
        if self._first and self._progress is not None:
            left = pace * (trainer.steps - trainer.step)
            stage = f"train FCN-{trainer.network.stage}s"
            self._progress(Progress(stage, trainer.step, trainer.steps, loss, left))

    def _save(self, trainer: StageTrainer) -> None:
        if self._first:
            trainer.save(self._out / CHECKPOINT, {"settings": self._settings})

    def _measure(self, trainer: StageTrainer, curves: Curves) -> dict[str, Any]:
        """Figures over the validation scenes, which the processes share."""
        scenes, processes = self._data.validation, self._processes
        own = range(processes.rank, len(scenes), processes.count)

        def tell(done: int) -> None:
            if self._first and self._progress is not None:
                self._progress(Progress("evaluate", done, len(own)))

        matrix = measure_scenes(trainer.network, scenes, own, tell)
        total = processes.total(torch.from_numpy(matrix).to(processes.device))
        figures = scene_figures(total.cpu().numpy(), self._data.names)
        values = {f"validation/{name}": figures[name] or 0.0 for name in HEADLINES}
        curves.add(_axis(trainer), values)
        return figures

    def _finish(self, trainer: StageTrainer, curves: Curves) -> None:
        """The stage's network and figures, then the checkpoint that says that it is done."""
        figures = self._measure(trainer, curves)
        if self._first:
            weights, summary = self._files(trainer)
            save_fcn(trainer.network, weights, {"seed": str(self._config.seed)})
            done = {"iterations": trainer.steps, "seconds": trainer.seconds}
            write_json(summary, {**done, "validation": figures})
            self._save(trainer)

    def _figures(self) -> dict[str, dict[str, Any]]:
        paths = {f"{stage}s": self._out / f"fcn{stage}s.json" for stage in self._config.stages}
        return {name: read_json(path, links=True) for name, path in paths.items() if path.is_file()}


def _axis(trainer: StageTrainer) -> int:
    """Where a step lies on the axis of the curves, on which the stages follow one another."""
    return STAGES.index(trainer.network.stage) * trainer.steps + trainer.step


def _prepare_worker(number: int) -> None:  # noqa: ARG001
    # Ctrl-C is the trainer's business: it ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # and not what it has noted for itself
    cv2.setNumThreads(0)
