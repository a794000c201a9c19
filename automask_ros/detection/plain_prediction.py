"""What a user would otherwise run: torchvision's own Mask R-CNN, and ONNX Runtime on its export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.models.detection import MaskRCNN, maskrcnn_resnet50_fpn
from torchvision.models.detection.image_list import ImageList

from automask_ros.detection.export import traced
from automask_ros.detection.onnx_session import CPU
from automask_ros.library.image_message import image_fields
from automask_ros.types import BGRImage

_OUTPUTS = ("labels", "scores", "masks")


@dataclass(frozen=True, eq=False)
class PlainDetections:
    """`class_ids (N,)`, `scores (N,)` and `masks (N, H, W) bool` of whole pictures."""

    class_ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    masks: NDArray[np.bool_]


class TorchvisionStages:
    """`model` as torchvision runs it, on its own device, in the steps of its `forward`."""

    def __init__(self, model: MaskRCNN) -> None:
        self._model = model
        self._device = next(model.parameters()).device

    @torch.inference_mode()
    def convert(self, message: Mapping[str, Any]) -> tuple[ImageList, tuple[int, int]]:
        """The picture resized and normalised by torchvision, and its (height, width)."""
        images, _ = self._model.transform([_to_tensor(message).to(self._device)])
        self._finish()
        return images, (message["height"], message["width"])

    @torch.inference_mode()
    def infer(
        self, opened: tuple[ImageList, tuple[int, int]]
    ) -> tuple[list[dict[str, Tensor]], ImageList, tuple[int, int]]:
        images, size = opened
        features = self._model.backbone(images.tensors)
        proposals, _ = self._model.rpn(images, features)
        found, _ = self._model.roi_heads(features, proposals, images.image_sizes)
        self._finish()
        return found, images, size

    @torch.inference_mode()
    def paste(
        self, found: tuple[list[dict[str, Tensor]], ImageList, tuple[int, int]]
    ) -> PlainDetections:
        raw, images, size = found
        (whole,) = self._model.transform.postprocess(raw, images.image_sizes, [size])
        return _detections(*(whole[name].cpu().numpy() for name in _OUTPUTS))

    def _finish(self) -> None:
        # A GPU works on while Python goes on: each stage is to be timed with its own work.
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)


class ExportedStages:
    """torchvision's whole `model` on the CPU, exported as it is: resizing, normalising and pasting
    are within its graph. `image` ``(H, W, 3) uint8 BGR`` is what it is traced on."""

    def __init__(self, model: MaskRCNN, image: BGRImage, threads: int | None) -> None:
        varying = {"image": {1: "height", 2: "width"}} | {name: {0: "count"} for name in _OUTPUTS}
        example = {"image": _to_tensor(image_fields(image))}
        data = traced(_Whole(model).eval(), example, _OUTPUTS, varying)
        # Not ours, which is set up for speed: as anybody opens a graph.
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = threads or 0
        self._session = onnxruntime.InferenceSession(data, options, providers=[CPU])

    def convert(self, message: Mapping[str, Any]) -> NDArray[np.float32]:
        return np.asarray(_to_tensor(message).numpy(), np.float32)

    def infer(self, opened: NDArray[np.float32]) -> Sequence[NDArray[Any]]:
        answers: Sequence[NDArray[Any]] = self._session.run(list(_OUTPUTS), {"image": opened})
        return answers

    def paste(self, found: Sequence[NDArray[Any]]) -> PlainDetections:
        return _detections(*found)


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


def _to_tensor(message: Mapping[str, Any]) -> Tensor:
    """``(3, H, W) float32 RGB`` from 0 to 1, of the fields of an image in bgr8 or rgb8."""
    shape = message["height"], message["width"], 3
    pixels = np.frombuffer(message["data"], np.uint8).reshape(shape)
    rgb = pixels if message["encoding"] == "rgb8" else np.ascontiguousarray(pixels[:, :, ::-1])
    return torch.from_numpy(rgb).permute(2, 0, 1).float() / 255


def _detections(class_ids: Any, scores: Any, masks: Any) -> PlainDetections:
    return PlainDetections(class_ids, scores, masks[:, 0] > 0.5)
