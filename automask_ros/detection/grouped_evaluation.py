"""Average precision by view: of the instances alone that an annotated property puts together."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pycocotools import mask as run_lengths
from pycocotools.coco import COCO

from automask_ros.detection.evaluation import Result, evaluate_results
from automask_ros.errors import AutomaskError

_BINS = 4  # of a property that is a number
_OWN = 0.5  # IoU from which a detection shows an object

Groups = dict[str, list[Mapping[str, Any]]]


def evaluate_by(
    truth: Mapping[str, Any], results: list[Result], labels: Sequence[str], name: str
) -> dict[str, dict[str, dict[str, float | int | None]]]:
    """AP, AP50, AP75 and ``instances`` of each group of instances, for each of `labels`.

    `name` is a property of the annotations of `truth`, of their own or below ``view``: words make a
    group each; numbers are cut into four groups of equally many instances. A detection belongs to
    the object of its label with which its mask has the highest IoU, of 0.5 at least: those that
    belong to objects outside a group are left out, those that belong to none count in each group.
    AutomaskError when no annotation has the property.
    """
    names = {category["id"]: category["name"] for category in truth["categories"]}
    counted = [a for a in truth["annotations"] if names[a["category_id"]] in set(labels)]
    groups = _groups(counted, name)
    owners = _owners({**truth, "annotations": counted}, results)
    found: dict[str, dict[str, dict[str, float | int | None]]] = {label: {} for label in labels}
    for group, members in groups.items():
        inside = {annotation["id"] for annotation in members}
        kept = [
            result
            for result, owner in zip(results, owners, strict=True)
            if owner is None or owner in inside
        ]
        summary = evaluate_results({**truth, "annotations": members}, kept, labels)
        for label, values in summary["per_label"].items():
            count = sum(names[a["category_id"]] == label for a in members)
            if count:
                found[label][group] = {**values, "instances": count}
    return found


def check_property(truth: Mapping[str, Any], name: str) -> None:
    """AutomaskError when no annotation of `truth` has the property that `evaluate_by` asks for."""
    _groups(truth["annotations"], name)


def _owners(truth: Mapping[str, Any], results: Sequence[Result]) -> list[int | None]:
    """For each result the id of the annotation that it belongs to."""
    coco = COCO()
    coco.dataset = dict(truth)
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools talks
        coco.createIndex()
    owners: list[int | None] = []
    for result in results:
        image, category = [result["image_id"]], [result["category_id"]]
        ids = coco.getAnnIds(imgIds=image, catIds=category)
        shapes = [coco.annToRLE(coco.anns[number]) for number in ids]
        overlaps = run_lengths.iou([result["segmentation"]], shapes, [0] * len(shapes))
        best = int(np.argmax(overlaps)) if ids else 0
        owners.append(ids[best] if ids and overlaps[0][best] >= _OWN else None)
    return owners


def _groups(annotations: Sequence[Mapping[str, Any]], name: str) -> Groups:
    """The annotations by what they say of `name`."""
    valued = [
        (annotation, value)
        for annotation in annotations
        if (value := _value(annotation, name)) is not None
    ]
    if not valued:
        known = sorted({key for a in annotations for key in (*a, *_view(a))})
        raise AutomaskError(f"no annotation has {ascii(name)}; they have {', '.join(known)}")
    numbers = [value for _, value in valued if isinstance(value, float)]
    edges = np.quantile(numbers, np.linspace(0, 1, _BINS + 1)) if numbers else np.zeros(0)
    groups: Groups = {}
    for annotation, value in sorted(valued, key=lambda pair: (isinstance(pair[1], str), pair[1])):
        word = value if isinstance(value, str) else _interval(edges, value)
        groups.setdefault(word, []).append(annotation)
    return groups


def _value(annotation: Mapping[str, Any], name: str) -> str | float | None:
    value = _view(annotation).get(name, annotation.get(name))
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    return value if isinstance(value, str) else float(value)


def _view(annotation: Mapping[str, Any]) -> Mapping[str, Any]:
    view = annotation.get("view")
    return view if isinstance(view, Mapping) else {}


def _interval(edges: np.ndarray, value: float) -> str:
    place = int(np.clip(np.searchsorted(edges, value, side="right") - 1, 0, _BINS - 1))
    return f"{edges[place]:.4g} to {edges[place + 1]:.4g}"
