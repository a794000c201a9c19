"""The half of automask train-fcn that needs no scenes: an FCN learns the objects of a library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from automask_ros.cli.output import print_table, write_figures
from automask_ros.cli.progress import ProgressDisplay
from automask_ros.errors import AutomaskError
from automask_ros.library.coco import CocoSet, read_coco
from automask_ros.library.library import Library

#: Options of the training on scenes that adaptation has as well.
SETTINGS = {"iterations", "batch_size", "learning_rate", "seed"}


def adapt_fcn(
    library: Library,
    fcn: str,
    output: Path,
    annotations: Path | None,
    device: str,
    json_path: Path | None,
    settings: dict[str, Any],
) -> None:
    """Adapt the network `fcn` to the objects of `library`, write it to the file `output`, and
    print what it makes of their views before and after. `settings` are those of AdaptationConfig.

    Raises AutomaskError when there is nothing to learn from, or the file cannot be written.
    """
    foreign = sorted(settings.keys() - SETTINGS)
    if foreign:
        raise AutomaskError(
            f"--{foreign[0].replace('_', '-')} is for the training on scenes: give DATA or drop it"
        )
    if output.suffix != ".safetensors" or output.is_dir():
        raise AutomaskError(f"-o {output}: give the network a file name, such as mine.safetensors")
    if not output.absolute().parent.is_dir():
        raise AutomaskError(f"cannot write {output}: its folder does not exist; make it first")
    truth: CocoSet | None = None if annotations is None else read_coco(annotations)
    from automask_ros.segmentation.adaptation import AdaptationConfig
    from automask_ros.segmentation.fcn import save_fcn
    from automask_ros.segmentation.library_adaptation import (
        adapted_to_library,
        judge_views,
        mask_summary,
    )
    from automask_ros.segmentation.mask_generator import MaskGenerator

    config = AdaptationConfig(**settings)
    generator = MaskGenerator(fcn, device)
    with ProgressDisplay() as progress:
        before = judge_views(library, generator, truth, progress)
        network = adapted_to_library(library, generator, before, progress, config)
        save_fcn(network, output, {"adapted_from": fcn})
        # From the file: what is measured is what is used from now on.
        after = judge_views(library, MaskGenerator(str(output), device), truth, progress)
    figures = {"before": mask_summary(before), "after": mask_summary(after)}
    _print(figures)
    click.echo(f"use it with --fcn {output}")
    write_figures(json_path, {"network": str(output), "fcn": fcn, **figures})


def _print(figures: dict[str, dict[str, Any]]) -> None:
    columns = ("views", "accepted", "mean_score", "mean_iou")
    rows = [
        [label, when, *(figures[when]["per_label"][label][column] for column in columns)]
        for label in figures["before"]["per_label"]
        for when in ("before", "after")
    ]
    rows += [["all", when, *(figures[when][column] for column in columns)] for when in figures]
    print_table(("object", "", "views", "accepted", "score", "IoU"), rows)
