"""What the demo found: its table, its figures, and the pictures of its report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as run_lengths

from automask_ros.library.recording import Recording
from automask_ros.types import BGRImage, Detections, PlacedMask

#: The table's columns: key in the JSON, and heading.
COLUMNS = {
    "label": "object",
    "views": "views kept",
    "accepted": "masks accepted",
    "AP": "AP",
    "AP50": "AP50",
    "seconds": "seconds from last view to live detector",
}


def table_rows(
    objects: Sequence[Mapping[str, Any]], evaluation: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """One row for each object and one for all; ``seconds`` is None where no model went live."""
    rows = []
    for taught in objects:
        precision = evaluation["per_label"].get(taught["label"], {})
        rows.append(
            {
                **{key: taught[key] for key in ("label", "views", "accepted")},
                "AP": precision.get("AP"),
                "AP50": precision.get("AP50"),
                "seconds": taught["seconds"],
            }
        )
    seconds = [row["seconds"] for row in rows if row["seconds"] is not None]
    rows.append(
        {
            "label": "all",
            "views": sum(row["views"] for row in rows),
            "accepted": sum(row["accepted"] for row in rows),
            "AP": evaluation["AP"],
            "AP50": evaluation["AP50"],
            "seconds": round(sum(seconds) / len(seconds), 1) if seconds else None,
        }
    )
    return rows


def examples(
    scenes: Path,
    truth: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    thresholds: Mapping[str, float],
) -> Iterator[tuple[str, BGRImage, Detections]]:
    """Each test scene with the detections that came back for it and pass the model's thresholds."""
    labels = {category["id"]: category["name"] for category in truth["categories"]}
    by_image: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for result in results:
        if result["score"] < thresholds.get(labels[result["category_id"]], 0.0):
            continue
        by_image[result["image_id"]].append(result)
    image_ids = {image["file_name"].rpartition(".")[0]: image["id"] for image in truth["images"]}
    for frame in Recording(scenes):
        found = by_image[image_ids[frame.name]]
        height, width = frame.image.shape[:2]
        yield frame.name, frame.image, _detections(found, labels, (height, width))


def _detections(
    results: Sequence[Mapping[str, Any]], labels: Mapping[int, str], size: tuple[int, int]
) -> Detections:
    ordered = sorted(results, key=lambda result: -float(result["score"]))
    boxes = np.array([result["bbox"] for result in ordered], np.float32).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    masks = [run_lengths.decode(result["segmentation"]).astype(bool) for result in ordered]
    return Detections(
        boxes=boxes,
        scores=np.array([result["score"] for result in ordered], np.float32),
        class_ids=np.array([result["category_id"] for result in ordered], np.int32),
        labels=tuple(labels[result["category_id"]] for result in ordered),
        masks=tuple(PlacedMask(0, 0, mask) for mask in masks),
        image_size=size,
    )
