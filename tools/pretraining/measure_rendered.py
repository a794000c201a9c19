"""IoU of stage one as it ships, filter, edges and verdict included, on rendered pictures that are
never trained on, after what cameras do to pictures.

    python measure_rendered.py --data DATA --weights lite_fcn.safetensors

What is to be chosen (weights, thresholds, sizes) is chosen by this, so that photographs can say
honestly what it is worth.
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path

import cv2
import numpy as np
import torch
from degradation import degrade
from fcn_samples import stands_out
from pictures import Pictures, add_planned_scenes, planned_scenes, read_scene
from train_fcn import SMALLEST_WANTED, held_out_sets

from automask_ros.segmentation.evaluation import mask_iou, rank_correlation
from automask_ros.segmentation.mask_generator import MaskGenerator


def main() -> None:
    """Logs mean IoU, the share above 0.8 and Spearman's correlation for each set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", default="lite", help="a path, or lite: those that ship")
    parser.add_argument("--limit", type=int, default=100, help="pictures of each set")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    add_planned_scenes(parser)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    pictures = Pictures(options.data, planned_scenes(options))
    generator = MaskGenerator(options.weights, device="cpu")
    figures = {
        name: measure(generator, paths[: options.limit])
        for name, paths in held_out_sets(pictures).items()
    }
    logging.info(json.dumps(figures, indent=1))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


def measure(generator: MaskGenerator, paths: list[Path]) -> dict[str, float | None]:
    """The figures of one set; each picture is degraded in its own fixed way."""
    ious, scores = [], []
    for path in paths:
        image, ids = read_scene(path)
        wanted = ids == 1
        if wanted.sum() < SMALLEST_WANTED or not stands_out(ids):
            continue
        mask = generator(degrade(np.random.default_rng([7, int(path.stem)]), image))
        ious.append(mask_iou(mask.pixels, wanted))
        scores.append(mask.verdict.score)
    if not ious:
        return {}
    values = np.array(ious)
    return {
        "pictures": len(values),
        "mean_iou": round(float(values.mean()), 4),
        "share_above_080": round(float((values > 0.8).mean()), 4),
        "spearman": rank_correlation(np.array(scores), values),
    }


if __name__ == "__main__":
    main()
