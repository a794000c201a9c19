"""automask benchmark teaching: who learns what, how well on annotated pictures, how fast."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from detection.drawn_views import SMALL, add_views, draw_view

from automask_ros.cli.main import main
from automask_ros.library.coco import encode_mask
from automask_ros.library.library import Library
from automask_ros.types import Mask, Verdict

LABELS = {"box": 1, "disc": 2}


def annotated(folder: Path, numbers: range) -> Path:
    """Drawn pictures in `folder`, one object in each, and their truth as COCO."""
    folder.mkdir(exist_ok=True)
    images, annotations = [], []
    for label in LABELS:
        for number in numbers:
            image, mask = draw_view(label, number)
            name = f"{label}-{number}.png"
            cv2.imwrite(str(folder / name), image)
            images.append({"id": len(images), "file_name": name, "height": 96, "width": 128})
            annotations.append(truth_of(len(images), label, mask))
    path = folder.with_suffix(".json")
    categories = [{"id": number, "name": label} for label, number in LABELS.items()]
    coco = {"images": images, "annotations": annotations, "categories": categories}
    path.write_text(json.dumps(coco))
    return path


def truth_of(number: int, label: str, mask: np.ndarray) -> dict:
    """The annotation of the picture that was added last, the `number`th."""
    return {
        "id": number,
        "image_id": number - 1,
        "category_id": LABELS[label],
        "segmentation": encode_mask(mask),
    }


def peoples_masks(library: Library, path: Path) -> Path:
    """The true masks of the library's views as COCO."""
    images, annotations = [], []
    for label in LABELS:
        for number, view in enumerate(library.views(label)):
            images.append(
                {
                    "id": len(images),
                    "file_name": f"{label}/{view.id}.png",
                    "height": 96,
                    "width": 128,
                }
            )
            annotations.append(truth_of(len(images), label, draw_view(label, number)[1]))
    categories = [{"id": number, "name": label} for label, number in LABELS.items()]
    coco = {"images": images, "annotations": annotations, "categories": categories}
    path.write_text(json.dumps(coco))
    return path


@pytest.fixture()
def library(tmp_path: Path) -> Library:
    """Eight views of a box and of a disc; the masks of two of the disc are refused."""
    made = Library(tmp_path / "library", create=True)
    add_views(made, "box", 8)
    add_views(made, "disc", 8)
    for view in made.views("disc")[:2]:
        mask = made.read_mask(view)
        assert mask is not None
        made.write_mask(view, Mask(mask, Verdict(False, 0.1)), fcn="drawn")
    return made


def test_ours_peoples_and_plain_in_one_run(library: Library, tmp_path: Path, capsys):
    truth = annotated(tmp_path / "test", range(20, 24))
    people = peoples_masks(library, tmp_path / "people.json")
    before = sorted(path for path in library.root.rglob("*") if not path.name.endswith(".lock"))
    figures = tmp_path / "rows.json"
    arguments = ["benchmark", "teaching", "--library", library.root, "--images", tmp_path / "test"]
    arguments += ["--annotations", truth, "--masks", people, "--epochs", 1, "--seeds", 2]
    arguments += [
        "--last",
        "disc",
        "--iterations",
        10,
        "--image-size",
        SMALL,
        "--device",
        "cpu",
        "--json",
        figures,
    ]
    assert main([str(each) for each in arguments]) == 0
    said = capsys.readouterr().out
    rows = json.loads(figures.read_text())
    names = ["ours", "ours", "without disc", "without disc"]
    assert [row["name"] for row in rows] == [*names, "people's masks", "torchvision, 1 epochs"]
    assert [row["seed"] for row in rows] == [0, 1, 0, 1, 0, 0]
    assert [row["views"] for row in rows] == [14, 14, 8, 8, 16, 14]
    plain = rows[-1]
    for row in rows:
        assert row["seconds"] > 0
        assert row["ratio"] == pytest.approx(plain["seconds"] / row["seconds"], abs=0.02)
    spread = abs(rows[0]["AP"] - rows[1]["AP"])
    assert f"spread of AP over 2 seeds: {spread:.3f}" in said
    assert min(row["AP50"] for row in (*rows[:2], rows[4])) > 0.5
    for with_all, others in zip(rows[:2], rows[2:4], strict=True):
        assert list(others["per_label"]) == ["box"]
        assert others["AP"] > 0.5
        fall = others["AP"] - with_all["per_label"]["box"]["AP"]
        assert f"seed {others['seed']}: AP of the others falls by {fall:.3f}" in said
    after = sorted(path for path in library.root.rglob("*") if not path.name.endswith(".lock"))
    assert after == before, "the library is not changed"


def test_what_does_not_fit_is_said_before_anything_is_trained(library: Library, tmp_path, capsys):
    truth = annotated(tmp_path / "test", range(20, 21))
    arguments = ["benchmark", "teaching", "--library", library.root, "--images", tmp_path / "test"]

    def complaint(*more) -> str:
        assert main([str(each) for each in (*arguments, *more)]) == 2
        return capsys.readouterr().err

    masks = complaint("--annotations", truth, "--masks", truth)
    assert "14 views teach that have no mask in" in masks
    assert "leave --classes out" in complaint("--annotations", truth, "--classes", "object")
    assert "--last mug: it must be an object of the library, which has box, disc" in complaint(
        "--annotations", truth, "--last", "mug"
    )
    other = tmp_path / "other.json"
    other.write_text(truth.read_text().replace('"box"', '"mug"').replace('"disc"', '"jar"'))
    assert "annotates mug, jar, the library has box, disc" in complaint("--annotations", other)


def test_a_missing_picture_is_said_before_anything_is_trained(library: Library, tmp_path, capsys):
    truth = annotated(tmp_path / "test", range(20, 21))
    (tmp_path / "test" / "box-20.png").unlink()
    arguments = ["benchmark", "teaching", "--library", library.root, "--images", tmp_path / "test"]
    assert main([str(each) for each in [*arguments, "--annotations", truth]]) == 2
    assert "there is no picture 'box-20.png' in" in capsys.readouterr().err


def test_an_interruption_loses_no_row_that_was_measured(
    library: Library, tmp_path, capsys, monkeypatch: pytest.MonkeyPatch
):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("automask_ros.detection.benchmark.plain_fine_tuning", interrupted)
    truth = annotated(tmp_path / "test", range(20, 21))
    figures = tmp_path / "rows.json"
    arguments = ["benchmark", "teaching", "--library", library.root, "--images", tmp_path / "test"]
    arguments += ["--annotations", truth, "--iterations", 2, "--image-size", SMALL]
    arguments += ["--device", "cpu", "--json", figures]
    assert main([str(each) for each in arguments]) == 130
    (row,) = json.loads(figures.read_text())
    assert (row["name"], row["ratio"]) == ("ours", None)
    assert "ours" in capsys.readouterr().out
