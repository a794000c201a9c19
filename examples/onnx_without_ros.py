#!/usr/bin/env python3
"""Run a taught model without ROS, PyTorch or automask_ros: numpy, OpenCV and ONNX Runtime.

    python3 onnx_without_ros.py my_objects/models/3 picture.png --output found.png

Prints label, score and box (x1, y1, x2, y2 in pixels) of each object, best first, and draws them
into an overlay. What is found is what `automask detect` finds. Around the graph there is little to
do, and all of it is here: bring the picture to the network's size, give the least score of each
class, paste the 28 x 28 masks back, and lower the score of what was found twice.
"""

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

LONGEST_ASPECT = 1.8  # of the network's input
COLOURS = [(0, 159, 230), (233, 180, 86), (115, 158, 0), (66, 228, 240), (178, 114, 0)]  # BGR


class Found(NamedTuple):
    """One object in a picture."""

    label: str
    score: float
    box: tuple[float, float, float, float]  # x1, y1, x2, y2 in pixels: the bounds of the mask
    mask: NDArray[np.bool_]  # (H, W)


class Model:
    """A version of a library: the folder with model.onnx and model.json."""

    def __init__(self, folder: Path) -> None:
        record = json.loads((folder / "model.json").read_text())
        self.labels: dict[int, str] = {number: name for name, number in record["labels"].items()}
        size = record["image_size"]  # the shorter side; or (height, width)
        self.image_size = size if isinstance(size, int) else min(size)
        # The graph gives nothing below these. Index 0 is the background; what has no label is out.
        self.minimum = np.full(max(self.labels) + 1, 2.0, np.float32)
        for number, label in self.labels.items():
            self.minimum[number] = record["thresholds"].get(label, 0.5)
        # On a GPU: onnxruntime-gpu, and "CUDAExecutionProvider" before that of the CPU.
        self.session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), providers=["CPUExecutionProvider"]
        )

    def __call__(self, image: NDArray[np.uint8]) -> list[Found]:
        """What is in `image`, (H, W, 3) uint8 BGR, best first."""
        fitted = self._fit(image)
        windows, scores, numbers, masks = self.session.run(
            None, {"image": fitted, "minimum": self.minimum}
        )
        height, width = image.shape[:2]
        scale = np.array([width / fitted.shape[1], height / fitted.shape[0]])
        windows = windows * np.tile(scale, 2).astype(np.float32)
        pasted = [
            paste(mask, window, (height, width), scale)
            for mask, window in zip(masks, windows, strict=True)
        ]
        scores = lower_doubles(pasted, scores, numbers)
        kept = [
            index
            for index in np.argsort(-scores, kind="stable")
            if scores[index] >= self.minimum[numbers[index]]
        ]
        return [
            Found(
                self.labels[int(numbers[i])],
                float(scores[i]),
                bounds(pasted[i], windows[i]),
                pasted[i],
            )
            for i in kept
        ]

    def _fit(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The picture at the network's size: never enlarged, and no side beyond the longest."""
        short, long = sorted(image.shape[:2])
        scale = min(self.image_size / short, round(self.image_size * LONGEST_ASPECT) / long, 1.0)
        height, width = (max(1, round(side * scale)) for side in image.shape[:2])
        if (height, width) == image.shape[:2]:
            return np.ascontiguousarray(image)
        return np.asarray(
            cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8
        )


def paste(
    probability: NDArray[np.float32],
    window: NDArray[np.float32],
    size: tuple[int, int],
    scale: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """A mask of the network, (28, 28) in its window x1, y1, x2, y2, as (H, W) of the picture.

    The centre of the first bin lies half a bin behind the window's edge, and a pixel of the network
    spans `scale` of the picture's: this is where the network took its samples.
    """
    mask = np.zeros(size, bool)
    across = _axis(window[0], window[2], probability.shape[1], size[1], scale[0])
    down = _axis(window[1], window[3], probability.shape[0], size[0], scale[1])
    (left, width, step_x, start_x), (top, height, step_y, start_y) = across, down
    if width <= 0 or height <= 0:
        return mask  # outside the picture
    resized = cv2.warpAffine(
        probability,
        np.array([[step_x, 0.0, start_x], [0.0, step_y, start_y]]),
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
    )
    mask[top : top + height, left : left + width] = resized > 0.5
    return mask


def _axis(
    low: float, high: float, bins: int, limit: int, scale: float
) -> tuple[int, int, float, float]:
    """First pixel, number of pixels, bins a pixel, and the bin of the first pixel."""
    low, high = float(low), float(high)
    bin_width = max(high - low, 1e-3) / bins
    first = max(math.floor(low - bin_width), 0)
    last = min(math.ceil(high + bin_width), limit)
    start = (first + 0.5 - 0.5 * scale - low) / bin_width - 0.5
    return first, last - first, 1.0 / bin_width, start


def lower_doubles(
    masks: list[NDArray[np.bool_]], scores: NDArray[np.float32], numbers: NDArray[np.int64]
) -> NDArray[np.float32]:
    """The scores; 0.3 of it where over 0.6 of a mask is shared with a better one of its class."""
    lowered = scores.copy()
    single: list[int] = []
    for index in np.argsort(-scores, kind="stable"):
        mask = masks[index]
        for other in single:
            enough = 0.6 * min(mask.sum(), masks[other].sum())
            if numbers[other] == numbers[index] and (mask & masks[other]).sum() > enough:
                lowered[index] *= 0.3
                break
        else:
            single.append(index)
    return lowered


def bounds(
    mask: NDArray[np.bool_], window: NDArray[np.float32]
) -> tuple[float, float, float, float]:
    """The box around a mask; its window where not one pixel is set."""
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    if not width:
        x1, y1, x2, y2 = (float(value) for value in window)
        return x1, y1, x2, y2
    return float(left), float(top), float(left + width), float(top + height)


def overlay(image: NDArray[np.uint8], found: list[Found]) -> NDArray[np.uint8]:
    """The picture with masks, boxes and names; the best one on top."""
    canvas = image.copy()
    colours: dict[str, tuple[int, int, int]] = {}
    for each in found:
        colours.setdefault(each.label, COLOURS[len(colours) % len(COLOURS)])
    for each in reversed(found):
        colour = colours[each.label]
        canvas[each.mask] = (0.5 * canvas[each.mask] + 0.5 * np.array(colour)).astype(np.uint8)
        x1, y1, x2, y2 = (round(value) for value in each.box)
        cv2.rectangle(canvas, (x1, y1), (x2 - 1, y2 - 1), colour, 2)
        words = f"{each.label} {each.score:.2f}"
        where = (x1, max(y1 - 6, 14))
        for thickness, ink in ((3, (0, 0, 0)), (1, (255, 255, 255))):
            font = cv2.FONT_HERSHEY_SIMPLEX
            cv2.putText(canvas, words, where, font, 0.55, ink, thickness, cv2.LINE_AA)
    return canvas


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="folder of a version: LIBRARY/models/VERSION")
    parser.add_argument("image", type=Path)
    parser.add_argument(
        "--output", type=Path, default=Path("found.png"), help="the overlay (default: found.png)"
    )
    options = parser.parse_args()
    image: Any = None
    if options.image.is_file():  # OpenCV would warn, in words of its own
        image = cv2.imread(str(options.image), cv2.IMREAD_COLOR)
    if image is None:
        print(f"{options.image} is no picture that can be read", file=sys.stderr)
        return 1
    if missing := [n for n in ("model.json", "model.onnx") if not (options.model / n).is_file()]:
        print(f"{options.model} has no {missing[0]}; give LIBRARY/models/VERSION", file=sys.stderr)
        return 1
    found = Model(options.model)(image)
    for each in found:
        print(f"{each.label} {each.score:.4f} " + " ".join(f"{value:.1f}" for value in each.box))
    if not cv2.imwrite(str(options.output), overlay(image, found)):
        print(f"{options.output} cannot be written", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
