"""The parameters of a training, as the node declares them and as TrainConfig takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automask_ros.errors import AutomaskError
from automask_ros.library.labels import check_label
from automask_ros.nodes.parameters import Parameters, ParameterSpec

LEAST_IMAGE_SIZE = 32
MIN_VIEWS = 6
"""Views with an accepted mask without which no training begins, by default."""


def _check_image_size(value: int) -> None:
    if 0 < value < LEAST_IMAGE_SIZE:
        raise AutomaskError(f"must be {LEAST_IMAGE_SIZE} at least, or 0")


def _labels(value: str) -> tuple[str, ...] | None:
    return tuple(check_label(label.strip()) for label in value.split(",")) if value else None


def _check_labels(value: str) -> None:
    _labels(value)


# The defaults are TrainConfig's own (a test compares them): importing it here would bring torch
# into the trainer's process, which is to stay small beside the process that trains.
TRAIN_TABLE = (
    ParameterSpec(
        "labels",
        "",
        "Objects to train, with commas between them; empty: every object of the library",
        check=_check_labels,
        read_only=False,
    ),
    ParameterSpec(
        "base_model",
        "lite",
        "Start weights: lite (embedded), resnet50 (torchvision's, downloaded), or the path of a "
        ".safetensors file",
        read_only=False,
    ),
    ParameterSpec(
        "device", "auto", "Where to train: auto, cpu, cuda, cuda:0, ...", read_only=False
    ),
    ParameterSpec(
        "learn",
        "auto",
        "What learns: heads (class scores, on a frozen network that looks at each picture once), "
        "all (every layer above the backbone); auto: heads where base_model is lite, else all",
        choices=("auto", "heads", "all"),
        read_only=False,
    ),
    ParameterSpec(
        "classes",
        "labels",
        "What the model tells apart: labels, or one object and the background (in a library of its "
        "own: a model that knows labels does not give them up)",
        choices=("labels", "object"),
        read_only=False,
    ),
    ParameterSpec(
        "iterations",
        0,
        "Pairs of pictures that are looked at, training steps where all learns; 0: by the number "
        "of objects",
        minimum=0,
        maximum=1_000_000,
        read_only=False,
    ),
    ParameterSpec(
        "seconds",
        0.0,
        "Seconds after which training ends, if it is not done before; 0: no limit",
        minimum=0.0,
        maximum=864_000.0,
        read_only=False,
    ),
    ParameterSpec(
        "image_size",
        0,
        "Shorter side in pixels at which the network looks; 0: the base model's own",
        minimum=0,
        maximum=4096,
        check=_check_image_size,
        read_only=False,
    ),
    ParameterSpec(
        "batch_size",
        2,
        "Images in a training step, where all learns",
        minimum=1,
        maximum=256,
        read_only=False,
    ),
    ParameterSpec(
        "learning_rate",
        0.0,
        "Learning rate at its highest; 0: that of what learns",
        minimum=0.0,
        maximum=1.0,
        read_only=False,
    ),
    ParameterSpec(
        "seed",
        0,
        "Seed of everything that is drawn by lot",
        minimum=0,
        maximum=2**31 - 1,
        read_only=False,
    ),
    ParameterSpec(
        "backgrounds",
        "",
        "Folder of pictures of your places without a taught object, to paste objects onto in "
        "training; empty: none",
        read_only=False,
    ),
    ParameterSpec(
        "holdout",
        0.2,
        "Share of each object's views, its latest, kept out of training to measure the model",
        minimum=0.0,
        maximum=0.5,
        read_only=False,
    ),
    ParameterSpec(
        "min_views",
        MIN_VIEWS,
        "Views with an accepted mask that each object needs; others are left out until they have "
        "as many",
        minimum=3,
        maximum=10000,
        read_only=False,
    ),
    ParameterSpec(
        "min_ap50",
        0.5,
        "AP50 on the views held out that each new object must reach for the model to go live",
        minimum=0.0,
        maximum=1.0,
        read_only=False,
    ),
    ParameterSpec(
        "tolerance",
        0.02,
        "How far the AP of the objects that the live model knows may fall, on composites of views "
        "held out (further where these are too few to tell)",
        minimum=0.0,
        maximum=1.0,
        read_only=False,
    ),
)

_NOTHING_IS_NONE = ("seconds", "image_size", "learning_rate", "backgrounds")


def train_settings(parameters: Parameters | Mapping[str, Any]) -> dict[str, Any]:
    """TrainConfig's arguments from the parameters, as they are now."""
    values = {spec.name: parameters[spec.name] for spec in TRAIN_TABLE}
    values["labels"] = _labels(values["labels"])
    return {
        name: None if name in _NOTHING_IS_NONE and not value else value
        for name, value in values.items()
    }
