"""How well a fresh model does on views and composites that it did not learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from automask_ros.detection.batches import made_ahead
from automask_ros.detection.classes import name_of
from automask_ros.detection.composites import Composite, CompositeDataset
from automask_ros.detection.evaluation import Summary, coco_results, evaluate_results
from automask_ros.detection.prediction import Predictor
from automask_ros.detection.thresholds import (
    Instance,
    Judged,
    choose_threshold,
    judge_detections,
    matched,
    working_point,
)
from automask_ros.library.coco import encode_mask
from automask_ros.library.library import Library
from automask_ros.types import BGRImage, Detections, Progress, ProgressCallback, View

GROUND_TRUTH = "automatic masks of held-out views"


@dataclass(frozen=True)
class Measurement:
    """`evaluation` is plain data for JSON; `thresholds` has one least score per label."""

    evaluation: Summary
    thresholds: dict[str, float]
    examples: list[tuple[str, BGRImage, Detections]]  # the worst first


def measure_views(
    predictor: Predictor,
    library: Library,
    views: Sequence[View],
    stage: str,
    progress: ProgressCallback | None = None,
) -> Summary:
    """Average precision of `predictor` on `views`, whose masks are the truth, for the labels that
    both know; `stage` names the work in `progress`."""
    shown = [view for view in views if name_of(view.label, predictor.labels) is not None]
    names = {name_of(view.label, predictor.labels) for view in shown}
    labels = {name: number for name, number in predictor.labels.items() if name in names}
    tally = _Tally(labels)
    for number, view in enumerate(shown, start=1):
        found = predictor.detect_all(library.read_image(view))
        tally.add(found, _instance(library, view, labels))
        _report(progress, stage, number, len(shown))
    return tally.evaluate()


def measure_clutter(
    predictor: Predictor,
    clutter: CompositeDataset,
    count: int,
    stage: str,
    progress: ProgressCallback | None = None,
) -> Summary:
    """Average precision of `predictor` on the first `count` composites of `clutter`, for the
    labels that both know; `stage` names the work in `progress`."""
    tally = _Tally(predictor.labels)
    with made_ahead(clutter.__getitem__, range(count), _threads()) as composites:
        for number, composite in enumerate(composites, start=1):
            found = predictor.detect_all(composite.image)
            tally.add(found, _instances(composite, clutter.labels))
            _report(progress, stage, number, count)
    return tally.evaluate()


def measure(
    predictor: Predictor,
    library: Library,
    views: Sequence[View],
    clutter: CompositeDataset,
    clutter_count: int,
    progress: ProgressCallback | None = None,
) -> Measurement:
    """Average precision on held-out `views`, and by itself on `clutter_count` composites of them;
    thresholds on both, for a view that shows one object cannot tell what goes wrong among
    several."""
    total = len(views) + clutter_count
    alone, together = _Tally(predictor.labels), _Tally(predictor.labels)
    judged: list[Judged] = []
    objects = dict.fromkeys(predictor.labels, 0)
    looked_at: list[_LookedAt] = []

    def judge(name: str, image: BGRImage, found: Detections, instances: list[Instance]) -> None:
        judged.extend(judge_detections(found, instances))
        looked_at.append(_LookedAt(name, image, found, instances))
        for label, _ in instances:
            objects[label] += 1

    for number, view in enumerate(views):
        image = library.read_image(view)
        found = predictor.detect_all(image)
        instances = _instance(library, view, predictor.labels)
        alone.add(found, instances)
        judge(f"{view.label} {view.id}", image, found, instances)
        _report(progress, "evaluate", number + 1, total)
    with made_ahead(clutter.__getitem__, range(clutter_count), _threads()) as composites:
        for number, composite in enumerate(composites):
            found = predictor.detect_all(composite.image)
            instances = _instances(composite, clutter.labels)
            together.add(found, instances)
            judge(f"composite {number}", composite.image, found, instances)
            _report(progress, "evaluate", len(views) + number + 1, total)
    thresholds = {
        label: choose_threshold([each for each in judged if each.label == label], objects[label])
        for label in predictor.labels
    }
    evaluation = alone.evaluate()
    evaluation["ground_truth"] = GROUND_TRUTH
    evaluation["clutter"] = together.evaluate()
    evaluation["working_point"] = working_point(judged, objects, thresholds)
    return Measurement(evaluation, thresholds, _worst_first(looked_at, thresholds))


class _Tally:
    """Detections and truth of pictures, as COCO, until all are in."""

    def __init__(self, labels: dict[str, int]) -> None:
        self._labels = labels
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._results: list[dict[str, Any]] = []

    def add(self, found: Detections, instances: Sequence[Instance]) -> None:
        number = len(self._images)
        height, width = found.image_size
        self._images.append({"id": number, "height": height, "width": width})
        self._annotations += [
            {
                "id": len(self._annotations) + nth,
                "image_id": number,
                "category_id": self._labels[label],
                "segmentation": encode_mask(mask),
                "iscrowd": 0,
            }
            for nth, (label, mask) in enumerate(
                [each for each in instances if each[0] in self._labels], start=1
            )
        ]
        self._results += coco_results(found, number, self._labels)

    def evaluate(self) -> Summary:
        """What `evaluate_results` says, and how many ``instances`` of each label there were."""
        truth = {
            "images": self._images,
            "categories": [{"id": number, "name": name} for name, number in self._labels.items()],
            "annotations": self._annotations,
        }
        summary = evaluate_results(truth, self._results)
        for label, values in summary["per_label"].items():
            number = self._labels[label]
            values["instances"] = sum(a["category_id"] == number for a in self._annotations)
        return summary


def _instance(library: Library, view: View, labels: Mapping[str, int]) -> list[Instance]:
    """The object of a view, if its mask shows one, by what a model with `labels` calls it."""
    mask, name = library.read_mask(view), name_of(view.label, labels)
    return [] if mask is None or name is None or not mask.any() else [(name, mask)]


def _instances(composite: Composite, labels: Mapping[str, int]) -> list[Instance]:
    """The objects of a composite by their labels."""
    names = {class_id: label for label, class_id in labels.items()}
    pairs = zip(composite.class_ids, composite.masks, strict=True)
    return [(names[int(class_id)], mask) for class_id, mask in pairs]


@dataclass(frozen=True, eq=False)
class _LookedAt:
    """A picture, everything that was found in it, and what is there."""

    name: str
    image: BGRImage
    found: Detections
    instances: list[Instance]


def _worst_first(
    pictures: Sequence[_LookedAt], thresholds: dict[str, float]
) -> list[tuple[str, BGRImage, Detections]]:
    """The pictures with what passes the thresholds, by how well that matches what is there."""
    rated = []
    for each in pictures:
        found = _above(each.found, thresholds)
        quality = matched(found, each.instances)
        rated.append((quality, f"{each.name}: {quality:.2f}", each.image, found))
    rated.sort(key=lambda row: row[0])
    return [(name, image, found) for _, name, image, found in rated]


def _above(found: Detections, thresholds: dict[str, float]) -> Detections:
    """`found` without what stays below its label's threshold."""
    kept = [i for i, label in enumerate(found.labels) if found.scores[i] >= thresholds[label]]
    return Detections(
        boxes=found.boxes[kept],
        scores=found.scores[kept],
        class_ids=found.class_ids[kept],
        labels=tuple(found.labels[i] for i in kept),
        masks=tuple(found.masks[i] for i in kept),
        image_size=found.image_size,
    )


def _threads() -> int:
    """Threads that make composites: a GPU measures faster than one of them makes."""
    return min(torch.get_num_threads(), 4)


def _report(progress: ProgressCallback | None, stage: str, step: int, total: int) -> None:
    if progress is not None:
        progress(Progress(stage, step, total))
