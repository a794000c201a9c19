"""Options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
Option = Callable[[Command], Command]

_PATH = click.Path(path_type=Path)

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
    metavar="IMAGE",
    help="A picture of the place without the object: tells what is not the object.",
)
annotations_option = click.option(
    "--annotations", required=True, type=_PATH, metavar="FILE", help="COCO instance annotations."
)
json_option = click.option(
    "--json", "json_path", type=_PATH, metavar="FILE", help="Write the figures to this file."
)


_TRAINING = (
    click.option(
        "--base-model",
        metavar="MODEL",
        help="What training starts from: lite, resnet50, or a path.",
    ),
    click.option(
        "--learn",
        type=click.Choice(("auto", "heads", "all")),
        help="Class scores on a frozen network, or all layers; auto: heads for lite.",
    ),
    click.option(
        "--classes",
        type=click.Choice(("labels", "object")),
        help="Tell objects from each other by their labels, or from the background alone.",
    ),
    click.option(
        "--iterations",
        type=click.IntRange(1),
        metavar="N",
        help="Batches that are looked at, steps where all learns; default: by the objects.",
    ),
    click.option(
        "--seconds",
        type=click.FloatRange(0, min_open=True),
        metavar="S",
        help="End training after this long at the latest.",
    ),
    click.option("--image-size", type=click.IntRange(32), metavar="PIXELS", help="Shorter side."),
    click.option("--batch-size", type=click.IntRange(1), metavar="N", help="Images in a step."),
    click.option("--seed", type=click.IntRange(0), metavar="N", help="Random seed."),
    click.option(
        "--backgrounds",
        metavar="DIR",
        help="Pictures of your places without a taught object, to paste objects onto.",
    ),
    click.option(
        "--min-ap50",
        type=click.FloatRange(0, 1),
        metavar="AP",
        help="Promote when each new object reaches this on held-out views.",
    ),
    click.option(
        "--tolerance",
        type=click.FloatRange(0, 1),
        metavar="AP",
        help="Promote when the objects known before lose no more than this.",
    ),
)
_TRAINING_NAMES = (
    "base_model",
    "learn",
    "classes",
    "iterations",
    "seconds",
    "image_size",
    "batch_size",
    "seed",
    "backgrounds",
    "min_ap50",
    "tolerance",
)


def training_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of a training; the command gets those that were given as one dict, ``training``."""

    @functools.wraps(command)
    def gathering(*arguments: Any, **values: Any) -> Any:
        given = {name: values.pop(name) for name in _TRAINING_NAMES}
        training = {name: value for name, value in given.items() if value is not None}
        return command(*arguments, training=training, **values)

    for option in reversed(_TRAINING):
        gathering = option(gathering)
    return gathering
