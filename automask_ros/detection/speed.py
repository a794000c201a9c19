"""How long a frame takes: ours beside what a user would otherwise run, in one run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torchvision.models.detection import MaskRCNN

from automask_ros.detection.export import onnx_of
from automask_ros.detection.pasting import fit_image
from automask_ros.detection.plain_prediction import (
    PlainDetections,
    exported_predictor,
    torchvision_defaults,
    torchvision_predictor,
)
from automask_ros.detection.prediction import Predictor
from automask_ros.detection.runtimes import OnnxRuntime, TorchRuntime
from automask_ros.detection.thresholds import iou
from automask_ros.types import BGRImage, BoolMask, Detections, Progress, ProgressCallback

OURS, OURS_TORCH = "ours, ONNX Runtime", "ours, torch"
TORCHVISION, EXPORTED = "torchvision", "ONNX Runtime on torchvision's export"
DEFAULTS = "torchvision's Mask R-CNN at its defaults"
_PASSING = 0.15  # share of proposals that pass in a model without training
_SPREAD = 4.0  # standard deviation of their logits
_SAME = 0.5  # mask IoU: torchvision's pasting shifts a mask by up to a pixel
_SURE = 4.0  # logit of their masks' pixels


@dataclass
class Contestant:
    """Finds objects in a picture, as whatever it is that it answers with."""

    name: str
    find: Callable[[BGRImage], Any]
    seconds: list[float] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)


def contestants(
    model: MaskRCNN,
    architecture: str,
    labels: Mapping[str, int],
    thresholds: Mapping[str, float],
    image: BGRImage,
    device: str,
    threads: int | None,
) -> list[Contestant]:
    """Ours by each runtime, torchvision with the same weights and settings where it can run them,
    and torchvision's own Mask R-CNN as it comes. `image` is what graphs are traced on."""
    size = int(model.transform.min_size[0])
    graph = onnx_of(model.eval(), fit_image(image, size))
    found = [
        Contestant(name, Predictor(runtime, dict(labels), dict(thresholds), size))
        for name, runtime in (
            (OURS, OnnxRuntime(graph, device, threads)),
            (OURS_TORCH, TorchRuntime(model, device)),
        )
    ]
    if architecture == "resnet50":
        # Its one threshold for all is our lowest: no more masks are made than ours has to make.
        model.roi_heads.score_thresh = min(thresholds.values())
        found.append(Contestant(TORCHVISION, torchvision_predictor(model)))
        if device == "cpu":
            found.append(Contestant(EXPORTED, exported_predictor(model, image, threads)))
    defaults = torchvision_defaults(max(labels.values()) + 1).to(device)
    found.append(Contestant(DEFAULTS, torchvision_predictor(defaults)))
    return found


def run(
    everyone: Sequence[Contestant],
    images: Sequence[BGRImage],
    rounds: int,
    progress: ProgressCallback | None = None,
) -> None:
    """Time all contestants picture by picture, in turn, so that all meet the same machine.

    Each has seen a picture before anything is timed; `answers` are those of the first round.
    """
    for contestant in everyone:
        contestant.find(images[0])
    for step in range(rounds * len(images)):
        for contestant in everyone:
            started = time.perf_counter()
            answer = contestant.find(images[step % len(images)])
            contestant.seconds.append(time.perf_counter() - started)
            if step < len(images):
                contestant.answers.append(answer)
        if progress is not None:
            progress(Progress("detect", step + 1, rounds * len(images)))


def rows(everyone: Sequence[Contestant]) -> list[dict[str, Any]]:
    """A row for each: `ratio` is its median time over that of ours by ONNX Runtime, `detections`
    how many it finds in a picture, `agreement` the share of ours that it finds as well, with the
    same class and score and half of the mask (None for another model's). It may find more:
    of two detections of one object ours drops one."""
    ours = everyone[0]
    return [_row(each, ours) for each in everyone]


def spread_scores(model: MaskRCNN, image: BGRImage) -> None:
    """Give an untrained model of two classes scores like those of a trained one: most of what it
    proposes in `image` is background, and the rest is not all alike. Its masks fill their boxes.

    Speed depends on how many objects are found, and not on whether they are there.
    """
    pixels = torch.from_numpy(np.ascontiguousarray(image[:, :, ::-1])).permute(2, 0, 1)
    with torch.inference_mode():
        images, _ = model.transform([pixels.float() / 255])
        features = model.backbone(images.tensors)
        proposals, _ = model.rpn(images, features)
        pooled = model.roi_heads.box_roi_pool(features, proposals, images.image_sizes)
        seen = model.roi_heads.box_head(pooled)
    scores = model.roi_heads.box_predictor.cls_score
    with torch.no_grad():
        margin = seen.clone() @ (scores.weight[1] - scores.weight[0])
        factor = _SPREAD / margin.std()
        scores.weight.mul_(factor)
        scores.bias.zero_()
        scores.bias[1] = -torch.quantile(margin * factor, 1 - _PASSING)
        model.roi_heads.mask_predictor.mask_fcn_logits.weight.zero_()
        model.roi_heads.mask_predictor.mask_fcn_logits.bias.fill_(_SURE)


def _row(contestant: Contestant, ours: Contestant) -> dict[str, Any]:
    p50, p95, p99 = (float(1e3 * p) for p in np.percentile(contestant.seconds, (50, 95, 99)))
    return {
        "name": contestant.name,
        "pictures": len(contestant.answers),
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
        "ratio": p50 / (1e3 * float(np.median(ours.seconds))),
        "detections": float(np.mean([_count(answer) for answer in contestant.answers])),
        "agreement": None if contestant.name == DEFAULTS else _agreement(contestant, ours),
    }


def _count(answer: Detections | PlainDetections) -> int:
    return len(answer.scores)


def _agreement(contestant: Contestant, ours: Contestant) -> float | None:
    pairs = list(zip(contestant.answers, ours.answers, strict=True))
    total = sum(len(own) for _, own in pairs)
    return sum(_shared(own, answer) for answer, own in pairs) / total if total else None


def _shared(own: Detections, answer: Detections | PlainDetections) -> int:
    """How many detections of `own` are in `answer` as well."""
    count = 0
    for index, (class_id, score) in enumerate(zip(own.class_ids, own.scores, strict=True)):
        mask = own.mask(index)
        alike = (answer.class_ids == class_id) & (np.abs(answer.scores - score) < 1e-3)
        count += any(iou(_mask(answer, n), mask) > _SAME for n in np.flatnonzero(alike))
    return count


def _mask(answer: Detections | PlainDetections, index: int) -> BoolMask:
    return answer.mask(index) if isinstance(answer, Detections) else answer.masks[index]
