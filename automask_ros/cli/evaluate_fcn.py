"""automask evaluate-fcn: how well an FCN parses the validation scenes."""

from __future__ import annotations

from pathlib import Path

import click

from automask_ros.cli import options
from automask_ros.cli.output import check_json_path, print_table, write_figures
from automask_ros.cli.progress import ProgressDisplay
from automask_ros.cli.train_fcn import FIGURE_HEADERS
from automask_ros.errors import AutomaskError
from automask_ros.types import Progress


@click.command(name="evaluate-fcn")
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--fcn", required=True, metavar="PATH", help="A network that train-fcn made.")
@click.option("--split", default="validation", show_default=True, help="Or training.")
@options.device_option
@options.json_option
def evaluate_fcn(data: Path, fcn: str, split: str, device: str, json_path: Path | None) -> None:
    """Measure an FCN on SceneParse150: the benchmark's four figures, and IoU per class.

    DATA is the folder ADEChallengeData2016. The prediction is compared at the annotation's own
    size; what is unlabelled there does not count.

    \b
    Example:
      automask evaluate-fcn ADEChallengeData2016 --fcn fcn/fcn8s.safetensors --json figures.json
    """
    check_json_path(json_path)
    from automask_ros.segmentation.fcn import load_fcn
    from automask_ros.segmentation.processes import choose_device
    from automask_ros.segmentation.scene_evaluation import HEADLINES, measure_scenes, scene_figures
    from automask_ros.segmentation.scene_parsing import SPLITS, SceneParsing
    from automask_ros.segmentation.scene_preparation import check_names
    from automask_ros.segmentation.vgg_fcn import VggFCN

    if split not in SPLITS:
        raise AutomaskError(f"--split {split}: give training or validation")
    scenes = SceneParsing(data, split)
    network = load_fcn(fcn)
    if not isinstance(network, VggFCN):
        raise AutomaskError(f"fcn {fcn} knows no classes of scenes: give one that train-fcn made")
    check_names(network, scenes.names)
    network.to(choose_device(device))
    with ProgressDisplay() as progress:

        def tell(done: int) -> None:
            progress(Progress("evaluate", done, len(scenes)))

        matrix = measure_scenes(network, scenes, range(len(scenes)), tell)
    figures = scene_figures(matrix, scenes.names)
    name = f"FCN-{network.stage}s"
    print_table(("network", *FIGURE_HEADERS), [[name, *(figures[key] for key in HEADLINES)]])
    click.echo(f"{len(scenes)} scenes; {figures['present']} of {figures['classes']} classes occur")
    if figures["present"] < figures["classes"]:
        click.echo(
            "the mean IoU is over all classes, as the benchmark has it; over those that occur or "
            f"are predicted it is {figures['mean_iou_of_present']:.3f}"
        )
    write_figures(json_path, {"network": fcn, "split": split, "scenes": len(scenes), **figures})
