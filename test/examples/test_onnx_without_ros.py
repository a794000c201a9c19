"""The example without ROS finds what `automask detect` finds, and needs three packages alone."""

import ast
import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
from drawn_scenes import draw_scene, ellipse_mask
from examples.run_example import EXAMPLES, load
from integration.drawn_objects import COLOURS, view
from integration.stored_models import store_model
from pycocotools import mask as coco_mask

from automask_ros.cli.main import main
from automask_ros.detection.doubles import lower_doubles
from automask_ros.library.library import Library
from automask_ros.library.records import write_record
from automask_ros.library.version_files import RECORD_FILE
from automask_ros.types import PlacedMask

SCRIPT = EXAMPLES / "onnx_without_ros.py"


def crowd():
    """Five things, some of which touch, in a picture of another size and aspect."""
    mask = np.zeros((360, 500), bool)
    for number in range(5):
        mask |= ellipse_mask(mask.shape, (70 + 85 * number, 120 + 60 * (number % 3)), (40, 35))
    return draw_scene(mask, COLOURS["ball"], 1)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of pictures: larger than the network's input, of its size, and with nothing."""
    folder = tmp_path_factory.mktemp("pictures")
    cup = view("cup", 0)[0]
    small = cv2.resize(cup, (200, 150), interpolation=cv2.INTER_AREA)
    for name, picture in {"crowd": crowd(), "cup": cup, "small": small}.items():
        cv2.imwrite(str(folder / f"{name}.png"), picture)
    return folder


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    """The folder of a model that calls everything a cup, be it ever so unsure."""
    library = Library(tmp_path_factory.mktemp("without_ros") / "library", create=True)
    number = store_model(library, view("cup", 0)[0])
    record = library.models.record(number)
    unsure = record.model_copy(update={"thresholds": {"cup": 0.02}})
    folder = library.models.directory(number)
    write_record(folder / RECORD_FILE, unsure)
    return folder


@pytest.fixture(scope="module")
def expected(version, pictures, tmp_path_factory):
    """What `automask detect` finds, by picture."""
    output = tmp_path_factory.mktemp("found")
    library = str(version.parent.parent)
    arguments = ["detect", "--library", library, str(pictures), "--output", str(output)]
    assert main([*arguments, "--device", "cpu"]) == 0
    found = {}
    for row in json.loads((output / "detections.json").read_text()):
        found.setdefault(row["file_name"].removesuffix(".png"), []).append(row)
    return found


def test_the_same_is_found(version, pictures, expected):
    model = load("onnx_without_ros").Model(version)
    assert len(expected["crowd"]) >= 5 and expected["cup"] and expected["small"]
    for path in sorted(pictures.glob("*.png")):
        found = model(cv2.imread(str(path)))
        rows = expected[path.stem]
        assert [each.label for each in found] == ["cup"] * len(rows)
        for each, row in zip(found, rows, strict=True):
            assert each.score == pytest.approx(row["score"], abs=1e-4)
            left, top, width, height = row["bbox"]
            assert each.box == pytest.approx((left, top, left + width, top + height), abs=1)
            mask = coco_mask.decode(row["segmentation"]).astype(bool)
            assert (each.mask & mask).sum() > 0.99 * (each.mask | mask).sum()


def test_what_is_found_twice_scores_less():
    shape = (60, 80)
    whole, part = ellipse_mask(shape, (40, 30), (30, 20)), ellipse_mask(shape, (45, 30), (15, 15))
    beside = ellipse_mask(shape, (68, 30), (10, 20))  # less than 0.6 of it lies in the whole
    masks, scores = [part, whole, beside, part], np.array([0.6, 0.9, 0.8, 0.5], np.float32)
    numbers = np.array([1, 1, 1, 2])
    found = load("onnx_without_ros").lower_doubles(masks, scores, numbers)
    assert found == pytest.approx([0.18, 0.9, 0.8, 0.5])
    placed = [PlacedMask(0, 0, mask) for mask in masks]
    assert np.array_equal(found, lower_doubles(placed, scores, numbers))


def own_lines(stderr):
    """Without those of ONNX Runtime, which says what it does not find on some machines."""
    return [line for line in stderr.splitlines() if "onnxruntime" not in line]


def test_as_a_process_it_prints_and_draws(version, pictures, expected, tmp_path):
    output = tmp_path / "found.png"
    done = subprocess.run(
        [sys.executable, SCRIPT, version, pictures / "cup.png", "--output", output],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, own_lines(done.stderr)) == (0, []), done.stderr
    label, score, *box = done.stdout.splitlines()[0].split()
    best = expected["cup"][0]
    assert (label, float(score)) == ("cup", pytest.approx(best["score"], abs=1e-4))
    left, top, width, height = best["bbox"]
    assert [float(each) for each in box] == pytest.approx([left, top, left + width, top + height])
    changed = (cv2.imread(str(output)) != cv2.imread(str(pictures / "cup.png"))).any(2)
    mask = coco_mask.decode(best["segmentation"]).astype(bool)
    assert changed[mask].mean() > 0.99


@pytest.mark.parametrize(("what", "words"), [("model", "has no model.json"), ("image", "picture")])
def test_what_is_missing_is_named_in_one_line(what, words, version, pictures, tmp_path):
    given = {"model": version, "image": pictures / "cup.png"} | {what: tmp_path / "none"}
    done = subprocess.run(
        [sys.executable, SCRIPT, given["model"], given["image"]], capture_output=True, text=True
    )
    assert done.returncode == 1 and words in done.stderr
    assert len(own_lines(done.stderr)) == 1, done.stderr


def test_it_imports_three_packages():
    imported = set()
    for node in ast.walk(ast.parse(SCRIPT.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.split(".")[0])
    assert imported - set(sys.stdlib_module_names) == {"cv2", "numpy", "onnxruntime"}
