"""automask add: views and masks, no training."""

from __future__ import annotations

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
@options.device_option
@options.json_option
def add(
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
    device: str,
    json_path: Path | None,
) -> None:
    """Add views of one object and make their masks; train nothing.

    SOURCE is a folder of images or a rosbag2 recording. Pictures that are in the library already
    are left alone.

    \b
    Example:
      automask add --library my_objects --label mug more_photos/
    """
    check_json_path(json_path)
    check_mask_options(fcn, device, refiner, empty_scene)
    opened, added, capture = add_views(library, label, source, topic=topic, glob=glob, most=views)
    _, masks = make_masks(
        opened, label, fcn=fcn, device=device, refiner=refiner, adapt=adapt, empty_scene=empty_scene
    )
    found = mask_figures(opened, label)
    print_masks(found)
    figures = {
        "views": {"added": len(added.added), "already_there": added.already_there},
        "masks": found,
        "seconds": {"capture": capture, "masks": masks, "total": capture + masks},
    }
    write_figures(json_path, figures)
