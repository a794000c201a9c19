"""Average precision by view: of the instances alone that an annotated property puts together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from automask_ros.detection.evaluation import Result, evaluate_results
from automask_ros.errors import AutomaskError

_BINS = 4  # of a property that is a number

Groups = dict[str, list[Mapping[str, Any]]]


def evaluate_by(
    truth: Mapping[str, Any], results: list[Result], labels: Sequence[str], name: str
) -> dict[str, dict[str, dict[str, float | int | None]]]:
    """AP, AP50, AP75 and ``instances`` of each group of instances, for each of `labels`.

    `name` is a property of the annotations of `truth`, of their own or below ``view``: words make a
    group each; numbers are cut into four groups of equally many instances. Detections of an object
    outside a group count neither for it nor against it; everything else that is wrong counts in
    each. AutomaskError when no annotation has the property.
    """
    names = {category["id"]: category["name"] for category in truth["categories"]}
    counted = [a for a in truth["annotations"] if names[a["category_id"]] in set(labels)]
    found: dict[str, dict[str, dict[str, float | int | None]]] = {label: {} for label in labels}
    for group, members in _groups(counted, name).items():
        inside = {annotation["id"] for annotation in members}
        masked = dict(truth)
        masked["annotations"] = [
            annotation if annotation["id"] in inside else _ignored(annotation)
            for annotation in counted
        ]
        summary = evaluate_results(masked, results, labels)
        for label, values in summary["per_label"].items():
            count = sum(names[a["category_id"]] == label for a in members)
            if count:
                found[label][group] = {**values, "instances": count}
    return found


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


def _ignored(annotation: Mapping[str, Any]) -> dict[str, Any]:
    """The same as a crowd: pycocotools lets what is found there pass."""
    return {**annotation, "iscrowd": 1}
