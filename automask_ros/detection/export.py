"""Export of a Mask R-CNN to ONNX, checked against torch before anybody trusts it."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torchvision.models.detection import MaskRCNN

from automask_ros.detection.graph import DetectionGraph
from automask_ros.detection.mask_rcnn import num_classes_of
from automask_ros.errors import AutomaskError
from automask_ros.library.files import write_bytes
from automask_ros.types import BGRImage

OPSET = 17
INPUTS = ("image", "minimum")
OUTPUTS = ("boxes", "scores", "class_ids", "masks")
# Largest differences between the two runtimes that are still rounding.
BOX_TOLERANCE = 0.1  # pixels
SCORE_TOLERANCE = 1e-3
MASK_TOLERANCE = 1e-2


def export_onnx(model: MaskRCNN, path: Path, image: BGRImage) -> None:
    """Write `model` as ONNX: the graph of DetectionGraph, any image height and width.

    `image` ``(H, W, 3) uint8 BGR`` at the network's size is what the graph is traced and checked
    on. AutomaskError when ONNX Runtime does not give torch's answer.
    """
    graph = DetectionGraph(model).cpu().eval()
    minimum = torch.full((num_classes_of(model),), 0.05)
    pixels = torch.from_numpy(np.ascontiguousarray(image))
    with (
        tempfile.TemporaryDirectory() as folder,
        torch.inference_mode(),
        warnings.catch_warnings(),
    ):
        traced = Path(folder) / "model.onnx"
        # The tracer warns of each Python number; the check below is what decides.
        warnings.simplefilter("ignore")
        expected = [output.numpy() for output in graph(pixels, minimum)]
        torch.onnx.export(
            graph,
            (pixels, minimum),
            str(traced),
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
            dynamic_axes={"image": {0: "height", 1: "width"}} | {o: {0: "count"} for o in OUTPUTS},
            opset_version=OPSET,
            dynamo=False,
        )
        data = traced.read_bytes()
    check_onnx(data, expected, image, minimum.numpy())
    write_bytes(path, data)


def check_onnx(
    data: bytes,
    expected: list[NDArray[np.generic]],
    image: BGRImage,
    minimum: NDArray[np.float32],
) -> None:
    """AutomaskError unless ONNX Runtime's CPU gives `expected` within the tolerances."""
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    boxes, scores, class_ids, masks = session.run(
        list(OUTPUTS), {"image": image, "minimum": minimum}
    )
    remedy = "the export is not used; run the detector with runtime torch and report this"
    if class_ids.shape != expected[2].shape:
        raise AutomaskError(
            f"ONNX Runtime finds {len(class_ids)} objects where torch finds {len(expected[2])}; "
            f"{remedy}"
        )
    if len(class_ids) == 0:
        return
    if not np.array_equal(class_ids, expected[2]):
        raise AutomaskError(f"ONNX Runtime and torch give different labels; {remedy}")
    for name, ours, theirs, tolerance in (
        ("boxes", boxes, expected[0], BOX_TOLERANCE),
        ("scores", scores, expected[1], SCORE_TOLERANCE),
        ("masks", masks, expected[3], MASK_TOLERANCE),
    ):
        difference = float(np.abs(ours - theirs).max())
        if difference > tolerance:
            raise AutomaskError(
                f"ONNX Runtime's {name} differ from torch's by {difference:.3g}; {remedy}"
            )
