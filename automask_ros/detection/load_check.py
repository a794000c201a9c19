"""Whether a stored version loads: its weights, those it was measured with, and its graph."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from automask_ros.detection.base_models import build, load_checkpoint, load_measured
from automask_ros.detection.prediction import ONNX_FILE
from automask_ros.detection.runtimes import OnnxRuntime
from automask_ros.errors import AutomaskError
from automask_ros.library.files import one_line


def load_fault(directory: Path) -> str | None:
    """Why the version in a folder does not load, in one line; None when it does."""
    try:
        build(load_checkpoint(directory))
        build(load_measured(directory))
        if (graph := directory / ONNX_FILE).is_file():
            OnnxRuntime(graph, "cpu", threads=1)
    except AutomaskError as error:
        return one_line(error)
    return None


def unfit(directory: Path, labels: Mapping[str, int]) -> str | None:
    """The same, also when the weights are of other class ids than ``labels``."""
    if fault := load_fault(directory):
        return fault
    known = load_checkpoint(directory).labels
    return None if known == labels else "its weights and its record name different class ids"
