"""An FCN adapted to all objects of a library at once, and what it makes of their views.

The paper's people added pictures of bottles to their FCN's training set by hand. Here the pictures
are the library's views, and the masks those that stage one made and accepted by itself, or that a
person has put right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from automask_ros.library.coco import CocoSet
from automask_ros.library.library import Library
from automask_ros.segmentation.adaptation import AdaptationConfig, TaughtView, adapt
from automask_ros.segmentation.denoising import remove_impulse_noise
from automask_ros.segmentation.evaluation import mask_iou
from automask_ros.segmentation.fcn import Network
from automask_ros.segmentation.mask_generator import MaskGenerator
from automask_ros.segmentation.vgg_fcn import VggFCN, with_classes
from automask_ros.types import Mask, Progress, ProgressCallback, View


@dataclass(frozen=True, eq=False)
class JudgedView:
    """A view, the mask that a network makes of it, and its IoU with the truth where it is known."""

    view: View
    mask: Mask
    iou: float | None


def judge_views(
    library: Library,
    generator: MaskGenerator,
    truth: CocoSet | None = None,
    progress: ProgressCallback | None = None,
) -> list[JudgedView]:
    """What `generator` makes of each view of `library`; the library stays as it is."""
    judged = []
    views = [view for view in library.views() if not view.vetoed]
    for step, view in enumerate(views, start=1):
        mask = generator(library.read_image(view))
        drawn = None if truth is None else truth.mask_of(view.id, view.label)
        judged.append(
            JudgedView(view, mask, None if drawn is None else mask_iou(mask.pixels, drawn))
        )
        if progress is not None:
            progress(Progress("masks", step, len(views)))
    return judged


def adapted_to_library(
    library: Library,
    generator: MaskGenerator,
    judged: Sequence[JudgedView],
    progress: ProgressCallback | None = None,
    config: AdaptationConfig | None = None,
) -> Network:
    """A copy of `generator`'s network that has learnt the objects of `library`.

    From the masks that the library holds and accepts; where a view has none, from the generator's
    own (`judged`) when it accepts it. The other views serve as backgrounds. Each label becomes a
    class of a network that has classes. AutomaskError when there is nothing to learn from.
    """
    views = []
    for each in judged:
        kept = library.read_mask(each.view) if each.view.trainable else None
        pixels, verdict = each.mask.pixels, each.mask.verdict
        if kept is not None and each.view.verdict is not None:
            pixels, verdict = kept, each.view.verdict
        trust = verdict.score if verdict.accepted else 0.0
        image = remove_impulse_noise(library.read_image(each.view))
        views.append(TaughtView(image, pixels, trust))
    network: Network = generator.network
    if isinstance(network, VggFCN):
        taught = sorted({each.view.label for each in judged})
        network = with_classes(network, taught).to(generator.device)
    learnt: Network = adapt(network, views, config, progress)
    return learnt


def mask_summary(judged: Sequence[JudgedView]) -> dict[str, Any]:
    """`views`, `accepted`, `mean_score` and `mean_iou` (None where no truth is known), over all
    and, in `per_label`, for each label; and in `masks` the verdict on each."""
    labels = sorted({each.view.label for each in judged})
    per_label = {
        label: _row([each for each in judged if each.view.label == label]) for label in labels
    }
    masks = [
        {
            "label": each.view.label,
            "id": each.view.id,
            "accepted": each.mask.verdict.accepted,
            "score": each.mask.verdict.score,
            "reasons": list(each.mask.verdict.reasons),
            "iou": each.iou,
        }
        for each in judged
    ]
    return {**_row(judged), "per_label": per_label, "masks": masks}


def _row(judged: Sequence[JudgedView]) -> dict[str, Any]:
    ious = [each.iou for each in judged if each.iou is not None]
    scores = [each.mask.verdict.score for each in judged]
    return {
        "views": len(judged),
        "accepted": sum(each.mask.verdict.accepted for each in judged),
        "mean_score": float(np.mean(scores)) if scores else None,
        "mean_iou": float(np.mean(ious)) if ious else None,
    }
