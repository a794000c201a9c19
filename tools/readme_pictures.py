"""Draw the README's pictures from a demo's output: python tools/readme_pictures.py demo"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from automask_ros import drawing
from automask_ros.cli.demo_findings import examples
from automask_ros.library.files import read_json
from automask_ros.library.library import Library
from automask_ros.library.report_sections import spread
from automask_ros.resources import sample_directory

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
_COLOURS = 128


def main() -> None:
    """Draw detections.png and masks.png."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path, help="the folder that `automask demo` wrote")
    parser.add_argument("--scenes", help="numbers of four scenes; default: those of most objects")
    options = parser.parse_args()
    library = Library(options.output / "library")
    IMAGES.mkdir(parents=True, exist_ok=True)
    chosen = [int(number) for number in options.scenes.split(",")] if options.scenes else None
    save(detections_sheet(library, options.output / "detections.json", chosen), "detections.png")
    save(masks_sheet(library), "masks.png")


def detections_sheet(library: Library, results: Path, chosen: list[int] | None) -> np.ndarray:
    """Four test scenes with what the live detector answered."""
    model = library.models.record(library.models.current() or 0)
    truth = read_json(sample_directory() / "scenes.json")
    recording = sample_directory() / "scenes"
    scenes = list(examples(recording, truth, read_json(results), model.thresholds))
    shown = Counter(annotation["image_id"] for annotation in truth["annotations"])
    fullest = sorted(range(len(scenes)), key=lambda n: -shown[truth["images"][n]["id"]])
    drawn = [
        drawing.draw_detections(*scenes[number][1:]) for number in sorted(chosen or fullest[:4])
    ]
    return drawing.contact_sheet(drawn, 2, tile_width=420)


def masks_sheet(library: Library) -> np.ndarray:
    """Eight views with their masks, one of them refused where there is one."""
    refused = [view for view in library.views() if view.verdict and not view.verdict.accepted][:1]
    accepted = spread(library.trainable_views(), 8 - len(refused))
    drawn = []
    for view in [*accepted, *refused]:
        mask = library.read_mask(view)
        if mask is not None:
            drawn.append(drawing.draw_mask(library.read_image(view), mask, view.verdict))
    return drawing.contact_sheet(drawn, 4, tile_width=240)


def save(sheet: np.ndarray, name: str) -> None:
    """Write a BGR sheet as a PNG with few colours, which is a quarter of the size."""
    picture = Image.fromarray(np.ascontiguousarray(sheet[:, :, ::-1]))
    # k-means keeps small areas their colour: those of the labels.
    picture.quantize(_COLOURS, kmeans=4).save(IMAGES / name, optimize=True)


if __name__ == "__main__":
    main()
