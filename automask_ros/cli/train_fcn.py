"""automask train-fcn: the paper's FCN on SceneParse150, and an FCN on what was taught."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from automask_ros.cli import options
from automask_ros.cli.output import check_json_path, print_table, write_figures
from automask_ros.cli.progress import ProgressDisplay
from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library

INTERRUPTED = 130
_PATH = click.Path(path_type=Path)
FIGURE_HEADERS = ("pixel accuracy", "mean accuracy", "mean IoU", "f.w. IoU")


def _settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of the training on scenes; those not given keep SceneTrainConfig's defaults."""
    count, share = click.IntRange(1), options.NumberRange(0, min_open=True)
    for option in reversed(
        (
            click.option("--stages", metavar="LIST", help="Such as 32s,16s,8s, the default."),
            click.option("--epochs", type=share, metavar="E", help="Of each stage; default 20."),
            click.option("--iterations", type=count, metavar="N", help="Steps of each stage."),
            click.option("--batch-size", type=count, metavar="N", help="Over all processes."),
            click.option("--size", type=count, metavar="PIXELS", help="Side of a training crop."),
            click.option("--learning-rate", type=share, metavar="R", help="Of FCN-32s."),
            click.option("--dropout", type=options.NumberRange(0, 1, max_open=True), metavar="P"),
            click.option("--objects", metavar="NAMES", help="Classes that are objects: cup,book."),
            click.option("--workers", type=click.IntRange(0), metavar="N", help="Data loaders."),
            click.option("--seed", type=click.IntRange(0), metavar="N", help="Random seed."),
            click.option(
                "--save-seconds", type=options.NumberRange(0), help="Between checkpoints."
            ),
            click.option("--evaluate-every", type=count, metavar="N", help="Steps."),
            click.option(
                "--deterministic/--fast", default=None, help="The same bits each time, or speed."
            ),
        )
    ):
        command = option(command)
    return command


@click.command(name="train-fcn")
@click.argument("data", type=_PATH, required=False)
@click.option(
    "-o", "--output", required=True, type=_PATH, metavar="OUT", help="Folder of the training."
)
@click.option("--weights", type=_PATH, metavar="FILE", help="ImageNet's VGG16, if not cached.")
@click.option("--add-library", type=_PATH, metavar="LIB", help="Add the objects taught there.")
@click.option("--fcn", metavar="FCN", help="What --add-library starts from; lite if not given.")
@click.option("--annotations", type=_PATH, metavar="FILE", help="COCO, to measure --add-library.")
@_settings
@options.device_option
@options.json_option
def train_fcn(
    data: Path | None,
    output: Path,
    weights: Path | None,
    add_library: Path | None,
    fcn: str | None,
    annotations: Path | None,
    device: str,
    json_path: Path | None,
    **settings: Any,
) -> int | None:
    """Train the paper's FCN on SceneParse150, or add taught objects to an FCN.

    DATA is the folder ADEChallengeData2016; FCN-32s, -16s and -8s are trained in turn, each from
    the one before, the first from ImageNet's VGG16. Started again, a training goes on where it
    was. With --add-library and no DATA, the network --fcn is adapted to the objects' own accepted
    masks and written to the file OUT; with DATA, their masks are mixed with the scenes. On several
    GPUs: torchrun --nproc_per_node=N -m automask_ros.cli.main train-fcn ...

    \b
    Example:
      automask train-fcn ADEChallengeData2016 -o fcn/
      automask train-fcn --add-library my_objects --fcn fcn/fcn8s.safetensors -o mine.safetensors
    """
    check_json_path(json_path)
    library = None if add_library is None else Library(add_library)
    given = {name: value for name, value in settings.items() if value is not None}
    _check_together(data, weights, library, fcn, annotations, given)
    if data is None and library is not None:
        from automask_ros.cli.adapt_fcn import adapt_fcn

        adapt_fcn(library, fcn or "lite", output, annotations, device, json_path, given)
        return None
    assert data is not None  # checked above
    return _train_on_scenes(data, output, weights, library, fcn or "lite", device, json_path, given)


def _check_together(
    data: Path | None,
    weights: Path | None,
    library: Library | None,
    fcn: str | None,
    annotations: Path | None,
    given: dict[str, Any],
) -> None:
    """AutomaskError for what would have no effect, or does not say what to learn."""
    if library is None:
        if data is None:
            raise AutomaskError("give the folder ADEChallengeData2016, or --add-library LIB")
        if fcn is not None:
            raise AutomaskError("--fcn is what --add-library starts from: give both, or neither")
    elif weights is not None or "stages" in given or "objects" in given:
        raise AutomaskError(
            "--add-library starts from the network --fcn: leave out --weights, --stages, --objects"
        )
    if annotations is not None and (library is None or data is not None):
        raise AutomaskError("--annotations measure --add-library without DATA: leave one out")


def _train_on_scenes(
    data: Path,
    output: Path,
    weights: Path | None,
    library: Library | None,
    fcn: str,
    device: str,
    json_path: Path | None,
    settings: dict[str, Any],
) -> int | None:
    from automask_ros.segmentation.processes import joined
    from automask_ros.segmentation.scene_preparation import prepare
    from automask_ros.segmentation.scene_training import train_scenes

    for name in ("stages", "objects"):
        if name in settings:
            settings[name] = tuple(part.strip() for part in settings[name].split(","))
    if "stages" in settings:
        settings["stages"] = tuple(_stage(name) for name in settings["stages"])
    # Read when a GPU is first used: without it matrix products may differ from run to run.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    prepared = prepare(data, settings, weights, library, fcn)
    with joined(device) as processes:
        if processes.first:
            _mention_tensorboard(output)

        def begin() -> Any:
            with processes.one_first():
                return prepared.begin()

        with ProgressDisplay() if processes.first else nullcontext() as progress:
            result = train_scenes(
                begin, prepared.data, prepared.config, output, processes, progress
            )
        if not processes.first:
            return None if result.finished else INTERRUPTED
    if not result.finished:
        click.echo(
            f"automask: stopped at FCN-{result.stage}s, step {result.step}, and kept in {output}; "
            "go on with the same command",
            err=True,
        )
        return INTERRUPTED
    finest = output / f"fcn{min(prepared.config.stages)}s.safetensors"
    _print_stages(result.stages)
    click.echo(f"use it with --fcn {finest}")
    write_figures(json_path, {"network": str(finest), "stages": result.stages})
    return None


def _print_stages(stages: dict[str, dict[str, Any]]) -> None:
    from automask_ros.segmentation.scene_evaluation import HEADLINES

    rows = [
        [f"FCN-{name}", *(figures["validation"][key] for key in HEADLINES)]
        for name, figures in stages.items()
    ]
    print_table(("network", *FIGURE_HEADERS), rows)


def _stage(name: str) -> int:
    number = name.removesuffix("s")
    if not number.isdigit():
        raise AutomaskError(f"--stages {name}: give 32s, 16s and 8s, such as 32s,16s,8s")
    return int(number)


def _mention_tensorboard(output: Path) -> None:
    from automask_ros.segmentation.curves import tensorboard_is_there

    if tensorboard_is_there():
        click.echo(f"curves: tensorboard --logdir {output / 'tensorboard'}", err=True)
    else:
        click.echo(
            "no curves are written: TensorBoard is missing (pip install tensorboard)", err=True
        )
