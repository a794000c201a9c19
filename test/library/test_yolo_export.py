"""YOLO segmentation sets: every line is its mask, and no picture is on both sides."""

import os
import tracemalloc

import cv2
import numpy as np
import pytest
import yaml
from library.test_coco_exchange import ring
from pycocotools import mask as rle_tools

from automask_ros.errors import AutomaskError
from automask_ros.library.export_folder import ExportConfig
from automask_ros.library.library import Library
from automask_ros.library.polygons import one_polygon
from automask_ros.library.yolo_export import export_yolo
from automask_ros.types import Mask, Verdict

SIZE = (48, 64)
GOOD = Verdict(True, 0.9)


def picture(seed):
    return np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), np.uint8)


def add(library, label, number, at, verdict=GOOD, view_id=None):
    view = library.add_view(
        label,
        picture(number),
        captured_at=float(at),
        source="test",
        view_id=view_id or f"v.{number}",
    )
    return library.write_mask(view, Mask(ring(number % 3), verdict), fcn="lite")


@pytest.fixture
def library(tmp_path):
    """Ten cups of two captures, eight and two; two of `no`, one in the picture of a cup; one
    refused and one vetoed."""
    library = Library(tmp_path / "lib", create=True)
    for number in range(10):
        add(library, "cup", number, number if number < 8 else 1000 + number)
    add(library, "no", 3, 3, view_id="another")
    add(library, "no", 20, 50)
    add(library, "cup", 30, 2000, Verdict(False, 0.1, ("too small",)))
    library.set_vetoed(add(library, "cup", 31, 2001), True)
    library.models.class_ids(["spoon", "no"])
    return library


def exported(library, directory, **config):
    export_yolo(library, directory, config=ExportConfig(**config))
    return yaml.safe_load((directory / "data.yaml").read_text())


def lines(directory, split, name):
    return (directory / "labels" / split / f"{name}.txt").read_text().splitlines()


def names(directory, part, split):
    return sorted(path.stem for path in (directory / part / split).iterdir())


def test_the_set_is_as_ultralytics_reads_it(library, tmp_path):
    content = exported(library, tmp_path / "out")
    # `no` has class id 1, `cup` would get 3: classes are in that order, from 0.
    assert content["names"] == {0: "no", 1: "cup"}
    assert (content["train"], content["val"]) == ("images/train", "images/train")
    assert "path" not in content, "the set may be moved"
    stems = names(tmp_path / "out", "images", "train")
    assert stems == names(tmp_path / "out", "labels", "train")
    assert stems == ["cup.v.0", *(f"cup.v.{n}" for n in range(1, 10)), "no.v.20"]
    assert names(tmp_path / "out", "images", "val") == []
    shown = cv2.imread(str(tmp_path / "out" / "images" / "train" / "cup.v.3.png"))
    assert np.array_equal(shown, picture(3))
    both = lines(tmp_path / "out", "train", "cup.v.3")
    assert [line.split()[0] for line in both] == ["1", "0"], "one picture, both objects"


def points(line):
    shares = np.array(line.split()[1:], np.float64).reshape(-1, 2)
    assert shares.min() >= 0 and shares.max() <= 1 and len(shares) >= 3
    return shares * SIZE[::-1]


def test_a_line_is_its_mask(library, tmp_path):
    """Filled as COCO is, to the pixel. Ultralytics cuts fractions off and fills with OpenCV, which
    draws the line as well: there it is a pixel off along the outline and its joints."""
    exported(library, tmp_path / "out")
    for number in range(3):
        (line, *_) = lines(tmp_path / "out", "train", f"cup.v.{number}")
        polygon = points(line)
        (encoded,) = rle_tools.frPyObjects([polygon.reshape(-1).tolist()], *SIZE)
        truth = ring(number)
        assert np.array_equal(rle_tools.decode(encoded).astype(bool), truth)
        drawn = np.zeros(SIZE, np.uint8)
        cv2.fillPoly(drawn, [polygon.astype(np.int32)], 1)
        outline = np.zeros(SIZE, np.uint8)
        cv2.polylines(outline, [np.rint(polygon).astype(np.int32)], True, 1)
        near = cv2.dilate(outline, np.ones((3, 3), np.uint8)).astype(bool)
        wrong = drawn.astype(bool) ^ truth
        assert wrong.any() and not (wrong & ~near).any()


def test_any_mask_survives_as_one_polygon():
    random = np.random.default_rng(5)
    masks = [random.random((14, 18)) < share for share in (0.05, 0.3, 0.6, 0.95)]
    for pixels in (*masks, np.ones((14, 18), bool)):
        (encoded,) = rle_tools.frPyObjects([one_polygon(pixels)], *pixels.shape)
        assert np.array_equal(rle_tools.decode(encoded).astype(bool), pixels)
    assert one_polygon(np.zeros((14, 18), bool)) == []


def test_jagged_parts_take_no_memory():
    """Two combs of 3000 teeth: each corner with each would be 700 MB."""
    combs = np.zeros((30, 6000), bool)
    combs[:5] = combs[25:] = combs[:10, ::2] = combs[20:, ::2] = True
    tracemalloc.start()
    polygon = one_polygon(combs)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(polygon) > 20_000 and peak < 100e6
    (encoded,) = rle_tools.frPyObjects([polygon], *combs.shape)
    assert np.array_equal(rle_tools.decode(encoded).astype(bool), combs)


def test_a_split_keeps_captures_together(library, tmp_path):
    content = exported(library, tmp_path / "out", val=0.3)
    assert content["val"] == "images/val"
    # Three cups were asked for; the two of the later capture are as near, and one capture.
    assert names(tmp_path / "out", "images", "val") == ["cup.v.8", "cup.v.9", "no.v.20"]
    assert len(names(tmp_path / "out", "images", "train")) == 8
    single = Library(tmp_path / "single", create=True)
    add(single, "cup", 0, 1)
    with pytest.raises(AutomaskError, match="no object has two views to split"):
        exported(single, tmp_path / "other", val=0.5)


def test_the_share_decides_where_no_camera_rested(tmp_path):
    library = Library(tmp_path / "lib", create=True)
    for number in range(10):
        add(library, "cup", number, number)
    exported(library, tmp_path / "out", val=0.3)
    assert names(tmp_path / "out", "images", "val") == ["cup.v.7", "cup.v.8", "cup.v.9"]


def test_an_export_takes_the_place_of_the_one_before_alone_when_told(library, tmp_path):
    out = tmp_path / "out"
    exported(library, out, val=0.3)
    (out / "images" / "train" / "mine.png").write_bytes(b"a person's")
    with pytest.raises(AutomaskError, match=r"holds an export already \(data.yaml\); .*overwrite"):
        exported(library, out)
    library.remove_view(library.view("cup", "v.0"))
    exported(library, out, overwrite=True)
    assert names(out, "images", "val") == names(out, "labels", "val") == []
    assert names(out, "images", "train") == [
        *(f"cup.v.{n}" for n in range(1, 10)),
        "mine",
        "no.v.20",
    ]
    assert names(out, "labels", "train") == [*(f"cup.v.{n}" for n in range(1, 10)), "no.v.20"]


def test_a_killed_export_leaves_no_set_and_the_next_one_a_whole_one(library, tmp_path, monkeypatch):
    out = tmp_path / "out"
    exported(library, out, val=0.3)
    replaced = os.replace

    def killed(source, target):
        if str(target).endswith("cup.v.5.txt"):
            raise KeyboardInterrupt
        replaced(source, target)

    with monkeypatch.context() as context, pytest.raises(KeyboardInterrupt):
        context.setattr(os, "replace", killed)
        exported(library, out, overwrite=True)
    assert not (out / "data.yaml").exists()
    exported(library, out, val=0.3)
    assert names(out, "images", "val") == ["cup.v.8", "cup.v.9", "no.v.20"]
    assert names(out, "images", "train") == names(out, "labels", "train")
    assert not set(names(out, "images", "train")) & set(names(out, "images", "val"))


def test_a_mask_that_was_damaged_since_leaves_the_set(library, tmp_path):
    """Or the line of the earlier export would stand for it, and nobody would know."""
    out = tmp_path / "out"
    exported(library, out)
    # Acknowledged as it is, or a person would be taken for who painted it.
    empty = Mask(np.zeros(SIZE, bool), GOOD)
    library.write_mask(library.view("cup", "v.4"), empty, fcn="lite")
    exported(library, out, overwrite=True)
    kept = [f"cup.v.{n}" for n in (0, 1, 2, 3, *range(5, 10))] + ["no.v.20"]
    assert names(out, "images", "train") == names(out, "labels", "train") == kept
    assert "cup.v.4" not in (out / "views.json").read_text()


def test_no_listing_leads_out_of_the_folder(library, tmp_path):
    out, outside = tmp_path / "out", tmp_path / "outside.png"
    exported(library, out)
    outside.write_bytes(b"kept")
    (out / "views.json").write_text(
        '{"pictures": [{"file": "../../outside.png"}, {"file": "train/../../outside.png"}, '
        '{"file": 3}, 4, {"file": "/outside.png"}]}'
    )
    exported(library, out, overwrite=True)
    assert outside.read_bytes() == b"kept"
