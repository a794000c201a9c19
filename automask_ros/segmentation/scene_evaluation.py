"""How well a scene parsing network does: the four figures of the paper and of the benchmark.

Long, Shelhamer, Darrell (CVPR 2015), section 5, with n_ij the number of pixels of class i that are
predicted as j, t_i those of class i:

    pixel accuracy              sum_i n_ii / sum_i t_i
    mean accuracy               mean over i of n_ii / t_i
    mean IoU                    mean over i of n_ii / (t_i + sum_j n_ji - n_ii)
    frequency weighted IoU      sum_i t_i * IoU_i / sum_i t_i

SceneParse150's own evaluation fixes the rest: what is unlabelled in the annotation does not count,
whatever is predicted there; areas are summed over all images first; the prediction has the size of
the annotation; and the mean IoU is over all classes of the set, so that one that neither occurs nor
is predicted counts as 0. (All 150 occur in the published validation set.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import cv2
import numpy as np
import torch
from torch.nn import functional

from automask_ros.segmentation.normalisation import normalise
from automask_ros.segmentation.scene_parsing import UNLABELLED
from automask_ros.segmentation.scene_samples import Scenes
from automask_ros.segmentation.vgg_fcn import VggFCN

HEADLINES = ("pixel_accuracy", "mean_accuracy", "mean_iou", "frequency_weighted_iou")
"""Keys of the four figures."""
LONGEST_SIDE = 1024
"""Larger images are shown to the network at this size, in pixels; its scores are brought back."""


def confusion_matrix(annotation: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Pixels by class in `annotation` (row) and in `predicted` (column): (classes, classes) int64.

    Both are (H, W) with values from 1; where the annotation is 0 nothing is counted.
    """
    labelled = annotation != UNLABELLED
    rows = annotation[labelled].astype(np.int64) - 1
    columns = predicted[labelled].astype(np.int64) - 1
    counts = np.bincount(rows * classes + columns, minlength=classes**2)
    return counts.reshape(classes, classes)


def scene_figures(matrix: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    """The figures of a confusion matrix (C, C) over the classes `names`, ready for JSON.

    C may be larger: a network may know more classes than the set, behind the set's.

    `pixel_accuracy`, `mean_accuracy` (over the classes that occur), `mean_iou`,
    `frequency_weighted_iou`, `mean_iou_of_present` (over the classes that occur or are predicted),
    `pixels` labelled, `classes` and how many of them are `present` in the annotations, and
    `per_class` the `iou`, `accuracy` and `pixels` of each; what is a mean over nothing is None.
    """
    count = len(names)
    correct = np.diag(matrix)[:count].astype(np.float64)
    truth, found = matrix.sum(axis=1)[:count], matrix.sum(axis=0)[:count]
    union = truth + found - correct
    iou = np.divide(correct, union, out=np.zeros_like(correct), where=union > 0)
    accuracy = np.divide(correct, truth, out=np.zeros_like(correct), where=truth > 0)
    total = int(truth.sum())
    present = truth > 0
    return {
        "pixel_accuracy": float(correct.sum() / total) if total else None,
        "mean_accuracy": float(accuracy[present].mean()) if total else None,
        "mean_iou": float(iou.mean()) if total else None,
        "frequency_weighted_iou": float((truth * iou).sum() / total) if total else None,
        "mean_iou_of_present": float(iou[union > 0].mean()) if total else None,
        "pixels": total,
        "classes": count,
        "present": int(present.sum()),
        "per_class": {
            name: {
                "iou": float(iou[number]) if union[number] else None,
                "accuracy": float(accuracy[number]) if present[number] else None,
                "pixels": int(truth[number]),
            }
            for number, name in enumerate(names)
        },
    }


def predict_classes(
    network: VggFCN, image: np.ndarray, longest_side: int = LONGEST_SIDE
) -> np.ndarray:
    """The most likely class of each pixel of an (H, W, 3) BGR image: (H, W) int16, from 1."""
    height, width = image.shape[:2]
    scale = min(1.0, longest_side / max(height, width))
    if scale < 1.0:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    device = next(network.parameters()).device
    with torch.inference_mode():
        scores = network(normalise(image, network).to(device))
        if scale < 1.0:
            scores = functional.interpolate(scores, (height, width), mode="bilinear")
        best: np.ndarray = scores[0].argmax(dim=0).cpu().numpy()
    return (best + 1).astype(np.int16)


def measure_scenes(
    network: VggFCN,
    scenes: Scenes,
    which: Iterable[int],
    on_scene: Callable[[int], None] | None = None,
) -> np.ndarray:
    """The confusion matrix (C, C) of a network with C classes over the scenes numbered `which`."""
    training = network.training
    network.eval()
    classes = len(network.classes.names)
    matrix = np.zeros((classes, classes), np.int64)
    for done, index in enumerate(which, start=1):
        scene = scenes[index]
        predicted = predict_classes(network, scene.image)
        matrix += confusion_matrix(scene.annotation, predicted, classes)
        if on_scene is not None:
            on_scene(done)
    network.train(training)
    return matrix
