"""Start weights of Mask R-CNN, and its checkpoints on disk (safetensors; nothing is unpickled)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load as load_tensors
from safetensors.torch import save as safetensors_bytes
from torch import Tensor
from torchvision.models.detection import MaskRCNN

from automask_ros.detection.appearance import AppearanceScores
from automask_ros.detection.classes import CLASS_AGNOSTIC
from automask_ros.detection.mask_rcnn import (
    APPEARANCE_FEATURES,
    LITE_CHANNELS,
    RESNET50_IMAGE_SIZE,
    build_lite,
    build_resnet50,
)
from automask_ros.detection.outlines import Outline
from automask_ros.errors import AutomaskError
from automask_ros.library.files import one_line, write_bytes
from automask_ros.library.inside import check_file
from automask_ros.library.records import MAX_CLASS_ID, MAX_IMAGE_SIZE
from automask_ros.resources import weights_path

OWN_MODELS = ("lite", "resnet50")
WEIGHTS_FILE = "model.safetensors"
MEASURED_FILE = "measured.safetensors"
# Tensors with one row (or four, for box deltas) per class.
_ROWS_PER_CLASS = {
    "roi_heads.box_predictor.cls_score.weight": 1,
    "roi_heads.box_predictor.cls_score.bias": 1,
    "roi_heads.box_predictor.bbox_pred.weight": 4,
    "roi_heads.box_predictor.bbox_pred.bias": 4,
    "roi_heads.box_predictor.appearance.scores.weight": 1,
    "roi_heads.mask_predictor.mask_fcn_logits.weight": 1,
    "roi_heads.mask_predictor.mask_fcn_logits.bias": 1,
}
_APPEARANCE = "roi_heads.box_predictor.appearance"
_OUTLINE = "roi_heads.mask_predictor.outline"
_CLASS_BIAS = "roi_heads.box_predictor.cls_score.bias"
_UNUSED_CLASS_BIAS = -20.0


@dataclass(frozen=True)
class Checkpoint:
    """Tensors of a Mask R-CNN and what they mean: `labels` maps each label to its class id."""

    architecture: str
    labels: dict[str, int]
    image_size: int
    state: dict[str, Tensor]


def load_base_model(
    base_model: str, labels: dict[str, int], image_size: int | None = None
) -> tuple[MaskRCNN, str]:
    """The start model for `labels` (label -> class id, from 1) and the name of its architecture.

    `base_model` is ``lite`` (embedded, class-agnostic), ``resnet50`` (torchvision's COCO weights)
    or a path to a checkpoint or to a directory ``models/VERSION``. `image_size` is the shorter
    side in pixels; the checkpoint's own when None. AutomaskError when there is no such model.
    """
    path = base_model_path(base_model)
    if path is None:
        num_classes = max(labels.values()) + 1
        return build_resnet50(num_classes, image_size or RESNET50_IMAGE_SIZE), "resnet50"
    checkpoint = load_checkpoint(path)
    return build(resize_classes(checkpoint, labels), image_size), checkpoint.architecture


def base_model_path(base_model: str) -> Path | None:
    """The file of the start weights; None for ``resnet50``, which torchvision keeps."""
    if base_model == "resnet50":
        return None
    path = weights_path("lite_mask_rcnn.safetensors") if base_model == "lite" else Path(base_model)
    return path / WEIGHTS_FILE if path.is_dir() else path


def build(checkpoint: Checkpoint, image_size: int | None = None) -> MaskRCNN:
    """The network that `checkpoint` describes, with its weights, in evaluation mode."""
    num_classes = max(checkpoint.labels.values()) + 1
    size = image_size or checkpoint.image_size
    if checkpoint.architecture == "lite":
        model = build_lite(num_classes, size)
    else:
        model = build_resnet50(num_classes, size, coco_weights=False)
    try:
        model.load_state_dict(checkpoint.state)
    except RuntimeError as error:
        raise AutomaskError(
            f"weights do not fit the {checkpoint.architecture} Mask R-CNN; use a checkpoint made "
            f"by this version ({str(error).splitlines()[1].strip()[:120]})"
        ) from error
    return model.eval()


def resize_classes(checkpoint: Checkpoint, labels: dict[str, int]) -> Checkpoint:
    """`checkpoint` with one row per class of `labels` in its predictors.

    A label that the checkpoint knows keeps its row. A new one starts as the row of ``object``
    where the checkpoint is class-agnostic, else as the mean of the labels it knows: both say
    "an object", and training makes the difference.
    """
    state = dict(checkpoint.state)
    for name, height in _ROWS_PER_CLASS.items():
        if name not in state:  # the appearance is the lite architecture's alone
            continue
        old = state[name]
        rows = old.reshape(old.shape[0] // height, height, *old.shape[1:])
        new = rows.new_zeros((max(labels.values()) + 1, *rows.shape[1:]))
        if name == _CLASS_BIAS:
            new += _UNUSED_CLASS_BIAS  # an id without a label is never predicted
        new[0] = rows[0]
        known = checkpoint.labels.get(CLASS_AGNOSTIC)
        template = (
            rows[sorted(checkpoint.labels.values())].mean(0) if known is None else rows[known]
        )
        for label, class_id in labels.items():
            source = checkpoint.labels.get(label)
            new[class_id] = template if source is None else rows[source]
        state[name] = new.reshape(-1, *old.shape[1:])
    return Checkpoint(checkpoint.architecture, dict(labels), checkpoint.image_size, state)


def save_checkpoint(
    model: MaskRCNN, path: Path, *, architecture: str, labels: dict[str, int], image_size: int
) -> None:
    """Write `model` to `path` atomically.

    Matrices are stored in half precision, which halves the file and moves AP by less than a
    change of seed; vectors (biases, batch statistics) stay exact.
    """
    state = _compact(model.state_dict())
    metadata = {
        "architecture": _architecture(architecture),
        "labels": json.dumps(labels),
        "image_size": str(image_size),
    }
    write_bytes(path, safetensors_bytes(state, metadata))


def save_measured(directory: Path, tensors: Mapping[str, Tensor]) -> None:
    """Keep beside the weights in `directory` those `tensors` that were others when the version was
    measured, before it learned from its held-out views."""
    write_bytes(directory / MEASURED_FILE, safetensors_bytes(_compact(tensors)))


def load_measured(directory: Path) -> Checkpoint:
    """The weights of a version as they were measured; AutomaskError when they do not load."""
    file = directory / MEASURED_FILE
    check_file(file)
    checkpoint = load_checkpoint(directory)
    if not file.is_file():
        return checkpoint
    try:
        measured = load_tensors(file.read_bytes())
    except (SafetensorError, OSError) as error:
        raise AutomaskError(f"{file} is damaged ({error})") from error
    state = checkpoint.state | {name: t.to(torch.float32) for name, t in measured.items()}
    return replace(checkpoint, state=state)


def _compact(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        name: (tensor.half() if tensor.ndim > 1 else tensor).detach().cpu().contiguous()
        for name, tensor in state.items()
    }


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint, or the one in a directory ``models/VERSION``; float32 tensors."""
    file = path / WEIGHTS_FILE if path.is_dir() else path
    if path.is_dir():
        check_file(file)
    if not file.is_file():
        raise AutomaskError(f"no weights at {file}; give lite, resnet50 or a .safetensors file")
    try:
        with safe_open(file, framework="pt") as stored:
            metadata = stored.metadata() or {}
            state = {name: stored.get_tensor(name).to(torch.float32) for name in stored.keys()}
        labels = _class_ids(metadata["labels"])
        if metadata["architecture"] == "lite":
            state = _fresh_parts(max(labels.values()) + 1) | state
        return Checkpoint(
            architecture=_architecture(metadata["architecture"]),
            labels=labels,
            image_size=_within(int(metadata["image_size"]), MAX_IMAGE_SIZE),
            state=state,
        )
    except (SafetensorError, KeyError, ValueError, TypeError, RecursionError) as error:
        raise AutomaskError(
            f"{file} is not a Mask R-CNN checkpoint of this package ({one_line(error)}); train it "
            "again"
        ) from error


def _class_ids(text: str) -> dict[str, int]:
    """The class ids that a checkpoint names; ValueError when they are none."""
    labels = json.loads(text)
    if not isinstance(labels, dict) or not labels:
        raise ValueError("its labels are no ids by name")
    return {label: _within(int(number), MAX_CLASS_ID) for label, number in labels.items()}


def _within(number: int, most: int) -> int:
    """A number from 1 to ``most``: memory is taken by it. ValueError for any other."""
    if not 1 <= number <= most:
        raise ValueError(f"{number} is not from 1 to {most}")
    return number


def _fresh_parts(num_classes: int) -> dict[str, Tensor]:
    """What lite weights may come without: parts that add nothing at first."""
    parts = {
        _APPEARANCE: AppearanceScores(APPEARANCE_FEATURES, num_classes),
        _OUTLINE: Outline(LITE_CHANNELS),
    }
    return {
        f"{part}.{name}": tensor
        for part, module in parts.items()
        for name, tensor in module.state_dict().items()
    }


def _architecture(name: str) -> str:
    if name not in ("lite", "resnet50"):
        raise ValueError(f"architecture {name!r}")
    return name
