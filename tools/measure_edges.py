"""Where the strongest edge of a photograph lies, seen from a mask's outline and from a person's.

    python tools/measure_edges.py --library LIB --annotations COCO.json

Says what keeps automatic masks from people's polygons: an outline beside the edge, or polygons
that were drawn beside it. Then the mean IoU of the masks, of the same masks one pixel smaller all
around, and of the best of them, as one would keep them who knew the truth: no verdict can accept
the same share at a better mean. For labels of round things, also what corners cost: the IoU of each
polygon with the ellipse through its own corners.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np

from automask_ros.library.coco import CocoSet, read_coco
from automask_ros.library.library import Library
from automask_ros.segmentation.evaluation import MaskMeasurement, mask_iou, measure_masks
from automask_ros.types import View

# Pixels between an outline and the middle of the pixels beside it, outwards.
OFFSETS = np.arange(-3.5, 4)


def main() -> None:
    """Prints the gradients, then the means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--annotations", type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.85, help="of the masks, for the best mean")
    parser.add_argument("--round", nargs="*", default=[], metavar="LABEL", help="of round things")
    options = parser.parse_args()
    library, coco = Library(options.library), read_coco(options.annotations)
    measured = measure_masks(library, coco)
    print_gradients(library, coco, [each.view for each in measured])
    print_means(library, coco, measured, options.share)
    for label in options.round:
        views = [each.view for each in measured if each.view.label == label]
        print(f"{label}: ellipses {np.mean([ellipse_iou(coco, view) for view in views]):.4f}")


def print_gradients(library: Library, coco: CocoSet, views: list[View]) -> None:
    """A row for each label and kind of outline: the mean gradient beside it."""
    profiles: dict[tuple[str, str], list[np.ndarray]] = defaultdict(list)
    for view in views:
        contrast = gradient(library.read_image(view))
        outlines = {
            "mask": library.usable_mask(view),
            "person": coco.mask_of(view.id, view.label),
        }
        for name, pixels in outlines.items():
            if pixels is not None and pixels.any():
                profiles[view.label, name].append(profile(contrast, pixels))
    print(f"{'mean gradient at':24}" + "".join(f"{offset:+6.1f}" for offset in OFFSETS) + " px")
    for (label, name), rows in sorted(profiles.items()):
        values = "".join(f"{value:6.2f}" for value in np.nanmean(rows, axis=0))
        print(f"{label[:16]:17}{name:7}{values}")


def print_means(
    library: Library, coco: CocoSet, measured: list[MaskMeasurement], share: float
) -> None:
    """Mean IoU as it is, of masks one pixel smaller, and of the best `share` of the masks."""
    smaller: dict[str, list[float]] = defaultdict(list)
    for view in (each.view for each in measured):
        truth, pixels = coco.mask_of(view.id, view.label), library.usable_mask(view)
        if truth is not None and pixels is not None:
            inside = cv2.distanceTransform(pixels.astype(np.uint8), cv2.DIST_L2, 5) > 1
            smaller[view.label].append(mask_iou(inside, truth))
    ious = np.sort([each.iou for each in measured])[::-1]
    best = ious[: int(np.ceil(share * len(ious)))]
    print(f"mean IoU {ious.mean():.4f}; of the truly best {share:.0%}: {best.mean():.4f}")
    labels = ", ".join(f"{label} {np.mean(values):.3f}" for label, values in smaller.items())
    everything = np.concatenate([np.asarray(values) for values in smaller.values()])
    print(f"one pixel smaller: {everything.mean():.4f} ({labels})")


def ellipse_iou(coco: CocoSet, view: View) -> float:
    """IoU of a person's polygon with the ellipse fitted to its corners, at four times the size."""
    fine = 4
    (annotation,) = coco.annotations_of(view.id, view.label)
    corners = np.array(annotation.segmentation[0], np.float32).reshape(-1, 2) * fine
    canvas = np.zeros((view.height * fine, view.width * fine), np.uint8)
    polygon = cv2.fillPoly(canvas.copy(), [np.round(corners).astype(np.int32)], 1) > 0
    return mask_iou(cv2.ellipse(canvas, cv2.fitEllipse(corners), 1, -1) > 0, polygon)


def gradient(image: np.ndarray) -> np.ndarray:
    """(H, W) float32: how much a BGR picture (H, W, 3) changes, over all channels."""
    smooth = cv2.GaussianBlur(image, (0, 0), 0.7).astype(np.float32)
    across, down = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    contrast: np.ndarray = np.sqrt((across**2 + down**2).sum(axis=2))
    return contrast


def profile(contrast: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Mean of `contrast` at each of OFFSETS from the outline of the mask, the largest as 1."""
    solid = mask.astype(np.uint8)
    outside, inside = (cv2.distanceTransform(m, cv2.DIST_L2, 5) for m in (1 - solid, solid))
    distance = np.where(mask, 0.5 - inside, outside - 0.5)
    rings = [np.abs(distance - offset) < 0.5 for offset in OFFSETS]
    means = np.array([contrast[ring].mean() if ring.any() else np.nan for ring in rings])
    return means / np.nanmax(means)


if __name__ == "__main__":
    main()
