"""Options that several commands share."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from automask_ros.library.labels import check_label

Command = TypeVar("Command", bound=Callable[..., Any])
Option = Callable[[Command], Command]

_PATH = click.Path(path_type=Path)


class NumberRange(click.FloatRange):
    """A number in a range, which nan and infinity are not: each comparison lets nan pass."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a valid number", param, ctx)
        return number


library_option = click.option(
    "--library", required=True, type=_PATH, metavar="DIR", help="The library of taught objects."
)
label_option = click.option(
    "--label", required=True, metavar="NAME", help="The object's name: a-z, 0-9, _ and -."
)
labels_option = click.option(
    "--label", "labels", multiple=True, metavar="NAME", help="Only this object; may be repeated."
)
source_argument = click.argument("source", type=_PATH)
topic_option = click.option(
    "--topic", metavar="TOPIC", help="Image topic, when a recording has several."
)
glob_option = click.option(
    "--glob", default="*", metavar="PATTERN", help="Take only files of a folder that match."
)
views_option = click.option(
    "--views", type=click.IntRange(1), metavar="N", help="Take at most N views, evenly spread."
)
fcn_option = click.option(
    "--fcn", default="lite", show_default=True, help="Stage one's network: lite, or a path."
)
refiner_option = click.option(
    "--refiner",
    default="",
    metavar="ENCODER,DECODER",
    help="ONNX files of SAM, MobileSAM or SAM 2 that redraw masks along the edges.",
)
device_option = click.option(
    "--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N."
)
adapt_option = click.option(
    "--adapt/--no-adapt",
    default=True,
    show_default=True,
    help="Make masks anew with what the other views know, and by a network adapted to the object. "
    "After --no-adapt, `automask regenerate` does it.",
)
empty_scene_option = click.option(
    "--empty-scene",
    type=_PATH,
    metavar="PATH",
    help="A picture of the scene without the object, the empty hand or plate, or a folder of them: "
    "tells what is not the object.",
)
annotations_option = click.option(
    "--annotations", required=True, type=_PATH, metavar="FILE", help="COCO instance annotations."
)
json_option = click.option(
    "--json", "json_path", type=_PATH, metavar="FILE", help="Write the figures to this file."
)


_TRAINING = {
    "labels": click.option(
        "--labels",
        callback=lambda _context, _option, value: _labels(value),
        metavar="A,B",
        help="Objects to train, with commas between them; default: every object of the library.",
    ),
    "base_model": click.option(
        "--base-model",
        metavar="MODEL",
        help="What training starts from: lite, resnet50, or a path.",
    ),
    "learn": click.option(
        "--learn",
        type=click.Choice(("auto", "heads", "all")),
        help="Class scores on a frozen network, or all layers; auto: heads for lite.",
    ),
    "classes": click.option(
        "--classes",
        type=click.Choice(("labels", "object")),
        help="Tell objects from each other by their labels, or from the background alone.",
    ),
    "iterations": click.option(
        "--iterations",
        type=click.IntRange(1),
        metavar="N",
        help="Pairs of pictures looked at, steps where all learns; default: by the objects.",
    ),
    "seconds": click.option(
        "--seconds",
        type=NumberRange(0, min_open=True),
        metavar="S",
        help="End training after this long at the latest.",
    ),
    "image_size": click.option(
        "--image-size", type=click.IntRange(32), metavar="PIXELS", help="Shorter side."
    ),
    "batch_size": click.option(
        "--batch-size",
        type=click.IntRange(1),
        metavar="N",
        help="Images in a step, where all learns.",
    ),
    "learning_rate": click.option(
        "--learning-rate",
        type=NumberRange(0, min_open=True),
        metavar="RATE",
        help="Learning rate at its highest; default: that of what learns.",
    ),
    "holdout": click.option(
        "--holdout",
        type=NumberRange(0, 0.5),
        metavar="SHARE",
        help="Share of each object's views, its latest, kept out of training to measure.",
    ),
    "min_views": click.option(
        "--min-views",
        type=click.IntRange(3),
        metavar="N",
        help="Accepted masks that each object needs.",
    ),
    "seed": click.option("--seed", type=click.IntRange(0), metavar="N", help="Random seed."),
    "backgrounds": click.option(
        "--backgrounds",
        metavar="DIR",
        help="Pictures of your places without a taught object, to paste objects onto.",
    ),
    "min_ap50": click.option(
        "--min-ap50",
        type=NumberRange(0, 1),
        metavar="AP",
        help="Promote when each new object reaches this on held-out views.",
    ),
    "tolerance": click.option(
        "--tolerance",
        type=NumberRange(0, 1),
        metavar="AP",
        help="Promote when the objects known before lose no more than this.",
    ),
}


def _labels(value: str | None) -> tuple[str, ...] | None:
    return tuple(check_label(label.strip()) for label in value.split(",")) if value else None


def training_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of a training; the command gets those that were given as one dict, ``training``."""

    @functools.wraps(command)
    def gathering(*arguments: Any, **values: Any) -> Any:
        given = {name: values.pop(name) for name in _TRAINING}
        training = {name: value for name, value in given.items() if value is not None}
        return command(*arguments, training=training, **values)

    for option in reversed(_TRAINING.values()):
        gathering = option(gathering)
    return gathering
