"""automask teach: one object, from pictures to a promoted model."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from automask_ros.cli import options
from automask_ros.cli.masking import Masking, make_masks, masking_options
from automask_ros.cli.output import check_json_path, write_figures
from automask_ros.cli.steps import (
    add_views,
    check_enough,
    check_training,
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
@options.training_options
@masking_options
@options.json_option
def teach(
    library: Path,
    label: str,
    source: Path,
    topic: str | None,
    glob: str,
    views: int | None,
    training: dict[str, Any],
    masking: Masking,
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
    masking.check()
    check_training(training)
    opened, added, capture = add_views(library, label, source, topic=topic, glob=glob, most=views)
    masks = make_masks(opened, label, masking)
    found = mask_figures(opened)
    print_masks(found)
    if label in (training.get("labels") or (label,)):
        check_enough(opened, label, training)
    figures = train_model(opened, training | {"device": masking.device})
    total = time.monotonic() - started
    figures["seconds"] = {"capture": capture, "masks": masks} | figures["seconds"]
    figures["seconds"]["total"] = total
    figures["views"] = {"added": len(added.added), "already_there": added.already_there}
    figures["masks"] = found
    print_training(figures)
    write_figures(json_path, figures)
