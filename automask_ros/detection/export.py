"""Export of a Mask R-CNN to ONNX, checked against torch before anybody trusts it."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.models.detection import MaskRCNN

from automask_ros.detection.graph import DetectionGraph
from automask_ros.detection.mask_rcnn import num_classes_of
from automask_ros.errors import AutomaskError
from automask_ros.library.files import clear_write_errors, write_bytes
from automask_ros.types import BGRImage

OPSET = 17
INPUTS = ("image", "minimum")
OUTPUTS = ("boxes", "scores", "class_ids", "masks")
# Largest differences between the two runtimes that are still rounding.
BOX_TOLERANCE = 0.1  # pixels
SCORE_TOLERANCE = 1e-3
MASK_TOLERANCE = 1e-2


def export_onnx(model: MaskRCNN, path: Path, image: BGRImage) -> None:
    """Write `model` as ONNX to `path`, as `onnx_of` gives it."""
    write_bytes(path, onnx_of(model, image))


def onnx_of(model: MaskRCNN, image: BGRImage) -> bytes:
    """`model` as an ONNX file: the graph of DetectionGraph, any image height and width.

    `image` ``(H, W, 3) uint8 BGR`` at the network's size is what the graph is traced and checked
    on. AutomaskError when ONNX Runtime does not give torch's answer.
    """
    graph = DetectionGraph(model).cpu().eval()
    minimum = torch.full((num_classes_of(model),), 0.05)
    pixels = torch.from_numpy(np.ascontiguousarray(image))
    with torch.inference_mode():
        expected = [output.numpy() for output in graph(pixels, minimum)]
    varying = {"image": {0: "height", 1: "width"}} | {name: {0: "count"} for name in OUTPUTS}
    inputs = dict(zip(INPUTS, (pixels, minimum), strict=True))
    data = traced(graph, inputs, OUTPUTS, varying)
    check_onnx(data, expected, image, minimum.numpy())
    return data


def traced(
    module: nn.Module,
    inputs: Mapping[str, Tensor],
    outputs: Sequence[str],
    varying: Mapping[str, Mapping[int, str]],
) -> bytes:
    """`module` as an ONNX file; `varying` names the axes of inputs and outputs whose length is
    free."""
    with (
        clear_write_errors(Path("a temporary folder (TMPDIR)")),
        tempfile.TemporaryDirectory() as folder,
        torch.inference_mode(),
        warnings.catch_warnings(),
    ):
        # The tracer warns of each Python number; whether they matter is checked on its result.
        warnings.simplefilter("ignore")
        path = Path(folder) / "model.onnx"
        torch.onnx.export(
            module,
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: dict(axes) for name, axes in varying.items()},
            opset_version=OPSET,
            dynamo=False,
        )
        return path.read_bytes()


def check_onnx(
    data: bytes,
    expected: list[NDArray[Any]],
    image: BGRImage,
    minimum: NDArray[np.float32],
) -> None:
    """AutomaskError unless ONNX Runtime's CPU finds in `image` what `expected` holds.

    `expected` are torch's boxes, scores, class ids and masks. Detections are compared one by one
    with the nearest of the same class, for equally good ones may change places.
    """
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    found = session.run(list(OUTPUTS), {"image": image, "minimum": minimum})
    for one, other, names in (
        (expected, found, ("torch", "ONNX Runtime")),
        (found, expected, ("ONNX Runtime", "torch")),
    ):
        # What scores just enough may just fail elsewhere.
        sure = np.flatnonzero(one[1] > minimum[one[2]] + SCORE_TOLERANCE)
        missing = [index for index in sure if not _has_counterpart(one, index, other)]
        if missing:
            raise AutomaskError(
                f"the exported model differs from the trained one: {names[0]} finds "
                f"{len(missing)} of {len(sure)} objects that {names[1]} does not find; it is not "
                "used; train again, or report this"
            )


def _has_counterpart(one: list[NDArray[Any]], index: int, other: list[NDArray[Any]]) -> bool:
    """Whether `other` has detection `index` of `one`, within the tolerances."""
    boxes, scores, class_ids, masks = other
    near = (
        (class_ids == one[2][index])
        & (np.abs(boxes - one[0][index]) <= BOX_TOLERANCE).all(1)
        & (np.abs(scores - one[1][index]) <= SCORE_TOLERANCE)
    )
    return bool((np.abs(masks[near] - one[3][index]) <= MASK_TOLERANCE).all((1, 2)).any())
