"""How good automatic masks are, measured against what people drew."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np

from automask_ros.errors import AutomaskError
from automask_ros.library.coco import CocoSet, union_mask
from automask_ros.library.library import Library
from automask_ros.types import PERSON, View


@dataclass(frozen=True)
class MaskMeasurement:
    """One view's mask against the truth."""

    view: View
    iou: float
    """Intersection over union, 0..1; 0 for a view without a mask, or with an unusable one."""


def measure_masks(library: Library, coco: CocoSet) -> list[MaskMeasurement]:
    """The IoU of the automatic mask of each view that the annotations know, by file stem and label.

    Views whose mask a person drew or painted over are left out: they measure the person.
    Raises AutomaskError when none match, or when an image's size differs from its annotation's.
    """
    automatic, drawn = _annotated(library, coco)
    if drawn and not automatic:
        raise AutomaskError(
            f"all {len(drawn)} masks of {library.root} that {coco.path} annotates were drawn by a "
            "person; there is no automatic one to measure"
        )
    if not automatic:
        raise AutomaskError(
            f"no view of {library.root} is annotated in {coco.path}: the stem of a file name must"
            " be a view's id, and the category its label"
        )
    return [MaskMeasurement(view, _iou(library, coco, view)) for view in automatic]


def _annotated(library: Library, coco: CocoSet) -> tuple[list[View], list[View]]:
    """The views that the annotations know: those without a person's mask, and those with one."""
    views = [view for view in library.views() if coco.annotations_of(view.id, view.label)]
    drawn = [view for view in views if view.made_by == PERSON]
    return [view for view in views if view.made_by != PERSON], drawn


def _iou(library: Library, coco: CocoSet, view: View) -> float:
    truth = union_mask(coco.annotations_of(view.id, view.label), coco.by_stem[view.id])
    if truth.shape != (view.height, view.width):
        raise AutomaskError(
            f"{coco.path}: {view.id} is annotated at {truth.shape[1]}x{truth.shape[0]}, but the"
            f" view has {view.width}x{view.height}; annotate the library's own images"
        )
    pixels = library.usable_mask(view)
    return 0.0 if pixels is None else mask_iou(pixels, truth)


def evaluate_masks(library: Library, coco: CocoSet) -> dict[str, Any]:
    """The figures of `automask evaluate-masks`, ready for JSON.

    `views`, `mean_iou` and `share_above_080` over all annotated views, `accepted.share` and
    `accepted.mean_iou` over those that training takes, `per_label.LABEL.mean_iou`, and `spearman`,
    the rank correlation of score and IoU over the views with a mask. `drawn` counts annotated views
    that were left out, as a person drew their mask. A mean over nothing, or a correlation without
    ranks, is None.
    """
    measured = measure_masks(library, coco)
    ious = np.array([m.iou for m in measured])
    accepted = np.array([m.view.trainable for m in measured])
    by_label: dict[str, list[float]] = defaultdict(list)
    for m in measured:
        by_label[m.view.label].append(m.iou)
    judged = [(m.view.verdict.score, m.iou) for m in measured if m.view.verdict is not None]
    scores, judged_ious = np.array(judged).reshape(-1, 2).T
    return {
        "views": len(measured),
        "drawn": len(_annotated(library, coco)[1]),
        "mean_iou": float(ious.mean()),
        "share_above_080": float((ious > 0.8).mean()),
        "accepted": {
            "share": float(accepted.mean()),
            "mean_iou": float(ious[accepted].mean()) if accepted.any() else None,
        },
        "spearman": rank_correlation(scores, judged_ious),
        "per_label": {
            label: {"mean_iou": float(np.mean(values))}
            for label, values in sorted(by_label.items())
        },
    }


def mask_iou(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two masks (H, W) bool; 1 when both are empty."""
    union = np.count_nonzero(first | second)
    return float(np.count_nonzero(first & second) / union) if union else 1.0


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float | None:
    """Spearman's correlation of two (N,) arrays, ties sharing their mean rank.

    None when either has fewer than two different values.
    """
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(np.corrcoef(_ranks(first), _ranks(second))[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    """(N,) ranks from 0, the mean one for equal values."""
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(sizes) - 1
    ranks: np.ndarray = (last - (sizes - 1) / 2)[group]
    return ranks
