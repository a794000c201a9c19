"""What a user would otherwise run: torchvision's own Mask R-CNN, and ONNX Runtime on its export."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.models.detection import MaskRCNN, maskrcnn_resnet50_fpn

from automask_ros.detection.export import traced
from automask_ros.detection.onnx_session import CPU
from automask_ros.types import BGRImage


@dataclass(frozen=True, eq=False)
class PlainDetections:
    """`class_ids (N,)`, `scores (N,)` and `masks (N, H, W) bool` of whole pictures."""

    class_ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    masks: NDArray[np.bool_]


PlainPredictor = Callable[[BGRImage], PlainDetections]


def torchvision_predictor(model: MaskRCNN) -> PlainPredictor:
    """`model` as torchvision runs it, on its own device."""
    device = next(model.parameters()).device

    def predict(image: BGRImage) -> PlainDetections:
        with torch.inference_mode():
            found = model([_to_tensor(image).to(device)])[0]
            names = ("labels", "scores", "masks")
            return _detections(*(found[name].cpu().numpy() for name in names))

    return predict


def exported_predictor(model: MaskRCNN, image: BGRImage, threads: int | None) -> PlainPredictor:
    """torchvision's whole `model`, its pasting included, exported as it is; `image` is traced."""
    names = ("labels", "scores", "masks")
    varying = {"image": {1: "height", 2: "width"}} | {name: {0: "count"} for name in names}
    data = traced(_Whole(model).eval(), {"image": _to_tensor(image)}, names, varying)
    # Not ours, which is set up for speed: as anybody opens a graph.
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads or 0
    ready = onnxruntime.InferenceSession(data, options, providers=[CPU])

    def predict(image: BGRImage) -> PlainDetections:
        return _detections(*ready.run(list(names), {"image": _to_tensor(image).numpy()}))

    return predict


def torchvision_defaults(num_classes: int) -> MaskRCNN:
    """torchvision's Mask R-CNN ResNet50-FPN with its default settings and random weights."""
    return maskrcnn_resnet50_fpn(
        weights=None, weights_backbone=None, num_classes=num_classes
    ).eval()


class _Whole(nn.Module):
    """A Mask R-CNN as a function of one ``(3, H, W) float32 RGB`` image."""

    def __init__(self, model: MaskRCNN) -> None:
        super().__init__()
        self._model = model

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        found = self._model([image])[0]
        return found["labels"], found["scores"], found["masks"]


def _to_tensor(image: BGRImage) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image[:, :, ::-1])).permute(2, 0, 1).float() / 255


def _detections(class_ids: Any, scores: Any, masks: Any) -> PlainDetections:
    return PlainDetections(class_ids, scores, masks[:, 0] > 0.5)
