"""Annotated sets of a stranger: nothing outside is read, and each fault is one line."""

import io
import json
import os
import zipfile

import cv2
import numpy as np
import pytest
from faults.stranger import limited, picture
from faults.test_hostile_input import FILE_NAMES
from faults.watch import untouched

from automask_ros.cli.main import main
from automask_ros.errors import AutomaskError
from automask_ros.library.annotation_sets import open_annotations
from automask_ros.library.coco_import import import_sets
from automask_ros.library.library import Library

SQUARE = [4.0, 4.0, 20.0, 4.0, 20.0, 20.0]
PNG = cv2.imencode(".png", picture(0))[1].tobytes()


def coco(file_name, segmentation=None, label="cup"):
    return {
        "images": [{"id": 1, "file_name": file_name, "width": 32, "height": 24}],
        "categories": [{"id": 1, "name": label, "class_id": 10**30}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "segmentation": segmentation or [SQUARE]}
        ],
    }


def labelme(image_path, **fields):
    shape = {"label": "cup", "points": [[4, 4], [20, 4], [20, 20]], "shape_type": "polygon"}
    size = {"imageHeight": 24, "imageWidth": 32}
    return {"imagePath": image_path, "shapes": [shape | fields], **size}


def archive(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content if isinstance(content, bytes) else json.dumps(content))
    return path


@pytest.mark.parametrize("form", ["coco", "labelme", "zip"])
@pytest.mark.parametrize("name", FILE_NAMES)
def test_no_file_name_leads_out_of_a_set(tmp_path, name, form):
    outside, place = tmp_path / "outside", tmp_path / "set"
    outside.mkdir()
    place.mkdir()
    (outside / "secret.png").write_bytes(PNG)
    name = name.format(outside=outside / "secret.png")
    if form == "zip":
        place = archive(tmp_path / "set.zip", {"annotations.json": coco(name)})
    elif form == "coco":
        (place / "annotations.json").write_text(json.dumps(coco(name)))
    else:
        (place / "a.json").write_text(json.dumps(labelme(name)))
    library = Library(tmp_path / "library", create=True)
    with untouched(outside):
        outcome = import_sets(library, open_annotations(place))
    assert not outcome.added and library.views() == []
    (broken,) = outcome.broken
    assert "there is no picture" in broken.reason and broken.reason.isprintable()


def test_an_archive_s_own_names_lead_nowhere(tmp_path):
    """Nothing is unpacked, so a name that leads out is but a name; a link is no file."""
    path = archive(
        tmp_path / "set.zip",
        {
            "annotations.json": coco("../../secret.png"),
            "../../secret.png": PNG,
            "/etc/secret.png": PNG,
        },
    )
    with zipfile.ZipFile(path, "a") as file:
        link = zipfile.ZipInfo("secret.png")
        link.external_attr = 0o120777 << 16
        file.writestr(link, "/etc/passwd")
    library = Library(tmp_path / "library", create=True)
    before = sorted(tmp_path.rglob("*"))
    outcome = import_sets(library, open_annotations(path))
    assert "there is no picture" in outcome.broken[0].reason and not outcome.added
    assert sorted(tmp_path.rglob("*")) == before


def encrypted(data):
    """With the flag that says that a password is needed."""
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.index(mark) + at
        data = data[:place] + bytes([data[place] | 1]) + data[place + 1 :]
    return data


def zipped(content, name="annotations.json"):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as writer:
        writer.writestr(name, content)
    return file.getvalue()


GOOD = zipped(json.dumps(coco("a.png")))
DAMAGED = {
    "no zip at all": (b"PK nothing", "is no zip file"),
    "empty": (b"", "is no zip file"),
    "cut off": (GOOD[:-30], "is no zip file"),
    "a flipped byte": (GOOD[:60] + bytes([GOOD[60] ^ 255]) + GOOD[61:], "cannot read"),
    "a password": (encrypted(GOOD), "cannot read"),
    "nothing known": (zipped("{}", "b/c.txt"), "is no annotated set that is known"),
    "no JSON": (zipped("[1, "), "is damaged: no JSON"),
    "deep": (zipped("[" * 100_000 + "1"), "would become|no JSON"),
    "half a character": (zipped('{"annotations": "\\ud800"}'), "no JSON"),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_a_damaged_archive_is_refused_in_one_line(tmp_path, what, capsys):
    content, said = DAMAGED[what]
    (tmp_path / "set.zip").write_bytes(content)
    with pytest.raises(AutomaskError, match=said) as refused, limited(20):
        open_annotations(tmp_path / "set.zip")
    assert str(refused.value).isprintable() and "\n" not in str(refused.value)
    assert main(["import", "--library", str(tmp_path / "new"), str(tmp_path / "set.zip")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "new").exists()


def test_a_picture_that_promises_too_much_stays_out(tmp_path):
    grey = np.zeros((9000, 9000), np.uint8)
    huge = coco("a.png")
    members = {"images/a.png": cv2.imencode(".png", grey)[1].tobytes(), "annotations.json": huge}
    members["images/a.png"] = members["images/a.png"].ljust(30_000_000, b"\0")
    path = archive(tmp_path / "set.zip", members)
    (broken,) = import_sets(Library(tmp_path / "new", create=True), open_annotations(path)).broken
    assert "times as large" in broken.reason
    path = archive(tmp_path / "set.zip", members | {"images/a.png": b"no picture"})
    (broken,) = import_sets(Library(tmp_path / "new"), open_annotations(path)).broken
    assert "is no JPEG, PNG, BMP or WebP image" in broken.reason


SHAPES = {
    "far": {"points": [[1e300, 1], [2, 2], [3, 1]]},
    "wide": {"shape_type": "circle", "points": [[4, 4], [1e308, -1e308]]},
    "not base64": {"shape_type": "mask", "points": [[1, 1], [2, 2]], "mask": "\u00fc"},
    "no picture": {"shape_type": "mask", "points": [[1, 1], [2, 2]], "mask": "AAAA"},
    "outside": {"shape_type": "mask", "points": [[-9, 1e9], [2, 2]], "mask": ""},
    "unknown": {"shape_type": "\x1b[2J"},
    "few": {"points": []},
}


@pytest.mark.parametrize("what", SHAPES)
def test_a_shape_that_is_none_is_left_out_in_one_line(tmp_path, what):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(labelme("a.png", **SHAPES[what])))
    with limited(20):
        (annotated,) = open_annotations(path)
    (line,) = annotated.coco.left_out
    assert line.startswith("'a.json': shape 1 ") and line.isprintable() and len(line) < 300
    assert not annotated.coco.annotations


@pytest.mark.parametrize("told", [10**400, 1e300, -(10**15), [1], "now", None])
def test_a_picture_from_beyond_all_time_is_as_old_as_its_file(tmp_path, told):
    place = tmp_path / "set"
    place.mkdir()
    (place / "a.png").write_bytes(PNG)
    os.utime(place / "a.png", (7.0, 7.0))
    content = coco("a.png")
    content["images"][0]["captured_at"] = told
    (place / "a.json").write_text(json.dumps(content))
    outcome = import_sets(
        Library(tmp_path / "library", create=True), open_annotations(place / "a.json", place)
    )
    assert [view.captured_at for view in outcome.added] == [7.0]


def test_a_folder_may_hold_pipes_and_links_that_end_nowhere(tmp_path):
    place = tmp_path / "set"
    place.mkdir()
    (place / "annotations.json").write_text(json.dumps(coco("a.png")))
    os.mkfifo(place / "a.png")
    library = Library(tmp_path / "library", create=True)
    with limited(20):
        (broken,) = import_sets(library, open_annotations(place)).broken
    assert "there is no picture" in broken.reason
    (place / "annotations.json").unlink()
    (place / "annotations.json").symlink_to(place / "annotations.json")
    with pytest.raises(AutomaskError), limited(20):
        open_annotations(place)
