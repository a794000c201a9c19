"""Where a model comes from, so that it can be told and made again."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Mapping
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

from automask_ros import __version__
from automask_ros.detection.base_models import OWN_MODELS, base_model_path
from automask_ros.detection.composites import CompositeConfig
from automask_ros.detection.holdout import Split
from automask_ros.detection.training import TrainConfig
from automask_ros.errors import AutomaskError
from automask_ros.library.image_file import pixels_digest
from automask_ros.library.inside import read_regular
from automask_ros.library.library import Library
from automask_ros.library.sources import ImageFolder
from automask_ros.types import View

_PACKAGES = ("torch", "torchvision", "timm", "numpy", "opencv-python", "onnx", "onnxruntime")
_MOST_BYTES = 4 * 1024**3
_PARTS = ("training", "neither", "held_out")
_STARTED_FROM = {"base_model_sha256": "base_model", "backgrounds_sha256": "the folder backgrounds"}


def provenance(library: Library, split: Split, config: TrainConfig) -> dict[str, Any]:
    """For model.json: the views by what they were for, their hashes, what was refused, what the
    training started from, and the software."""
    labels = sorted({view.label for view in split.everything})
    return {
        "views": {
            label: {
                part: [view.id for view in getattr(split, part) if view.label == label]
                for part in _PARTS
            }
            for label in labels
        },
        "hashes": {
            label: {v.id: view_hashes(library, v) for v in split.everything if v.label == label}
            for label in labels
        },
        "refused": {label: _refused(library.views(label)) for label in labels},
        **_started_from(config),
        "software": {"automask_ros": __version__, "python": platform.python_version()}
        | {name: version(name) for name in _PACKAGES if _installed(name)},
    }


def view_hashes(library: Library, view: View) -> dict[str, str]:
    """SHA-256 of a view's image file and of its mask's pixels."""
    mask = library.read_mask(view)
    return {
        "image": _file_digest(library.image_path(view.label, view.id), links=False),
        "mask": "" if mask is None else pixels_digest(mask),
    }


def recorded(library: Library, number: int) -> tuple[TrainConfig, Split]:
    """What version `number` was made with, so that it can be made again.

    AutomaskError when the version does not say, or a view or mask is not what it was.
    """
    record = library.models.record(number).model_dump(mode="json")
    if "hashes" not in record or "config" not in record:
        raise AutomaskError(
            f"model version {number} does not say from what it was made: it is of an earlier "
            "automask_ros; train a new one"
        )
    parts: dict[str, list[View]] = {part: [] for part in _PARTS}
    for label, views in record["views"].items():
        for part in _PARTS:
            for view_id in views[part]:
                view = library.view(label, view_id)
                if view_hashes(library, view) != record["hashes"][label][view_id]:
                    raise AutomaskError(
                        f"view {view_id} of {label} or its mask is not what model version "
                        f"{number} learned from; it cannot be made again"
                    )
                parts[part].append(view)
    split = Split(**{part: tuple(views) for part, views in parts.items()})
    config = _config(record["config"])
    own = config.base_model in OWN_MODELS and not config.backgrounds
    for name, digest in _started_from(config).items():
        # Without a digest, a record could name any file of this machine.
        if record.get(name, digest if own else None) != digest:
            raise AutomaskError(
                f"{_STARTED_FROM[name]} is not what model version {number} was made with; it "
                "cannot be made again"
            )
    return config, split


def _config(values: Mapping[str, Any]) -> TrainConfig:
    """A configuration that went through JSON."""
    known = {field.name for field in fields(TrainConfig)}
    settings = {name: value for name, value in values.items() if name in known}
    shares = {field.name for field in fields(CompositeConfig)}
    settings["composites"] = CompositeConfig(
        **{name: value for name, value in settings["composites"].items() if name in shares}
    )
    if settings.get("labels") is not None:
        settings["labels"] = tuple(settings["labels"])
    return TrainConfig(**settings)


def _refused(views: Iterable[View]) -> dict[str, list[str]]:
    """Views that teach nothing, with the reasons."""
    refused = {}
    for view in views:
        if view.vetoed:
            refused[view.id] = ["vetoed"]
        elif view.verdict is not None and not view.trainable:
            refused[view.id] = list(view.verdict.reasons)
    return refused


def _started_from(config: TrainConfig) -> dict[str, str | None]:
    """SHA-256 of the start weights, None for those that torchvision brings, and of all pictures of
    the user's backgrounds, None without any."""
    weights = base_model_path(config.base_model)
    return {
        "base_model_sha256": None if weights is None else _file_digest(weights),
        "backgrounds_sha256": _folder_digest(Path(config.backgrounds))
        if config.backgrounds
        else None,
    }


def _folder_digest(folder: Path) -> str:
    digests = [_file_digest(path) for path in ImageFolder(folder).files]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def _file_digest(path: Path, links: bool = True) -> str:
    """SHA-256 of a file; AutomaskError when it cannot be read or is none."""
    try:
        content = read_regular(path, _MOST_BYTES, links=links)
    except OSError as error:
        raise AutomaskError(f"cannot read {path}: {error.strerror or error}") from error
    return hashlib.sha256(content).hexdigest()


def _installed(name: str) -> bool:
    try:
        version(name)
    except ModuleNotFoundError:
        return False
    return True
