"""The two ways to run a DetectionGraph: ONNX Runtime and torch. Same inputs, same outputs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.models.detection import MaskRCNN

from automask_ros.detection.export import onnx_of
from automask_ros.detection.graph import DetectionGraph, Found
from automask_ros.detection.onnx_session import InvalidGraph, start_session
from automask_ros.errors import AutomaskError
from automask_ros.library.graph_file import check_graph
from automask_ros.low_priority import at_low_priority
from automask_ros.types import BGRImage

RawDetections = tuple[
    NDArray[np.float32], NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]
]


_WORTH_TRACING = 16  # pictures


class Runtime(Protocol):
    """Runs the graph on one image at the network's size."""

    name: str
    batches: bool
    """Whether several images take less time together than one after the other."""

    def __call__(self, image: BGRImage, minimum: NDArray[np.float32]) -> RawDetections:
        """Boxes ``(N, 4)``, scores ``(N,)``, class ids ``(N,)`` and masks ``(N, 28, 28)``."""

    def many(self, images: Sequence[BGRImage], minimum: NDArray[np.float32]) -> list[RawDetections]:
        """The same of each of several images."""


class TorchRuntime:
    """Plain torch on `device` ('cpu', 'cuda', 'cuda:1', ...)."""

    def __init__(self, model: MaskRCNN, device: str) -> None:
        self._device = torch.device(device)
        self._graph = DetectionGraph(model).to(self._device).eval()
        self.batches = self._device.type != "cpu"
        self.name = f"torch on {device}"

    def __call__(self, image: BGRImage, minimum: NDArray[np.float32]) -> RawDetections:
        with torch.inference_mode():
            found = self._graph(self._moved(image), self._moved(minimum))
            return _as_arrays(found)

    def many(self, images: Sequence[BGRImage], minimum: NDArray[np.float32]) -> list[RawDetections]:
        """On a GPU those of one size go through the backbone together."""
        sizes = {image.shape for image in images}
        if not self.batches or len(images) == 1 or len(sizes) > 1:
            return [self(image, minimum) for image in images]
        with torch.inference_mode():
            found = self._graph.many(self._moved(np.stack(images)), self._moved(minimum))
            return [_as_arrays(each) for each in found]

    def _moved(self, values: NDArray[Any]) -> Tensor:
        # torch shares memory with arrays that may be written into alone; a camera's may not.
        shared = values if values.flags.writeable else values.copy()
        return torch.from_numpy(shared).to(self._device)


def _as_arrays(found: Found) -> RawDetections:
    boxes, scores, class_ids, masks = (each.cpu().numpy() for each in found)
    return boxes, scores, class_ids, masks


class OnnxRuntime:
    """ONNX Runtime by the first provider that works on `device`: TensorRT, CUDA, the CPU.

    `graph` is a file, or what it holds. `threads` limits the CPU threads; all cores when None.
    ``gently`` where another network runs meanwhile, which starting this is not to hold up.
    AutomaskError when the graph does not load, or `device` is a GPU and neither of its providers
    starts.
    """

    batches = False  # its graph takes one image

    def __init__(
        self, graph: Path | bytes, device: str, threads: int | None = None, *, gently: bool = False
    ) -> None:
        if isinstance(graph, Path):
            look = partial(check_graph, graph, alone=True)
            at_low_priority(look) if gently else look()
        try:
            self._session, used = start_session(graph, device, threads, gently=gently)
        except InvalidGraph as error:
            name = "the graph" if isinstance(graph, bytes) else graph
            raise AutomaskError(
                f"{name} does not load in ONNX Runtime; train again or use runtime torch"
            ) from error
        self.name = f"ONNX Runtime on {used}"

    def __call__(self, image: BGRImage, minimum: NDArray[np.float32]) -> RawDetections:
        boxes, scores, class_ids, masks = self._session.run(
            None, {"image": image, "minimum": minimum}
        )
        return boxes, scores, class_ids, masks

    def many(self, images: Sequence[BGRImage], minimum: NDArray[np.float32]) -> list[RawDetections]:
        """One after the other."""
        return [self(image, minimum) for image in images]


def runtime_for(model: MaskRCNN, device: str, image: BGRImage, pictures: int) -> Runtime:
    """Runs `model` on so many `pictures`; `image` is one, at the network's size.

    On a CPU that is ONNX Runtime from some pictures on: it takes a third of torch's time, and a few
    seconds before it begins.
    """
    if device != "cpu" or pictures < _WORTH_TRACING:
        return TorchRuntime(model, device)
    return OnnxRuntime(onnx_of(model, image), device, torch.get_num_threads())
