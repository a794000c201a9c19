"""How long a frame takes: ours beside what a user would otherwise run, in one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.models.detection import MaskRCNN

from automask_ros.detection.contestants import DEFAULTS, Contestant
from automask_ros.detection.plain_prediction import PlainDetections
from automask_ros.detection.thresholds import iou
from automask_ros.library.image_message import image_fields
from automask_ros.types import BGRImage, BoolMask, Detections, Progress, ProgressCallback

STAGES = ("convert", "infer", "paste")
ENCODINGS = ("rgb8", "bgr8")
_PASSING = 0.15  # share of proposals that pass in a model without training
_SPREAD = 4.0  # standard deviation of their logits
_SAME = 0.5  # mask IoU: torchvision's pasting shifts a mask by up to a pixel
_SURE = 4.0  # logit of their masks' pixels


def as_message(image: BGRImage, encoding: str) -> dict[str, Any]:
    """The fields of a sensor_msgs/Image that shows `image`, in one of ENCODINGS."""
    pixels = image if encoding == "bgr8" else image[:, :, ::-1]
    return {**image_fields(pixels), "encoding": encoding}


def run(
    everyone: Sequence[Contestant],
    messages: Sequence[Mapping[str, Any]],
    rounds: int,
    progress: ProgressCallback | None = None,
) -> None:
    """Time all contestants picture by picture, in turn, so that all meet the same machine.

    `messages` are the pictures as cameras send them (`as_message`). Each contestant has seen one
    before anything is timed; `answers` are those of the first round.
    """
    for contestant in everyone:
        contestant.find(messages[0])
    for step in range(rounds * len(messages)):
        for contestant in everyone:
            answer, seconds = contestant.find(messages[step % len(messages)])
            contestant.seconds.append(seconds)
            if step < len(messages):
                contestant.answers.append(answer)
        if progress is not None:
            progress(Progress("detect", step + 1, rounds * len(messages)))


def rows(everyone: Sequence[Contestant]) -> list[dict[str, Any]]:
    """A row for each: `ratio` is its median time over that of the first, which is ours,
    `detections` how many it finds in a picture, `agreement` the share of ours that it finds as
    well, with the same class and score and half of the mask (None for another model's). It may
    find more: of two detections of one object ours drops one. `stages` has the times of each of
    STAGES, and of all but infer as ``overhead``."""
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
    seconds, of_ours = np.array(contestant.seconds), np.array(ours.seconds)
    total = _percentiles(seconds.sum(1))
    return {
        "name": contestant.name,
        "pictures": len(contestant.answers),
        **total,
        "ratio": total["p50_ms"] / _percentiles(of_ours.sum(1))["p50_ms"],
        "detections": float(np.mean([_count(answer) for answer in contestant.answers])),
        "agreement": None if contestant.name == DEFAULTS else _agreement(contestant, ours),
        "stages": _stages(seconds),
    }


def _stages(seconds: NDArray[np.float64]) -> dict[str, dict[str, float]]:
    """Of `seconds` ``(frames, STAGES)``."""
    columns = dict(zip(STAGES, seconds.T, strict=True))
    overhead = columns["convert"] + columns["paste"]
    return {name: _percentiles(each) for name, each in {**columns, "overhead": overhead}.items()}


def _percentiles(seconds: NDArray[np.float64]) -> dict[str, float]:
    return {f"p{share}_ms": float(1e3 * np.percentile(seconds, share)) for share in (50, 95, 99)}


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
