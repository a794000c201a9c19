"""The three reports, written of pictures of the sample whose true masks are known."""

import itertools
import json
import math

import numpy as np
from pycocotools import mask as run_lengths

from automask_ros.cli.demo_findings import COLUMNS, examples, table_rows
from automask_ros.library import report
from automask_ros.library.library import Library
from automask_ros.library.recording import Recording
from automask_ros.library.records import ModelRecord
from automask_ros.resources import sample_directory
from automask_ros.types import Mask, Verdict

SAMPLE = sample_directory()
#: As long as a label may be: nothing breaks it but the page's own width.
LONGEST = "bottle_" + "x" * 57
LABELS = {"cup": "cup", "bottle": LONGEST, "can": "can"}
REASONS = (
    "touches the border of the image (23% of its boundary)",
    "boundary uncertain along 72% of the boundary",
)
VIEWS = 6


def write_reports(folder):
    """Write masks.html, model.html and demo.html into a folder; their paths."""
    library = _taught(folder / "library")
    evaluation = _evaluation()
    paths = [folder / f"{name}.html" for name in ("masks", "model", "demo")]
    report.write_masks_report(library, paths[0])
    scenes = list(_scenes())
    report.write_model_report(
        library,
        paths[1],
        record=_record(),
        metrics={"evaluation": evaluation},
        losses=[{"step": step, "loss": 2 / step, "mask": 1 / step} for step in range(1, 60)],
        composites=[image for _, image, _ in scenes] * 2,
        detections=scenes,
    )
    objects = [
        {"label": label, "views": VIEWS, "accepted": VIEWS - 3, "seconds": 61.2}
        for label in LABELS.values()
    ]
    report.write_demo_report(
        paths[2],
        library,
        objects=table_rows(objects, evaluation),
        columns=COLUMNS,
        evaluation=evaluation,
        detections=scenes,
        facts={"test_scenes": 66, "thresholds": {LONGEST: 0.5}, "device": "cpu"},
    )
    return paths


def _taught(root):
    """Of each object six views: accepted ones, a refused, a vetoed, a drawn and a waiting one."""
    library = Library(root, create=True)
    for name, label in LABELS.items():
        truth = json.loads((SAMPLE / f"teach_{name}.json").read_text())
        frames = itertools.islice(Recording(SAMPLE / f"teach_{name}"), VIEWS)
        for index, (frame, annotation) in enumerate(
            zip(frames, truth["annotations"], strict=False)
        ):
            view = library.add_view(
                label, frame.image, captured_at=float(index), source="sample", view_id=frame.name
            )
            pixels = run_lengths.decode(annotation["segmentation"]).astype(bool)
            verdict = Verdict(False, 0.31, REASONS) if index == 2 else Verdict(True, 0.9)
            if index == 4:
                library.write_drawn_mask(view, pixels)
            elif index != 5:
                view = library.write_mask(view, Mask(pixels, verdict), fcn="lite")
            if index == 3:
                library.set_vetoed(view, True)
    return library


def _scenes():
    """The first scenes with what is truly in them, as if it had been detected."""
    truth = json.loads((SAMPLE / "scenes.json").read_text())
    results = [{**annotation, "score": 0.97} for annotation in truth["annotations"]]
    for name, image, found in itertools.islice(examples(SAMPLE / "scenes", truth, results, {}), 4):
        yield name, np.ascontiguousarray(image), found


def _evaluation():
    figures = {"AP": 0.912, "AP50": 0.998, "AP75": 0.954}
    recalls = np.linspace(0, 1, 101)
    return {
        **figures,
        "per_label": dict.fromkeys(LABELS.values(), figures),
        "precision_at_recall": {
            label: [1 - math.pow(recall, 9 - 2 * place) for recall in recalls]
            for place, label in enumerate(LABELS.values())
        },
    }


def _record():
    return ModelRecord(
        version=0,
        architecture="Mask R-CNN over EfficientNet-Lite0",
        labels={label: place for place, label in enumerate(LABELS.values(), start=1)},
        base_model="lite",
        image_size=320,
        thresholds=dict.fromkeys(LABELS.values(), 0.5),
        seed=7,
        created_at=1.0,
    )
