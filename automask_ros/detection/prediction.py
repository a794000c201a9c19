"""From an image to detections with pixel masks, through a trained version of the library."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray
from torchvision.models.detection import MaskRCNN

from automask_ros.detection.base_models import build, load_checkpoint
from automask_ros.detection.doubles import lower_doubles
from automask_ros.detection.pasting import fit_image, paste_mask
from automask_ros.detection.runtimes import (
    OnnxRuntime,
    RawDetections,
    Runtime,
    TorchRuntime,
    runtime_for,
)
from automask_ros.devices import pick_device
from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.low_priority import at_low_priority
from automask_ros.memory import clear_memory_errors
from automask_ros.types import BGRImage, Detections, PlacedMask

ONNX_FILE = "model.onnx"
# Detections below it say nothing; average precision is measured from here on.
LEAST_SCORE = 0.05
RUNTIMES = ("auto", "torch", "onnx")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Predictor:
    """Finds taught objects in images.

    `labels` maps each label to its class id, `thresholds` to the least score that counts.
    `image_size` is the shorter side in pixels at which the network looks.
    """

    runtime: Runtime
    labels: dict[str, int]
    thresholds: dict[str, float]
    image_size: int
    version: int | None = None

    @classmethod
    def from_version(
        cls,
        library: Library,
        version: int | None = None,
        device: str = "auto",
        runtime: str = "auto",
        threads: int | None = None,
        *,
        gently: bool = False,
    ) -> Predictor:
        """The predictor of a version of `library`, the promoted one when None.

        `runtime` is 'onnx', 'torch' or 'auto': ONNX where the version has a graph for this
        device, else torch; the log says which. `threads` limits those of ONNX Runtime on the CPU
        (torch's are the process's own). ``gently`` where another predictor works meanwhile, which
        starting ONNX Runtime on the CPU is not to hold up. AutomaskError when there is no such
        version.
        """
        if runtime not in RUNTIMES:
            raise AutomaskError(f"unknown runtime {runtime!r}; use one of {', '.join(RUNTIMES)}")
        number = library.models.current() if version is None else version
        if number is None:
            raise AutomaskError(f"{library.root} has no promoted model; teach or train one first")
        record = library.models.record(number)
        look = partial(library.models.fault, number)
        if fault := at_low_priority(look) if gently else look():
            raise AutomaskError(
                f"model version {number} is damaged: {fault}; see automask check {library.root}"
            )
        directory = library.models.directory(number)
        place = pick_device(device)
        graph = directory / ONNX_FILE
        # On a GPU torch stays the choice until ONNX Runtime is asked for by name.
        use_onnx = runtime == "onnx" or (runtime == "auto" and graph.is_file() and place == "cpu")
        checkpoint = None if use_onnx else load_checkpoint(directory)
        chosen: Runtime = (
            OnnxRuntime(graph, place, threads, gently=gently)
            if checkpoint is None
            else TorchRuntime(build(checkpoint), place)
        )
        _log.info("model version %d runs with %s", number, chosen.name)
        size = record.image_size if isinstance(record.image_size, int) else min(record.image_size)
        return cls(chosen, dict(record.labels), dict(record.thresholds), size, number)

    @classmethod
    def from_model(
        cls,
        model: MaskRCNN,
        labels: dict[str, int],
        thresholds: Mapping[str, float] | None = None,
        device: str = "cpu",
    ) -> Predictor:
        """The predictor of a network in memory."""
        size = int(model.transform.min_size[0])
        return cls(TorchRuntime(model, device), dict(labels), dict(thresholds or {}), size)

    @classmethod
    def for_many(
        cls,
        model: MaskRCNN,
        labels: Mapping[str, int],
        device: str,
        example: BGRImage,
        pictures: int,
    ) -> Predictor:
        """The predictor of a network in memory that looks at so many `pictures`, `example`
        ``(H, W, 3) uint8 BGR`` among them."""
        size = int(model.transform.min_size[0])
        runtime = runtime_for(model, device, fit_image(example, size), pictures)
        return cls(runtime, dict(labels), {}, size)

    def __call__(self, image: BGRImage) -> Detections:
        """What of `image` ``(H, W, 3) uint8 BGR`` passes its label's threshold."""
        return self.detect(image, self.thresholds)

    def detect_all(self, image: BGRImage) -> Detections:
        """Every candidate, down to LEAST_SCORE: what average precision is measured on."""
        return self.detect(image, dict.fromkeys(self.labels, LEAST_SCORE))

    def detect(self, image: BGRImage, thresholds: Mapping[str, float]) -> Detections:
        """What of `image` reaches the least score given for its label; 0.5 where none is."""
        fitted = self.fit(image)
        minimum = self._minimum(thresholds)
        with clear_memory_errors():
            found = self.runtime(fitted, minimum)
        return self._place(found, fitted, image, minimum)

    def fit(self, image: BGRImage) -> BGRImage:
        """`image` ``(H, W, 3)`` at the size at which the network looks."""
        return fit_image(image, self.image_size)

    def look(self, fitted: Sequence[BGRImage]) -> list[RawDetections]:
        """What the network finds in images of its size, those of one size together where that is
        faster. AutomaskError when a GPU's memory runs out."""
        with clear_memory_errors():
            return self.runtime.many(fitted, self._minimum(self.thresholds))

    def place(self, found: RawDetections, fitted: BGRImage, image: BGRImage) -> Detections:
        """What was `found` in `image`, which is `fitted` at the network's size, in its pixels."""
        return self._place(found, fitted, image, self._minimum(self.thresholds))

    def _minimum(self, thresholds: Mapping[str, float]) -> NDArray[np.float32]:
        """The least score of each class id; ids without a label reach none."""
        minimum = np.full(max(self.labels.values()) + 1, 2.0, np.float32)
        for label, class_id in self.labels.items():
            minimum[class_id] = thresholds.get(label, 0.5)
        return minimum

    def _place(
        self,
        found: RawDetections,
        fitted: BGRImage,
        image: BGRImage,
        minimum: NDArray[np.float32],
    ) -> Detections:
        windows, scores, class_ids, masks = found
        size = (int(image.shape[0]), int(image.shape[1]))
        scale = (size[1] / fitted.shape[1], size[0] / fitted.shape[0])
        windows = windows * np.array([scale[0], scale[1], scale[0], scale[1]], np.float32)
        placed = tuple(
            paste_mask(mask, box, size, scale)
            for mask, box in zip(masks, windows.tolist(), strict=True)
        )
        scores = lower_doubles(placed, scores, class_ids)
        # Lowered scores change the order, and may not pass any more.
        kept = [i for i in np.argsort(-scores, kind="stable") if scores[i] >= minimum[class_ids[i]]]
        names = {class_id: label for label, class_id in self.labels.items()}
        return Detections(
            boxes=_bounds([placed[i] for i in kept], windows[kept]),
            scores=scores[kept],
            class_ids=class_ids[kept].astype(np.int32),
            labels=tuple(names[int(class_ids[i])] for i in kept),
            masks=tuple(placed[i] for i in kept),
            image_size=size,
        )


def _bounds(masks: Sequence[PlacedMask], windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The box of each mask, ``(N, 4) xyxy``; its window where not one pixel is set."""
    boxes = windows.copy()
    for box, mask in zip(boxes, masks, strict=True):
        left, top, width, height = cv2.boundingRect(mask.pixels.view(np.uint8))
        if width:
            left, top = left + mask.left, top + mask.top
            box[:] = left, top, left + width, top + height
    return boxes
