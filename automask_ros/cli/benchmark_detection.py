"""automask benchmark detection: milliseconds a frame, ours and what one would otherwise run."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from automask_ros.cli import options
from automask_ros.cli.output import check_json_path, print_table, write_figures
from automask_ros.cli.progress import ProgressDisplay
from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.library.sources import open_source

if TYPE_CHECKING:
    from torchvision.models.detection import MaskRCNN

    from automask_ros.types import BGRImage

_PATH = click.Path(path_type=Path)
_FIGURES = ("p50_ms", "p95_ms", "p99_ms")


@click.command()
@click.argument("source", type=_PATH)
@click.option("--library", type=_PATH, metavar="DIR", help="Measure the model that is live there.")
@click.option(
    "--untrained",
    type=click.Choice(("resnet50", "lite")),
    help="Measure one that was taught nothing: speed needs no training.",
)
@click.option(
    "--pictures", type=click.IntRange(1), default=20, show_default=True, help="Of the source."
)
@click.option(
    "--rounds", type=click.IntRange(1), default=3, show_default=True, help="Looks at each picture."
)
@click.option(
    "--encoding",
    type=click.Choice(("rgb8", "bgr8")),
    default="rgb8",
    show_default=True,
    help="Of the camera's messages.",
)
@click.option("--threads", type=click.IntRange(1), help="CPU threads; default: one per core.")
@options.device_option
@options.json_option
def detection(
    source: Path,
    library: Path | None,
    untrained: str | None,
    pictures: int,
    rounds: int,
    encoding: str,
    threads: int | None,
    device: str,
    json_path: Path | None,
) -> None:
    """Milliseconds from a camera's picture to detections with masks.

    SOURCE is a folder of images or a rosbag2 recording; each picture comes as the bytes of a
    message. `ratio` is the median time over that of the first row, `agreement` the share of our
    detections that it finds too.

    A second table has the stages: convert (to what the network takes), infer, paste (masks of
    the picture's size), and all but infer. torchvision's export resizes and pastes within its
    graph, which is infer. Receiving and publishing take ROS: tools/transport_benchmark.py
    measures them between processes.

    \b
    Example:
      automask benchmark detection sample/scenes --library my_objects
      automask benchmark detection sample/scenes --untrained resnet50
    """
    check_json_path(json_path)
    if (library is None) == (untrained is None):
        raise AutomaskError("give either --library or --untrained")
    import torch

    from automask_ros.detection import speed
    from automask_ros.detection.contestants import contestants
    from automask_ros.devices import pick_device

    if threads is not None:
        torch.set_num_threads(threads)
    images = _read(source, pictures)
    place = pick_device(device)
    model, architecture, labels, thresholds = (
        _live(library) if library is not None else _untaught(str(untrained), images[0])
    )
    everyone = contestants(
        model, architecture, labels, thresholds, images[0], place, torch.get_num_threads()
    )
    messages = [speed.as_message(image, encoding) for image in images]
    with ProgressDisplay() as progress:
        speed.run(everyone, messages, rounds, progress)
    rows = speed.rows(everyone)
    _print(rows)
    _print_stages(rows)
    size = "x".join(map(str, reversed(images[0].shape[:2])))
    click.echo(
        f"{size} pixels, {encoding}, {torch.get_num_threads()} threads, {platform.machine()}, "
        f"{place}"
    )
    write_figures(json_path, rows)


def _read(source: Path, count: int) -> list[BGRImage]:
    """At most so many pictures, evenly spread over the source."""
    frames = open_source(source)
    step = max(len(frames) // count, 1)
    images = [frame.image for number, frame in enumerate(frames) if number % step == 0][:count]
    if not images:
        raise AutomaskError(f"{source} holds no picture that can be read")
    return images


def _live(library: Path) -> tuple[MaskRCNN, str, dict[str, int], dict[str, float]]:
    from automask_ros.detection.base_models import build, load_checkpoint

    models = Library(library).models
    version = models.current()
    if version is None:
        raise AutomaskError(f"{library} has no promoted model; teach or train one first")
    record = models.record(version)
    checkpoint = load_checkpoint(models.directory(version))
    return build(checkpoint), checkpoint.architecture, dict(record.labels), dict(record.thresholds)


def _untaught(
    architecture: str, image: BGRImage
) -> tuple[MaskRCNN, str, dict[str, int], dict[str, float]]:
    import torch

    from automask_ros.detection.base_models import load_base_model
    from automask_ros.detection.mask_rcnn import RESNET50_IMAGE_SIZE, build_resnet50
    from automask_ros.detection.speed import spread_scores

    labels, thresholds = {"object": 1}, {"object": 0.5}
    torch.manual_seed(0)
    if architecture == "lite":
        return (*load_base_model("lite", labels), labels, thresholds)
    # Ours enlarges no picture, and all are to look at the same size.
    size = min(RESNET50_IMAGE_SIZE, *image.shape[:2])
    model = build_resnet50(2, size, coco_weights=False).eval()
    spread_scores(model, image)
    return model, architecture, labels, thresholds


def _print(rows: list[dict[str, Any]]) -> None:
    print_table(
        ("", "p50 ms", "p95", "p99", "ratio", "detections", "agreement"),
        [
            [row["name"], *(f"{row[key]:.1f}" for key in _FIGURES)]
            + [row["ratio"], row["detections"], row["agreement"]]
            for row in rows
        ],
    )


def _print_stages(rows: list[dict[str, Any]]) -> None:
    titles = {"convert": "convert", "infer": "infer", "paste": "paste", "overhead": "all but infer"}
    click.echo("\nThe stages, p50 / p95 / p99 ms:")
    print_table(
        ("", *titles.values()),
        [
            [row["name"]]
            + [" / ".join(f"{row['stages'][name][key]:.1f}" for key in _FIGURES) for name in titles]
            for row in rows
        ],
    )
