"""Where the strongest edge of a photograph lies, seen from a mask's outline and from a person's.

    python tools/measure_edges.py --library LIB --annotations COCO.json

Says what keeps automatic masks from people's polygons: an outline beside the edge, or polygons
that were drawn beside it. Also the mean IoU of the best masks, as one would keep them who knew the
truth: no verdict can accept the same share at a better mean.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np

from automask_ros.library.coco import read_coco
from automask_ros.library.library import Library
from automask_ros.segmentation.evaluation import measure_masks

# Pixels between an outline and the middle of the pixels beside it, outwards.
OFFSETS = np.arange(-3.5, 4)


def main() -> None:
    """Prints a row for each label and kind of outline."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--annotations", type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.85, help="of the masks, for the best mean")
    options = parser.parse_args()
    library, coco = Library(options.library), read_coco(options.annotations)
    measured = measure_masks(library, coco)
    profiles: dict[tuple[str, str], list[np.ndarray]] = defaultdict(list)
    for view in (each.view for each in measured):
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
    ious = np.sort([each.iou for each in measured])[::-1]
    best = ious[: int(np.ceil(options.share * len(ious)))]
    print(f"mean IoU {ious.mean():.4f}; of the truly best {options.share:.0%}: {best.mean():.4f}")


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
