"""automask train: a new model from what the library holds."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from automask_ros.cli import options
from automask_ros.cli.masking import Masking, make_masks
from automask_ros.cli.output import check_json_path, write_figures
from automask_ros.cli.steps import (
    mask_figures,
    print_masks,
    print_training,
    train_model,
)
from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library


@click.command()
@options.library_option
@options.fcn_option
@options.refiner_option
@options.training_options
@click.option(
    "--again",
    type=click.IntRange(1),
    metavar="VERSION",
    help="Make a model again: from its own views, masks and settings.",
)
@options.device_option
@options.json_option
def train(
    library: Path,
    fcn: str,
    refiner: str,
    training: dict[str, Any],
    again: int | None,
    device: str,
    json_path: Path | None,
) -> None:
    """Train a new model on all accepted masks of a library.

    Views that have no mask yet get one first. The new version is promoted when it is good enough.

    \b
    Example:
      automask train --library my_objects --iterations 400
      automask train --library my_objects --again 3
    """
    check_json_path(json_path)
    started = time.monotonic()
    opened = Library(library)
    if again is None:
        masks = make_masks(opened, None, Masking(fcn, device, refiner))
    elif training:
        name = next(iter(training)).replace("_", "-")
        raise AutomaskError(f"--again takes the settings of version {again}; leave --{name} out")
    else:
        masks = 0.0
    found = mask_figures(opened)
    print_masks(found)
    figures = train_model(opened, training | {"device": device}, again)
    total = time.monotonic() - started
    figures["seconds"] = {"capture": 0.0, "masks": masks} | figures["seconds"]
    figures["seconds"]["total"] = total
    figures["masks"] = found
    print_training(figures)
    write_figures(json_path, figures)
