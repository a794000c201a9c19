"""Who is timed: ours by each runtime, and what a user would otherwise run."""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from torchvision.models.detection import MaskRCNN

from automask_ros.detection.export import onnx_of
from automask_ros.detection.pasting import fit_image
from automask_ros.detection.plain_prediction import (
    ExportedStages,
    PlainDetections,
    TorchvisionStages,
    torchvision_defaults,
)
from automask_ros.detection.prediction import Predictor
from automask_ros.detection.runtimes import OnnxRuntime, RawDetections, Runtime, TorchRuntime
from automask_ros.errors import AutomaskError
from automask_ros.library.image_message import decode_image
from automask_ros.types import BGRImage, Detections

OURS, OURS_TORCH = "ours, ONNX Runtime", "ours, torch"
TORCHVISION, EXPORTED = "torchvision", "ONNX Runtime on torchvision's export"
DEFAULTS = "torchvision's Mask R-CNN at its defaults"

_log = logging.getLogger(__name__)


class Stages(Protocol):
    """The way of a camera's picture to objects with masks of its size: each stage takes what the
    one before gave."""

    def convert(self, message: Mapping[str, Any]) -> Any:
        """What the network takes, of the fields of a sensor_msgs/Image in bgr8 or rgb8."""

    def infer(self, opened: Any) -> Any:
        """What the network finds."""

    def paste(self, found: Any) -> Detections | PlainDetections:
        """Its masks in pixels of the picture."""


class OurStages:
    """A Predictor's, as the detector goes through them."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def convert(self, message: Mapping[str, Any]) -> tuple[BGRImage, BGRImage]:
        image = decode_image(**message)
        return image, self._predictor.fit(image)

    def infer(self, opened: tuple[BGRImage, BGRImage]) -> tuple[BGRImage, BGRImage, RawDetections]:
        image, fitted = opened
        return image, fitted, self._predictor.look([fitted])[0]

    def paste(self, found: tuple[BGRImage, BGRImage, RawDetections]) -> Detections:
        image, fitted, raw = found
        return self._predictor.place(raw, fitted, image)


@dataclass
class Contestant:
    """Finds objects in pictures; `seconds` has those of convert, infer and paste for each."""

    name: str
    stages: Stages
    seconds: list[tuple[float, float, float]] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)

    def find(self, message: Mapping[str, Any]) -> tuple[Any, tuple[float, float, float]]:
        """What is found in a message's picture, and the seconds of each stage."""
        begun = time.perf_counter()
        opened = self.stages.convert(message)
        converted = time.perf_counter()
        found = self.stages.infer(opened)
        inferred = time.perf_counter()
        answer = self.stages.paste(found)
        pasted = time.perf_counter()
        return answer, (converted - begun, inferred - converted, pasted - inferred)


def contestants(
    model: MaskRCNN,
    architecture: str,
    labels: Mapping[str, int],
    thresholds: Mapping[str, float],
    image: BGRImage,
    device: str,
    threads: int | None,
) -> list[Contestant]:
    """Ours by each runtime, torchvision with the same weights and settings where it can run them,
    and torchvision's own Mask R-CNN as it comes, all on `device`. `image` is what graphs are traced
    on. Who cannot start is left out, and a warning says why."""
    size = int(model.transform.min_size[0])

    def ours(runtime: Runtime) -> OurStages:
        return OurStages(Predictor(runtime, dict(labels), dict(thresholds), size))

    def by_onnx() -> OurStages:
        return ours(OnnxRuntime(onnx_of(model, fit_image(image, size)), device, threads))

    makers: dict[str, Callable[[], Stages]] = {
        OURS: by_onnx,
        OURS_TORCH: lambda: ours(TorchRuntime(model, device)),
    }
    if architecture == "resnet50":
        plain = copy.deepcopy(model).eval()
        # Its one threshold for all is our lowest: no more masks are made than ours has to make.
        plain.roi_heads.score_thresh = min(thresholds.values())
        makers[TORCHVISION] = lambda: TorchvisionStages(plain.to(device))
        if device == "cpu":
            makers[EXPORTED] = lambda: ExportedStages(plain, image, threads)
    defaults = torchvision_defaults(max(labels.values()) + 1)
    makers[DEFAULTS] = lambda: TorchvisionStages(defaults.to(device))
    return _started(makers)


def _started(makers: Mapping[str, Callable[[], Stages]]) -> list[Contestant]:
    found = []
    for name, make in makers.items():
        try:
            found.append(Contestant(name, make()))
        except AutomaskError as error:
            _log.warning("%s is left out: %s", name, error)
    return found
