"""Teaches from every way of showing, with the real command line, and measures masks and models.

    python tools/guide/measure.py --out OUT [--way hand] [--label cup] [--seed 1]

Needs what render_ways.py left in OUT, and an environment with automask_ros. Goes on where it
stopped. OUT/LABEL/figures.json has all figures; the table is printed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2

from automask_ros.library.recording import Recording
from automask_ros.library.view_selector import ViewSelector, ViewSelectorConfig
from automask_ros.resources import sample_directory

WAYS = ("table", "cloth", "wrist", "plate", "hand")
NOVELTIES = (0.01, 0.02, 0.03, 0.05)
COLUMNS = ("way", "empty scene", "accepted", "IoU of all", "IoU of accepted", "AP", "AP50")


def scene_pictures(out: Path) -> Path:
    """The demo's test scenes as a folder of pictures, named as in their ground truth."""
    folder = out / "scenes"
    folder.mkdir(parents=True, exist_ok=True)
    names = [each["file_name"] for each in json.loads(truth_of_scenes().read_text())["images"]]
    recording = Recording(sample_directory() / "scenes")
    for name, frame in zip(names, recording, strict=True):
        # Losslessly: they went through JPEG once already, and COCO asks for the name alone.
        path = folder / Path(name).with_suffix(".png")
        if not path.exists():
            cv2.imwrite(str(path), frame.image)
    return folder


def truth_of_scenes() -> Path:
    return sample_directory() / "scenes.json"


def scene_truth(out: Path) -> Path:
    """The scenes' ground truth, naming the files of `scene_pictures`."""
    truth = json.loads(truth_of_scenes().read_text())
    for image in truth["images"]:
        image["file_name"] = str(Path(image["file_name"]).with_suffix(".png"))
    path = out / "scenes.json"
    path.write_text(json.dumps(truth))
    return path


def automask(*arguments: object, figures: Path) -> dict[str, Any]:
    """The figures of a command, which is run unless they are there already."""
    if not figures.exists():
        words = [str(each) for each in (*arguments, "--json", figures)]
        subprocess.run([sys.executable, "-m", "automask_ros.cli.main", *words], check=True)
    found: dict[str, Any] = json.loads(figures.read_text())
    return found


def make_masks(folder: Path, label: str, empty: bool, views: int) -> dict[str, Any]:
    """Masks of so many pictures of one way, against the truth."""
    run = folder / ("with_empty_scene" if empty else "alone")
    run.mkdir(exist_ok=True)
    scenes = ("--empty-scene", folder / "empty_scene") if empty else ()
    automask(
        *("add", "--library", run / "library", "--label", label, folder / "pictures"),
        *("--views", views, *scenes),
        figures=run / "add.json",
    )
    masks = automask(
        *("evaluate-masks", "--library", run / "library"),
        *("--annotations", folder / "truth.json"),
        figures=run / "masks.json",
    )
    return {
        "way": folder.name,
        "empty_scene": empty,
        "run": str(run),
        "views": masks["views"],
        "accepted": masks["accepted"]["share"],
        "iou": masks["mean_iou"],
        "iou_of_accepted": masks["accepted"]["mean_iou"],
    }


def train(row: dict[str, Any], label: str, out: Path, seed: int) -> dict[str, Any]:
    """A model of the masks that were accepted, in the test scenes."""
    run = Path(row["run"])
    trained = automask(
        "train", "--library", run / "library", "--seed", seed, figures=run / "train.json"
    )
    found = automask(
        *("evaluate", "--library", run / "library", "--version", trained["version"]),
        *("--images", out / "scenes", "--annotations", out / "scenes.json"),
        figures=run / "evaluate.json",
    )
    figures = {key: found["per_label"][label][key] for key in ("AP", "AP50")}
    return row | {"promoted": trained["promoted"], **figures}


def kept_views(folder: Path) -> dict[str, int]:
    """So many of a way's frames the view selector keeps, by its least novelty."""
    pictures = [cv2.imread(str(path)) for path in sorted((folder / "pictures").glob("*.jpg"))]
    kept = {}
    for least in NOVELTIES:
        selector = ViewSelector(ViewSelectorConfig(min_novelty=least))
        kept[str(least)] = sum(selector.consider(picture).keep for picture in pictures)
    return kept


def print_rows(rows: list[dict[str, Any]]) -> None:
    """The figures as a table in Markdown."""
    print("| " + " | ".join(COLUMNS) + " |\n|" + " --- |" * len(COLUMNS))
    for row in rows:
        words = [row["way"], "yes" if row["empty_scene"] else "", f"{row['accepted']:.0%}"]
        keys = ("iou", "iou_of_accepted", "AP", "AP50")
        words += ["-" if row.get(key) is None else f"{row[key]:.2f}" for key in keys]
        print("| " + " | ".join(words) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--way", choices=WAYS, action="append")
    parser.add_argument("--label", default="cup")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--views", type=int, default=40, help="Pictures of each way to teach from.")
    parser.add_argument("--masks", action="store_true", help="Masks alone, no training.")
    given = parser.parse_args()
    scene_pictures(given.out)
    scene_truth(given.out)
    rows, kept = [], {}
    for way in given.way or WAYS:
        folder = given.out / given.label / way
        kept[way] = kept_views(folder)
        for empty in (False, True)[: 1 + (folder / "empty_scene").is_dir()]:
            rows.append(make_masks(folder, given.label, empty, given.views))
    print_rows(rows)
    if not given.masks:
        rows = [train(row, given.label, given.out, given.seed) for row in rows]
        print_rows(rows)
    figures = {"seed": given.seed, "views": given.views, "rows": rows, "kept": kept}
    (given.out / given.label / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")
    for way, counts in kept.items():
        print(f"{way}: kept of the frames, by min_novelty: {counts}")


if __name__ == "__main__":
    main()
