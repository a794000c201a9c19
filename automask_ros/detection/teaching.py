"""From the library's accepted masks to a new, promoted version of the model."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
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
    save_measured,
)
from automask_ros.detection.classes import CLASS_AGNOSTIC
from automask_ros.detection.export import export_onnx
from automask_ros.detection.holdout import Split, split_library
from automask_ros.detection.lessons import Learned, Subject, learn_all, learn_heads, parts_of
from automask_ros.detection.measuring import measure_views
from automask_ros.detection.prediction import ONNX_FILE, Predictor
from automask_ros.detection.promotion import (
    Decision,
    decide,
    known_labels,
    live_image_size,
    measure_live,
)
from automask_ros.detection.provenance import provenance
from automask_ros.detection.runtimes import OnnxRuntime, TorchRuntime
from automask_ros.detection.stage_clock import StageClock
from automask_ros.detection.time_left import TimeLeft
from automask_ros.detection.training import TrainConfig
from automask_ros.devices import pick_device
from automask_ros.errors import AutomaskError, StorageError
from automask_ros.library.files import check_room, write_json
from automask_ros.library.library import Library
from automask_ros.library.linked_copy import linked_copy
from automask_ros.library.report import write_model_report, write_plots
from automask_ros.memory import clear_memory_errors
from automask_ros.types import Progress, ProgressCallback

_LOGGER = logging.getLogger(__name__)

METRICS_FILE = "metrics.json"
REPORT_FILE = "report.html"
PLOTS_FOLDER = "plots"
_CONTACT_SHEET = 16
_FINDINGS_BYTES = 16_000_000  # report, plots, copies of masks


@dataclass(frozen=True)
class TrainResult:
    """What became of a training: `reason` says why it was promoted or was not."""

    version: int
    promoted: bool
    reason: str
    seconds: dict[str, float]
    evaluation: dict[str, Any]


def train_version(
    library: Library,
    config: TrainConfig,
    progress: ProgressCallback | None = None,
    split: Split | None = None,
) -> TrainResult:
    """Train on every accepted mask of the library, measure, export, commit and maybe promote.

    Views and masks count as they are when this begins, whatever becomes of them meanwhile. A
    `split` given takes the place of the library's present one (`provenance.recorded`).
    What is not good enough to go live (see `promotion`) is kept and not promoted. AutomaskError
    when a label has too few accepted masks, for a wrong setting, or when memory runs out.
    """
    _check(library, config)
    device = pick_device(config.device)
    with library.models.stage() as scratch, clear_memory_errors():
        taught = linked_copy(library, scratch / "library")
        if split is None:
            known = known_labels(library.models)
            split = split_library(taught, config.labels, config.holdout, config.min_views, known)
        names = config.class_names({view.label for view in split.training})
        labels = library.models.class_ids(names)
        clock = StageClock()
        report: ProgressCallback = progress or (lambda _: None)
        with clock.stage("composites"):
            report(Progress("composites", 0, 1))
            model, architecture = load_base_model(config.base_model, labels, config.image_size)
        # Now, and not after minutes of training.
        check_room(library.models.root, _room_for(model), "a training")
        live = live_image_size(library.models)
        subject = Subject(taught, split, labels, model, device, config, live)
        heads = config.learns_heads(architecture)
        learn = learn_heads if heads else learn_all
        report = TimeLeft(parts_of(subject, heads), report)
        learned = learn(subject, clock, report)
        return _publish(library, subject, architecture, learned, clock, report)


def _room_for(model: MaskRCNN) -> int:
    """Bytes that a version of this model takes: the graph in 32 bits, twice the weights in 16 (as
    they go live and as they were measured), and what people look at."""
    tensors = sum(tensor.nbytes for tensor in model.state_dict().values())
    return 2 * tensors + _FINDINGS_BYTES


def _check(library: Library, config: TrainConfig) -> None:
    if config.clutter < 1:
        raise AutomaskError("clutter must be 1 at least: thresholds are chosen on composites")
    if config.classes == CLASS_AGNOSTIC and library.views(CLASS_AGNOSTIC):
        raise AutomaskError(
            f"the library has an object called {CLASS_AGNOSTIC}, as classes object would call all "
            "of them; give it another label, or use classes labels"
        )


def _publish(
    library: Library,
    subject: Subject,
    architecture: str,
    learned: Learned,
    clock: StageClock,
    report: ProgressCallback,
) -> TrainResult:
    """Store what was learned as the next version of `library`, and promote it if it may be."""
    held_out = subject.split.held_out
    with library.models.stage() as staged:
        with clock.stage("export"):
            report(Progress("export", 0, 1))
            stored, fault = _store(subject, architecture, staged, learned)
        with clock.stage("compare"):
            predictor = _predictor(staged, stored, subject.labels, subject.device)
            final = measure_views(predictor, subject.library, held_out, "compare", report)
            compare = partial(_compare, library, subject, learned, final, report)
            live, decision = compare()
        if fault:
            decision = Decision(False, fault)
        record = _record(subject, architecture, learned, clock)
        _write_findings(subject.library, staged, record, learned)
        report(Progress("promote", 0, 1))
        version = library.models.commit(staged, record)
    decision = _promote(library, version, live, decision, compare, clock)
    report(Progress("done", 1, 1))
    return TrainResult(
        version, decision.promoted, decision.reason, clock.seconds(), learned.found.evaluation
    )


def _promote(
    library: Library,
    version: int,
    live: int | None,
    decision: Decision,
    compare: Callable[[], tuple[int | None, Decision]],
    clock: StageClock,
) -> Decision:
    """Make a version live in place of `live` if it may be; what became of it. A stored version is
    never forgotten for a disk that does not take the promotion."""
    try:
        while decision.promoted and not library.models.promote_over(live, version, decision.reason):
            # Another one went live since, by another training or a rollback: it is compared too.
            with clock.stage("compare"):
                live, decision = compare()
    except StorageError as error:
        return Decision(False, f"version {version} is stored, but could not go live: {error}")
    return decision


def _compare(
    library: Library,
    subject: Subject,
    learned: Learned,
    final: dict[str, Any],
    report: ProgressCallback,
) -> tuple[int | None, Decision]:
    """The version of `library` that is live, and whether what was learned may take its place."""
    config, held_out = subject.config, subject.split.held_out
    live = measure_live(library, held_out, learned.clutter, subject.clutter, subject.device, report)
    decision = decide(
        learned.found.evaluation,
        live,
        final=final,
        min_ap50=config.min_ap50,
        tolerance=config.tolerance,
        learned_since=bool(learned.measured),
    )
    return live.version if live else None, decision


def _store(
    subject: Subject, architecture: str, staged: Path, learned: Learned
) -> tuple[MaskRCNN, str]:
    """Write weights and graph; the network as it was stored, and what is wrong with its graph."""
    if learned.measured:
        save_measured(staged, learned.measured)
    save_checkpoint(
        subject.model,
        staged / WEIGHTS_FILE,
        architecture=architecture,
        labels=subject.labels,
        image_size=subject.image_size,
    )
    stored = build(load_checkpoint(staged))
    try:
        export_onnx(stored, staged / ONNX_FILE, learned.dataset[0].image)
    except AutomaskError as error:
        return stored, str(error)  # what was learned is kept all the same
    return stored, ""


def _predictor(staged: Path, model: MaskRCNN, labels: dict[str, int], device: str) -> Predictor:
    """What will run later is what gets measured: the exported graph on a CPU, torch on a GPU."""
    graph = staged / ONNX_FILE
    runtime = (
        OnnxRuntime(graph, device, torch.get_num_threads())
        if device == "cpu" and graph.is_file()
        else TorchRuntime(model, device)
    )
    return Predictor(runtime, labels, {}, int(model.transform.min_size[0]))


def _record(
    subject: Subject, architecture: str, learned: Learned, clock: StageClock
) -> dict[str, Any]:
    """model.json: what the version knows, and how it came about."""
    split, config = subject.split, subject.config
    thresholds = learned.found.thresholds
    return {
        "architecture": architecture,
        "labels": subject.labels,
        "base_model": config.base_model,
        "image_size": subject.image_size,
        "thresholds": {label: round(score, 4) for label, score in thresholds.items()},
        "seed": config.seed,
        "created_at": time.time(),
        "config": asdict(config),
        "iterations": len(learned.log.losses),
        "batch_size": learned.log.batch_size,
        "seconds": clock.seconds(),
        **provenance(subject.library, split, config),
    }


def _write_findings(
    library: Library, staged: Path, record: dict[str, Any], learned: Learned
) -> None:
    losses = [round(loss, 5) for loss in learned.log.losses]
    evaluation = learned.found.evaluation
    examples = learned.found.examples
    write_json(staged / METRICS_FILE, {"evaluation": evaluation, "losses": losses})
    plots = staged / PLOTS_FOLDER
    composites = [learned.dataset[number].image for number in learned.looked_at[:_CONTACT_SHEET]]
    try:
        write_plots(plots, metrics=evaluation, losses=losses, detections=examples)
        write_model_report(
            library,
            staged / REPORT_FILE,
            record=record,
            metrics=evaluation,
            losses=losses,
            composites=composites,
            detections=examples,
        )
    except StorageError as error:
        # Pictures for people: what was learned is kept without them, and needs their room.
        shutil.rmtree(plots, ignore_errors=True)
        _LOGGER.warning("the new version has no report: %s", error)
