"""automask add: views and masks, no training."""

from __future__ import annotations

from pathlib import Path

import click

from automask_ros.cli import options
from automask_ros.cli.masking import Masking, make_masks, masking_options
from automask_ros.cli.output import check_json_path, write_figures
from automask_ros.cli.steps import add_views, mask_figures, print_masks


@click.command()
@options.library_option
@options.label_option
@options.source_argument
@options.topic_option
@options.glob_option
@options.views_option
@masking_options
@options.json_option
def add(
    library: Path,
    label: str,
    source: Path,
    topic: str | None,
    glob: str,
    views: int | None,
    masking: Masking,
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
    masking.check()
    opened, added, capture = add_views(library, label, source, topic=topic, glob=glob, most=views)
    masks = make_masks(opened, label, masking)
    found = mask_figures(opened, label)
    print_masks(found)
    figures = {
        "views": {"added": len(added.added), "already_there": added.already_there},
        "masks": found,
        "seconds": {"capture": capture, "masks": masks, "total": capture + masks},
    }
    write_figures(json_path, figures)
