"""automask teach: one object, from pictures to a promoted model."""

from __future__ import annotations

import time
from pathlib import Path

import click

from automask_ros.cli import options
from automask_ros.cli.output import check_json_path, write_figures
from automask_ros.cli.steps import (
    add_views,
    check_mask_options,
    make_masks,
    mask_figures,
    print_masks,
    print_training,
    train_model,
)


@click.command()
@options.library_option
@options.label_option
@options.source_argument
@options.topic_option
@options.glob_option
@options.views_option
@options.fcn_option
@options.refiner_option
@options.adapt_option
@options.empty_scene_option
@options.training_options
@options.device_option
@options.json_option
def teach(
    library: Path,
    label: str,
    source: Path,
    topic: str | None,
    glob: str,
    views: int | None,
    fcn: str,
    refiner: str,
    adapt: bool,
    empty_scene: Path | None,
    base_model: str | None,
    iterations: int | None,
    seconds: float | None,
    seed: int | None,
    device: str,
    json_path: Path | None,
) -> None:
    """Teach one object: views, masks, training, evaluation, promotion.

    SOURCE is a folder of images or a rosbag2 recording that shows the object. Every object that the
    library holds is trained together, so that none is forgotten.

    \b
    Example:
      automask teach --library my_objects --label mug recordings/mug
      automask teach --library my_objects --label coin photos/ --glob 'coin_*'
    """
    check_json_path(json_path)
    started = time.monotonic()
    check_mask_options(fcn, device, refiner, empty_scene)
    opened, added, capture = add_views(library, label, source, topic=topic, glob=glob, most=views)
    _, masks = make_masks(
        opened, label, fcn=fcn, device=device, refiner=refiner, adapt=adapt, empty_scene=empty_scene
    )
    found = mask_figures(opened)
    print_masks(found)
    figures = train_model(
        opened,
        {
            "base_model": base_model,
            "iterations": iterations,
            "seconds": seconds,
            "seed": seed,
            "device": device,
        },
    )
    total = time.monotonic() - started
    figures["seconds"] = {"capture": capture, "masks": masks} | figures["seconds"]
    figures["seconds"]["total"] = total
    figures["views"] = {"added": len(added.added), "already_there": added.already_there}
    figures["masks"] = found
    print_training(figures)
    write_figures(json_path, figures)
