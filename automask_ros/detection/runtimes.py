"""The two ways to run a DetectionGraph: ONNX Runtime and torch. Same inputs, same outputs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torchvision.models.detection import MaskRCNN

from automask_ros.detection.export import onnx_of
from automask_ros.detection.graph import DetectionGraph
from automask_ros.errors import AutomaskError
from automask_ros.types import BGRImage

RawDetections = tuple[
    NDArray[np.float32], NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]
]


CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_WORTH_TRACING = 16  # pictures


class Runtime(Protocol):
    """Runs the graph on one image at the network's size."""

    name: str

    def __call__(self, image: BGRImage, minimum: NDArray[np.float32]) -> RawDetections:
        """Boxes ``(N, 4)``, scores ``(N,)``, class ids ``(N,)`` and masks ``(N, 28, 28)``."""


class TorchRuntime:
    """Plain torch on `device` ('cpu', 'cuda', 'cuda:1', ...)."""

    def __init__(self, model: MaskRCNN, device: str) -> None:
        self._device = torch.device(device)
        self._graph = DetectionGraph(model).to(self._device).eval()
        self.name = f"torch on {device}"

    def __call__(self, image: BGRImage, minimum: NDArray[np.float32]) -> RawDetections:
        with torch.inference_mode():
            # torch shares memory with arrays that may be written into alone; a camera's may not.
            shared = image if image.flags.writeable else image.copy()
            pixels = torch.from_numpy(shared).to(self._device)
            outputs = self._graph(pixels, torch.from_numpy(minimum).to(self._device))
            boxes, scores, class_ids, masks = (output.cpu().numpy() for output in outputs)
        return boxes, scores, class_ids, masks


class OnnxRuntime:
    """ONNX Runtime with CUDA where `device` asks for it, else on the CPU.

    `graph` is a file, or what it holds. `threads` limits the CPU threads; all cores when None.
    AutomaskError when the graph does not load, or CUDA is asked for and does not start.
    """

    def __init__(self, graph: Path | bytes, device: str, threads: int | None = None) -> None:
        wanted: list[Any] = [CPU]
        if device.startswith("cuda"):
            _require_cuda(onnxruntime.get_available_providers())
            index = torch.device(device).index or 0
            wanted.insert(0, (_CUDA, {"device_id": index}))
        try:
            given = graph if isinstance(graph, bytes) else str(graph)
            self._session = session(given, wanted, threads)
        except Exception as error:  # its errors have no common base below Exception
            name = "the graph" if isinstance(graph, bytes) else graph
            raise AutomaskError(
                f"{name} does not load in ONNX Runtime; train again or use runtime torch"
            ) from error
        if device.startswith("cuda"):
            # A provider that does not start is left out without a word.
            _require_cuda(self._session.get_providers())
        used = self._session.get_providers()[0].removesuffix("ExecutionProvider")
        self.name = f"ONNX Runtime on {used}"

    def __call__(self, image: BGRImage, minimum: NDArray[np.float32]) -> RawDetections:
        boxes, scores, class_ids, masks = self._session.run(
            None, {"image": image, "minimum": minimum}
        )
        return boxes, scores, class_ids, masks


def runtime_for(model: MaskRCNN, device: str, image: BGRImage, pictures: int) -> Runtime:
    """Runs `model` on so many `pictures`; `image` is one, at the network's size.

    On a CPU that is ONNX Runtime from some pictures on: it takes a third of torch's time, and a few
    seconds before it begins.
    """
    if device != "cpu" or pictures < _WORTH_TRACING:
        return TorchRuntime(model, device)
    return OnnxRuntime(onnx_of(model, image), device, torch.get_num_threads())


def session(
    graph: str | bytes, providers: Sequence[Any], threads: int | None
) -> onnxruntime.InferenceSession:
    """ONNX Runtime on a graph, a path or its bytes; it keeps its warnings to itself.

    `threads` limits the CPU threads of one call; all cores when None.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(graph, options, providers=list(providers))


def _require_cuda(providers: Collection[str]) -> None:
    if _CUDA not in providers:
        raise AutomaskError(
            "ONNX Runtime has no CUDA that starts here; install onnxruntime-gpu and the CUDA "
            "libraries that it asks for, or use runtime torch"
        )
