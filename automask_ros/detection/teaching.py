"""From the library's accepted masks to a new, promoted version of the model."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torchvision.models.detection import MaskRCNN

from automask_ros.detection.base_models import (
    WEIGHTS_FILE,
    build,
    load_base_model,
    load_checkpoint,
    save_checkpoint,
)
from automask_ros.detection.composites import CompositeDataset
from automask_ros.detection.export import export_onnx
from automask_ros.detection.holdout import Split, split_library
from automask_ros.detection.measuring import Measurement, measure
from automask_ros.detection.prediction import ONNX_FILE, Predictor, pick_device
from automask_ros.detection.promotion import decide, measure_live
from automask_ros.detection.runtimes import OnnxRuntime, TorchRuntime
from automask_ros.detection.training import TrainConfig, TrainingLog, train
from automask_ros.library.files import write_json
from automask_ros.library.library import Library
from automask_ros.library.report import write_model_report
from automask_ros.library.sources import read_images
from automask_ros.types import Progress, ProgressCallback, View

METRICS_FILE = "metrics.json"
REPORT_FILE = "report.html"
_CLUTTER = 24  # composites of held-out views that thresholds are chosen on, beside the views
_CONTACT_SHEET = 16


@dataclass(frozen=True)
class TrainResult:
    """What became of a training: `reason` says why it was promoted or was not."""

    version: int
    promoted: bool
    reason: str
    seconds: dict[str, float]
    evaluation: dict[str, Any]


def train_version(
    library: Library, config: TrainConfig, progress: ProgressCallback | None = None
) -> TrainResult:
    """Train on every accepted mask of the library, measure, export, commit and maybe promote.

    What is not good enough to go live (see `promotion`) is kept and not promoted. AutomaskError
    when a label has too few accepted masks, or for a wrong setting.
    """
    clock = _Clock()
    report = progress or (lambda _: None)
    device = pick_device(config.device)
    split = split_library(library, config.labels, config.holdout, config.min_views)
    labels = library.models.class_ids({view.label for view in split.training})
    with clock.stage("composites"):
        report(Progress("composites", 0, 1))
        model, architecture = load_base_model(config.base_model, labels, config.image_size)
        image_size = int(model.transform.min_size[0])
        backgrounds = read_images(Path(config.backgrounds)) if config.backgrounds else []

        def composites(views: tuple[View, ...], seed: int) -> CompositeDataset:
            return CompositeDataset(
                library,
                views,
                labels,
                image_size=image_size,
                seed=seed,
                backgrounds=backgrounds,
                config=config.composites,
            )

        dataset = composites(split.training, config.seed)
        clutter = composites(split.held_out, config.seed + 1)
    with clock.stage("train"):
        log = train(model, dataset, config, device, report)
    with library.models.stage() as staged:
        save_checkpoint(
            model,
            staged / WEIGHTS_FILE,
            architecture=architecture,
            labels=labels,
            image_size=image_size,
        )
        with clock.stage("export"):
            report(Progress("export", 0, 1))
            stored = build(load_checkpoint(staged))
            export_onnx(stored, staged / ONNX_FILE, dataset[0].image)
        with clock.stage("evaluate"):
            predictor = _predictor(staged, stored, labels, device)
            found = measure(predictor, library, split.held_out, clutter, _CLUTTER, report)
            live = measure_live(library, split.held_out, device, report)
        decision = decide(
            found.evaluation, live, min_ap50=config.min_ap50, tolerance=config.tolerance
        )
        record = _record(config, architecture, labels, image_size, split, found, log, clock)
        sheet = [dataset[number].image for number in range(_CONTACT_SHEET)]
        _write_findings(library, staged, record, found, log, sheet)
        report(Progress("promote", 0, 1))
        version = library.models.commit(staged, record)
    if decision.promoted:
        library.models.promote(version, decision.reason)
    report(Progress("done", 1, 1))
    return TrainResult(
        version, decision.promoted, decision.reason, clock.seconds(), found.evaluation
    )


class _Clock:
    """Seconds of each stage."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._stages: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self._stages[name] = round(time.monotonic() - started, 3)

    def seconds(self) -> dict[str, float]:
        return {**self._stages, "total": round(time.monotonic() - self._started, 3)}


def _predictor(staged: Path, model: MaskRCNN, labels: dict[str, int], device: str) -> Predictor:
    """What will run later is what gets measured: the exported graph on a CPU, torch on a GPU."""
    runtime = (
        OnnxRuntime(staged / ONNX_FILE, device, torch.get_num_threads())
        if device == "cpu"
        else TorchRuntime(model, device)
    )
    return Predictor(runtime, labels, {}, int(model.transform.min_size[0]))


def _record(
    config: TrainConfig,
    architecture: str,
    labels: dict[str, int],
    image_size: int,
    split: Split,
    found: Measurement,
    log: TrainingLog,
    clock: _Clock,
) -> dict[str, Any]:
    """model.json: what the version knows, and how it came about."""
    views = {
        label: {
            "training": [view.id for view in split.training if view.label == label],
            "held_out": [view.id for view in split.held_out if view.label == label],
        }
        for label in labels
    }
    return {
        "architecture": architecture,
        "labels": labels,
        "base_model": config.base_model,
        "image_size": image_size,
        "thresholds": {label: round(score, 4) for label, score in found.thresholds.items()},
        "seed": config.seed,
        "created_at": time.time(),
        "config": asdict(config),
        "views": views,
        "iterations": len(log.losses),
        "batch_size": log.batch_size,
        "seconds": clock.seconds(),
        "software": {"torch": torch.__version__},
    }


def _write_findings(
    library: Library,
    staged: Path,
    record: dict[str, Any],
    found: Measurement,
    log: TrainingLog,
    sheet: list[Any],
) -> None:
    losses = [round(loss, 5) for loss in log.losses]
    write_json(staged / METRICS_FILE, {"evaluation": found.evaluation, "losses": losses})
    write_model_report(
        library,
        staged / REPORT_FILE,
        record=record,
        metrics=found.evaluation,
        losses=losses,
        composites=sheet,
        detections=found.examples,
    )
