"""automask detect: the taught objects in pictures, as overlays and COCO results."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import click

from automask_ros.cli import options
from automask_ros.cli.output import check_json_path, print_table, write_figures
from automask_ros.cli.progress import ProgressDisplay
from automask_ros.errors import AutomaskError
from automask_ros.library.files import make_directory, write_image, write_json
from automask_ros.library.library import Library
from automask_ros.library.sources import Source, open_source
from automask_ros.types import Progress


@click.command()
@options.library_option
@options.source_argument
@click.option(
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for the overlays (PNG) and detections.json (COCO results).",
)
@options.topic_option
@options.glob_option
@click.option("--version", type=click.IntRange(1), metavar="N", help="Not the current model.")
@options.device_option
@options.json_option
def detect(
    library: Path,
    source: Path,
    output: Path,
    topic: str | None,
    glob: str,
    version: int | None,
    device: str,
    json_path: Path | None,
) -> None:
    """Find the taught objects in images or a recording.

    SOURCE is a folder of images or a rosbag2 recording. In detections.json, image_id is the
    picture's place in the source from 1 on, category_id the model's own class id, and file_name the
    overlay's.

    \b
    Example:
      automask detect --library my_objects scenes/ --output found/
    """
    check_json_path(json_path)
    opened = Library(library)
    pictures = open_source(source, topic, glob)
    from automask_ros.detection.prediction import Predictor

    predictor = Predictor.from_version(opened, version, device)
    make_directory(output)
    started = time.monotonic()
    results, counts = _detect_all(predictor, pictures, output)
    write_json(output / "detections.json", results)
    read = len(pictures) - len(pictures.broken)
    print_table(("object", "found"), [[label, counts[label]] for label in sorted(counts)])
    click.echo(f"{len(results)} detections in {read} pictures; see {output}")
    figures = {
        "version": predictor.version,
        "images": read,
        "detections": len(results),
        "per_label": dict(counts),
        "seconds": {"total": time.monotonic() - started},
    }
    write_figures(json_path, figures)


def _detect_all(
    predictor: Any, pictures: Source, output: Path
) -> tuple[list[dict[str, Any]], Counter[str]]:
    """Write an overlay of each picture; returns COCO results and detections per label."""
    from automask_ros.detection.evaluation import coco_results
    from automask_ros.drawing import draw_detections

    results: list[dict[str, Any]] = []
    counts = Counter(dict.fromkeys(predictor.labels, 0))
    number = 0
    with ProgressDisplay() as progress:
        for number, frame in enumerate(pictures, start=1):
            found = predictor(frame.image)
            counts.update(found.labels)
            rows = coco_results(found, number, predictor.labels)
            for label, row in zip(found.labels, rows, strict=True):
                results.append({**row, "label": label, "file_name": f"{frame.name}.png"})
            write_image(output / f"{frame.name}.png", draw_detections(frame.image, found))
            progress(Progress("detect", number, len(pictures)))
    for broken in pictures.broken:
        click.echo(f"left out: {broken.reason}", err=True)
    if not number:
        raise AutomaskError(f"none of the {len(pictures)} pictures can be read")
    return results, counts
