"""Quality and speed of masks, ours and a peer's, on the same photographs in the same run."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from automask_ros.errors import AutomaskError
from automask_ros.library.coco import CocoImage, CocoSet, union_mask
from automask_ros.library.coco_names import find_picture
from automask_ros.library.image_file import read_image
from automask_ros.segmentation.evaluation import mask_iou, rank_correlation
from automask_ros.types import BGRImage, BoolMask, Progress, ProgressCallback, Verdict

Masker = Callable[[BGRImage], tuple[BoolMask, Verdict | None]]
"""Makes a mask (H, W) bool of an image (H, W, 3) BGR; None where there is no verdict on it."""


@dataclass(frozen=True)
class Photograph:
    """A picture with what people drew on it; several objects in it count as one."""

    name: str
    label: str
    image: BGRImage
    truth: BoolMask


@dataclass(frozen=True)
class Measured:
    """What a masker made of one photograph, how well, and the time it took.

    `cpu_milliseconds` counts what all threads computed: what else a machine does hardly changes it.
    """

    photograph: Photograph
    pixels: BoolMask
    verdict: Verdict | None
    iou: float
    milliseconds: float
    cpu_milliseconds: float


@dataclass
class _Contestant:
    name: str
    masker: Masker
    measured: list[Measured] = field(default_factory=list)


def read_photographs(coco: CocoSet, images: Path, limit: int | None = None) -> list[Photograph]:
    """The annotated pictures that lie in a folder, of `limit` of them evenly spread.

    Raises AutomaskError when there are none, or one is not as large as its annotation says.
    """
    annotated = [image for number, image in sorted(coco.images.items()) if number in coco.by_image]
    if limit is not None and limit < len(annotated):
        places = np.linspace(0, len(annotated) - 1, limit).round().astype(int)
        annotated = [annotated[place] for place in places]
    if not annotated:
        raise AutomaskError(f"{coco.path} annotates no picture: there is nothing to measure")
    return [_read(coco, image, images) for image in annotated]


def _read(coco: CocoSet, image: CocoImage, images: Path) -> Photograph:
    annotations = coco.by_image[image.id]
    truth = union_mask(annotations, image)
    labels = sorted({coco.categories[each.category_id] for each in annotations})
    pixels = read_image(find_picture(images, image))
    if pixels.shape[:2] != truth.shape:
        raise AutomaskError(
            f"{image.file_name} has {pixels.shape[1]}x{pixels.shape[0]} pixels, but is annotated "
            f"at {truth.shape[1]}x{truth.shape[0]}"
        )
    return Photograph(image.stem, "+".join(labels), pixels, truth)


def run_benchmark(
    maskers: dict[str, Masker],
    photographs: Sequence[Photograph],
    progress: ProgressCallback | None = None,
) -> dict[str, list[Measured]]:
    """Measures all maskers photograph by photograph, in turn, so that all meet the same machine.

    The first photograph is masked once before anything is timed.
    """
    contestants = [_Contestant(name, masker) for name, masker in maskers.items()]
    for contestant in contestants:
        contestant.masker(photographs[0].image)
    for step, photograph in enumerate(photographs, start=1):
        for contestant in contestants:
            contestant.measured.append(_measure(contestant.masker, photograph))
        if progress is not None:
            progress(Progress("masks", step, len(photographs)))
    return {each.name: each.measured for each in contestants}


def _measure(masker: Masker, photograph: Photograph) -> Measured:
    started, computed = time.perf_counter(), time.process_time()
    pixels, verdict = masker(photograph.image)
    milliseconds = 1000.0 * (time.perf_counter() - started)
    cpu_milliseconds = 1000.0 * (time.process_time() - computed)
    iou = mask_iou(pixels, photograph.truth)
    return Measured(photograph, pixels, verdict, iou, milliseconds, cpu_milliseconds)


def benchmark_row(name: str, measured: Sequence[Measured], peer_ms: float | None) -> dict[str, Any]:
    """The figures of one masker, ready for JSON.

    `ratio` is its median time over that of the peer, `peer_ms`; None without one. `accepted` and
    `spearman` are None where there are no verdicts.
    """
    ious = np.array([each.iou for each in measured])
    p50, p95, p99 = np.percentile([each.milliseconds for each in measured], (50, 95, 99))
    by_label: dict[str, list[float]] = defaultdict(list)
    for each in measured:
        by_label[each.photograph.label].append(each.iou)
    verdicts = [each.verdict for each in measured if each.verdict is not None]
    judged = len(verdicts) == len(measured)
    accepted = np.array([verdict.accepted for verdict in verdicts], bool)
    scores = np.array([verdict.score for verdict in verdicts])
    return {
        "name": name,
        "views": len(measured),
        "p50_ms": float(p50),
        "p95_ms": float(p95),
        "p99_ms": float(p99),
        "cpu_ms": float(np.median([each.cpu_milliseconds for each in measured])),
        "ratio": None if peer_ms is None else float(p50) / peer_ms,
        "mean_iou": float(ious.mean()),
        "share_above_080": float((ious > 0.8).mean()),
        "accepted": {
            "share": float(accepted.mean()),
            "mean_iou": float(ious[accepted].mean()) if accepted.any() else None,
        }
        if judged
        else None,
        "spearman": rank_correlation(scores, ious) if judged else None,
        "per_label": {
            label: {"mean_iou": float(np.mean(values))}
            for label, values in sorted(by_label.items())
        },
    }
