"""The least score that counts as a detection, chosen per label where the truth is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from automask_ros.types import BoolMask, Detections

LOWEST, HIGHEST, DEFAULT = 0.3, 0.9, 0.5
_HIT = 0.5  # mask IoU from which a detection counts as right

Instance: TypeAlias = tuple[str, BoolMask]
"""What is in a picture: a label, and its pixels ``(H, W)``."""


@dataclass(frozen=True)
class Judged:
    """One detection on a picture whose truth is known."""

    label: str
    score: float
    right: bool


def judge_detections(found: Detections, truth: Iterable[Instance]) -> list[Judged]:
    """Each detection, best first, takes the free object of its label that it covers best.

    `truth` holds label and mask ``(H, W) bool`` of every taught object in the picture.
    """
    free = list(truth)
    judged: list[Judged] = []
    for index, (label, score) in enumerate(zip(found.labels, found.scores, strict=True)):
        mask = found.mask(index)
        overlaps = [iou(mask, other) if name == label else 0.0 for name, other in free]
        right = bool(overlaps) and max(overlaps) >= _HIT
        if right:
            free.pop(int(np.argmax(overlaps)))
        judged.append(Judged(label, float(score), right))
    return judged


def matched(found: Detections, truth: Sequence[Instance]) -> float:
    """How well `found` matches `truth`, 0 to 1: the IoUs of right detections, over how many
    objects are there and how many were found (panoptic quality: Kirillov et al. 2019)."""
    free = list(truth)
    total, right = 0.0, 0
    for index, label in enumerate(found.labels):
        mask = found.mask(index)
        overlaps = [iou(mask, other) if name == label else 0.0 for name, other in free]
        if overlaps and max(overlaps) >= _HIT:
            total, right = total + max(overlaps), right + 1
            free.pop(int(np.argmax(overlaps)))
    wrong, missed = len(found.labels) - right, len(free)
    everything = right + 0.5 * (wrong + missed)
    return total / everything if everything else 1.0


def choose_threshold(judged: Iterable[Judged], objects: int) -> float:
    """The score at which F1 is highest for one label, of which there were `objects`.

    Where many scores do equally well the middle of their range is taken, for the next scene will
    not score quite the same. Kept within LOWEST and HIGHEST; DEFAULT when nothing was right.
    """
    ranked = sorted(judged, key=lambda each: -each.score)
    right = np.cumsum([each.right for each in ranked])
    if len(right) == 0 or right[-1] == 0 or objects == 0:
        return DEFAULT
    f1 = 2 * right / (np.arange(1, len(ranked) + 1) + objects)
    best = int(np.flatnonzero(f1 >= f1.max() - 1e-9)[-1])
    below = ranked[best + 1].score if best + 1 < len(ranked) else 0.0
    return float(np.clip((ranked[best].score + below) / 2, LOWEST, HIGHEST))


def working_point(
    judged: Iterable[Judged], objects: Mapping[str, int], thresholds: Mapping[str, float]
) -> dict[str, dict[str, float | None]]:
    """Precision and recall of each label at its threshold; None where nothing is to be divided."""
    everything = list(judged)
    result: dict[str, dict[str, float | None]] = {}
    for label, threshold in thresholds.items():
        kept = [each for each in everything if each.label == label and each.score >= threshold]
        hits = sum(each.right for each in kept)
        result[label] = {
            "threshold": threshold,
            "precision": hits / len(kept) if kept else None,
            "recall": hits / objects[label] if objects.get(label) else None,
        }
    return result


def iou(first: BoolMask, second: BoolMask) -> float:
    """Intersection over union of two masks; 0 where both are empty."""
    union = int(np.count_nonzero(first | second))
    return int(np.count_nonzero(first & second)) / union if union else 0.0
