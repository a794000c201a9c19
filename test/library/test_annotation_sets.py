"""Whole sets of other tools, into a library that has none of their pictures: masks to the pixel."""

import base64
import json
import shutil

import cv2
import numpy as np
import pytest
from library import tool_sets
from library.tool_sets import CAN, LONE, MUG, SIZE, labelme_file, packed, picture, write_json
from pycocotools import mask as rle_tools

from automask_ros.cli.main import main
from automask_ros.errors import AutomaskError
from automask_ros.library.annotation_sets import open_annotations, with_names
from automask_ros.library.coco_import import ImportConfig, import_sets
from automask_ros.library.library import Library
from automask_ros.types import PERSON, Mask, Verdict

MUGS = {"Coffee Mug": "mug"}


def filled(polygons):
    """The truth: pycocotools' own filling."""
    parts = rle_tools.frPyObjects(polygons, *SIZE)
    return rle_tools.decode(rle_tools.merge(parts)).astype(bool)


@pytest.fixture
def library(tmp_path):
    return Library(tmp_path / "library", create=True)


def taken(library, path, names=MUGS, **config):
    return import_sets(library, with_names(open_annotations(path), names), ImportConfig(**config))


def masks(library):
    return {f"{view.label}/{view.id}": library.read_mask(view) for view in library.views()}


def check(library, expected, jpeg=False):
    found = masks(library)
    assert set(found) == set(expected)
    for key, (name, polygons) in expected.items():
        assert np.array_equal(found[key], filled(polygons)), key
        view = library.view(*key.split("/"))
        assert view.drawn and view.trainable and view.made_by == PERSON
        difference = cv2.absdiff(library.read_image(view), picture(name))
        assert difference.mean() < 12 if jpeg else not difference.any()


PLAIN = {
    "mug/kitchen": ("kitchen", MUG),
    "can/kitchen": ("kitchen", CAN),
    "mug/table": ("table", LONE),
}
STUDIO = {
    "mug/3f2a9c1e-kitchen": ("kitchen", MUG),
    "can/3f2a9c1e-kitchen": ("kitchen", CAN),
    "mug/9c1e3f2a-table": ("table", LONE),
}
ROBOFLOW = {
    f"{label}/{name}_png.rf.{name}1a2b": value
    for (label, _, name), value in ((key.partition("/"), value) for key, value in PLAIN.items())
}
BOX = "has no polygon"
#: Tool -> (view -> its picture and polygons, why annotations are no masks, options)
TOOLS = {
    "labelme": (PLAIN, [], {}),
    "labelme2coco": (PLAIN, ["is no list of at least three points"], {}),
    "cvat": (PLAIN, [BOX], {}),
    "label_studio": (STUDIO, [], {"parts": True}),
    "fiftyone": (PLAIN, [BOX], {}),
    "roboflow": (ROBOFLOW, [], {}),
}


@pytest.mark.parametrize("form", ["folder", "zip", "zip of a folder"])
@pytest.mark.parametrize("tool", TOOLS)
def test_a_whole_set_comes_in_to_the_pixel(library, tmp_path, tool, form):
    expected, left_out, config = TOOLS[tool]
    path = tmp_path / "set"
    getattr(tool_sets, tool)(path)
    if form != "folder":
        path = packed(path, "project-1/" if form == "zip of a folder" else "")
    sets = open_annotations(path)
    assert [len(each.coco.left_out) for each in sets] == [len(left_out)]
    assert all(word in line for word, line in zip(left_out, sets[0].coco.left_out, strict=True))
    outcome = taken(library, path, **config)
    assert (len(outcome.added), len(outcome.drawn), outcome.broken) == (3, 3, [])
    check(library, expected, jpeg=tool in ("labelme2coco", "roboflow"))
    assert all(str(path) in view.source for view in library.views())
    again = taken(library, path, **config)
    assert (again.unchanged, again.added, again.drawn, again.broken) == (3, [], [], [])


def test_several_objects_of_one_label_are_several_views(library, tmp_path):
    tool_sets.label_studio(tmp_path / "set")
    outcome = taken(library, tmp_path / "set")
    first, second = ([polygon] for polygon in MUG)
    expected = {
        "mug/3f2a9c1e-kitchen-1": ("kitchen", first),
        "mug/3f2a9c1e-kitchen-2": ("kitchen", second),
    }
    expected |= {key: value for key, value in STUDIO.items() if key != "mug/3f2a9c1e-kitchen"}
    assert len(outcome.added) == 4
    check(library, expected)
    assert taken(library, tmp_path / "set").unchanged == 4, "and again the same ones"


def test_a_picture_that_is_a_view_has_one_object(library, tmp_path):
    """A mask that was redrawn in two parts is one mask."""
    view = library.add_view(
        "mug", picture("kitchen"), captured_at=1.0, source="test", view_id="kitchen"
    )
    library.write_mask(view, Mask(filled(CAN), Verdict(True, 0.9)), fcn="lite")
    tool_sets.label_studio(tmp_path / "set")
    outcome = taken(library, tmp_path / "set", labels=("mug",))
    assert [each.id for each in outcome.drawn] == ["kitchen", "9c1e3f2a-table"]
    assert np.array_equal(library.read_mask(view), filled(MUG))
    assert library.labels() == ["mug"], "the can was not asked for"


def test_subsets_come_in_together(library, tmp_path):
    tool_sets.cvat(tmp_path / "set")
    notes, images = tmp_path / "set" / "annotations", tmp_path / "set" / "images"
    (notes / "instances_default.json").rename(notes / "instances_train.json")
    (images / "default").rename(images / "train")
    content = json.loads((notes / "instances_train.json").read_text())
    content["images"] = [{**content["images"][0], "file_name": "table.png"}]
    content["annotations"] = [{**content["annotations"][1], "image_id": 1}]
    write_json(notes / "instances_val.json", content)
    (images / "val").mkdir()
    cv2.imwrite(str(images / "val" / "table.png"), 255 - picture("table"))
    outcome = taken(library, tmp_path / "set")
    assert len(outcome.added) == 4 and not outcome.broken
    # The same name, but not the same picture.
    content["annotations"][0]["category_id"] = 1
    write_json(notes / "instances_val.json", content)
    (broken,) = taken(library, tmp_path / "set").broken
    assert "would both be view table of mug; rename one" in broken.reason


def test_another_picture_of_the_same_name_draws_no_mask(library, tmp_path):
    view = library.add_view(
        "mug", 255 - picture("table"), captured_at=1.0, source="test", view_id="table"
    )
    tool_sets.fiftyone(tmp_path / "set")
    (broken,) = taken(library, tmp_path / "set").broken
    assert broken.reason == "'table.png' is another picture than view table of mug; rename it"
    assert library.view("mug", "table") == view


def test_names_that_are_no_labels_are_refused_with_the_remedy(library, tmp_path):
    tool_sets.fiftyone(tmp_path / "set")
    with pytest.raises(AutomaskError, match='--rename "Coffee Mug=coffee_mug"'):
        taken(library, tmp_path / "set", {})
    assert library.labels() == []
    with pytest.raises(AutomaskError, match="no category 'Mug' to rename; it has: 'Coffee Mug', '"):
        taken(library, tmp_path / "set", {"Mug": "mug"})
    assert len(taken(library, tmp_path / "set", {}, labels=("can",)).added) == 1


def test_annotations_without_their_pictures_are_for_views(library, tmp_path):
    tool_sets.cvat(tmp_path / "set")
    (tmp_path / "set" / "images").rename(tmp_path / "photos")
    assert len(taken(library, tmp_path / "set").unmatched) == 3
    sets = open_annotations(tmp_path / "set", tmp_path / "photos" / "default")
    assert len(import_sets(library, with_names(sets, MUGS)).added) == 3


def shape(kind, points, label="mug", **fields):
    return {"label": label, "points": points, "shape_type": kind, "group_id": None, **fields}


def patch():
    pixels = np.zeros((5, 7), np.uint8)
    pixels[1:4, 2:6] = 1  # as labelme writes it: not 255
    return pixels


def test_each_shape_of_labelme(library, tmp_path):
    encoded = base64.b64encode(cv2.imencode(".png", patch())[1].tobytes()).decode()
    shapes = [
        shape("rectangle", [[20.0, 30.0], [10.0, 5.0]], "rectangle"),
        shape("circle", [[30.0, 20.0], [30.0, 32.0]], "circle"),
        shape("oriented_rectangle", [[9, 4], [30, 8], [28, 20], [7, 16]], "oriented"),
        shape("mask", [[40.0, 12.0], [46.0, 16.0]], "mask", mask=encoded),
        shape("mask", [[60.0, 46.0], [66.0, 50.0]], "edge", mask=encoded),
        shape("polygon", np.reshape(LONE[0], (-1, 2)).tolist(), "both", group_id=1),
        shape("mask", [[40.0, 12.0], [46.0, 16.0]], "both", mask=encoded, group_id=1),
        shape("line", [[1.0, 1.0], [9.0, 9.0]]),
        shape("point", [[1.0, 1.0]]),
        shape("polygon", [[1.0, 1.0], [9.0, 9.0]]),
    ]
    (tmp_path / "set").mkdir()
    cv2.imwrite(str(tmp_path / "set" / "table.png"), picture("table"))
    write_json(tmp_path / "set" / "table.json", labelme_file("..\\elsewhere\\table.png", shapes))
    (annotated,) = open_annotations(tmp_path / "set")
    reasons = [line.partition(": ")[2] for line in annotated.coco.left_out]
    assert reasons[0] == "shape 8 is a 'line', which has no area"
    assert [line[:7] for line in reasons] == ["shape 8", "shape 9", "shape 1"]
    taken(library, tmp_path / "set", {})
    found = {key.partition("/")[0]: mask for key, mask in masks(library).items()}
    assert np.array_equal(found["rectangle"], filled([[10, 5, 20, 5, 20, 30, 10, 30]]))
    assert np.array_equal(found["oriented"], filled([[9, 4, 30, 8, 28, 20, 7, 16]]))
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    away = np.hypot(x - 30, y - 20) - 12
    assert found["circle"][away < -1].all() and not found["circle"][away > 1].any()
    pasted = np.zeros(SIZE, bool)
    pasted[12:17, 40:47] = patch()
    assert np.array_equal(found["mask"], pasted)
    assert np.array_equal(found["both"], pasted | filled(LONE))
    assert np.array_equal(np.argwhere(found["edge"]), [[47, 62], [47, 63]])


def test_a_damaged_labelme_file_stops_no_other(library, tmp_path, capsys):
    tool_sets.labelme(tmp_path / "set")
    (tmp_path / "set" / "broken.json").write_text("{")
    write_json(tmp_path / "set" / "odd.json", {"shapes": 3, "imagePath": "x.png"})
    write_json(tmp_path / "set" / "other.json", {"unlike": "labelme"})
    figures = tmp_path / "figures.json"
    arguments = ["import", "--library", str(library.root), str(tmp_path / "set")]
    arguments += ["--rename", "Coffee Mug=mug", "--json", str(figures)]
    assert main(arguments) == 0
    said = capsys.readouterr()
    assert "3 masks drawn by a person, 3 new views, 0 masks unchanged\n" in said.out
    odd, broken = json.loads(figures.read_text())["no_mask"]
    assert "'odd.json' is no good labelme file: " in odd and "broken.json is damaged" in broken
    check(library, PLAIN)


def test_class_ids_travel_and_never_change_their_meaning(tmp_path, capsys):
    def run(*arguments):
        return main([str(each) for each in arguments])

    source = tmp_path / "source"
    tool_sets.fiftyone(tmp_path / "set")
    assert run("import", "--library", source, tmp_path / "set", "--rename", "Coffee Mug=mug") == 0
    assert Library(source).models.class_ids(["spoon", "mug"]) == {"mug": 1, "spoon": 2}
    assert run("export", "--library", source, "-o", tmp_path / "out") == 0
    content = json.loads((tmp_path / "out" / "annotations.json").read_text())
    assert content["categories"] == [
        {"id": 1, "name": "mug", "class_id": 1},
        {"id": 3, "name": "can"},  # the one that it would get next, and has not got
    ]
    content["categories"][1]["class_id"] = 3
    write_json(tmp_path / "out" / "annotations.json", content)
    into = ("import", "--library")
    assert run(*into, tmp_path / "empty", tmp_path / "out") == 0
    assert Library(tmp_path / "empty").models.known_class_ids() == {"mug": 1, "can": 3}
    assert Library(tmp_path / "empty").models.class_ids(["new"]) == {"new": 4}
    other = Library(tmp_path / "other", create=True)
    other.models.class_ids(["can"])
    capsys.readouterr()
    assert run(*into, other.root, tmp_path / "out") == 0
    assert "the class ids of that library mean something else here" in capsys.readouterr().out
    assert other.models.known_class_ids() == {"can": 1}, "one clashes, so none is taken"
    renamed = tmp_path / "renamed"
    assert run(*into, renamed, tmp_path / "out", "--rename", "mug=cup") == 0
    assert Library(renamed).models.known_class_ids() == {"can": 3}, "a cup is no mug"
    content["categories"][0]["class_id"] = 10**12
    write_json(tmp_path / "out" / "annotations.json", content)
    assert run(*into, tmp_path / "huge", tmp_path / "out") == 0
    assert Library(tmp_path / "huge").models.known_class_ids() == {}


def test_subsets_that_give_a_label_different_ids_give_none(tmp_path, capsys):
    """Either could be the wrong one, and an id is for ever."""
    (tmp_path / "set" / "annotations").mkdir(parents=True)
    for number, name in enumerate(("train", "val")):
        picture = {"id": 1, "file_name": f"{name}.png", "width": 64, "height": 48}
        cv2.imwrite(str(tmp_path / "set" / f"{name}.png"), np.full((48, 64, 3), number, np.uint8))
        square = {"segmentation": [[4, 4, 20, 4, 20, 20]], "category_id": 1, "image_id": 1, "id": 1}
        content = {"images": [picture], "annotations": [square]}
        content["categories"] = [{"id": 1, "name": "cup", "class_id": 5 + number}]
        write_json(tmp_path / "set" / "annotations" / f"instances_{name}.json", content)
    command = ["import", "--library", str(tmp_path / "new"), str(tmp_path / "set")]
    assert main([*command, "--images", str(tmp_path / "set")]) == 0
    assert "class ids of that library mean something else" in capsys.readouterr().out
    assert Library(tmp_path / "new").models.known_class_ids() == {}


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_a_set_of_roboflow_as_it_is_downloaded(library, tmp_path, form):
    path = tmp_path / "set"
    tool_sets.roboflow(path / "train")
    (path / "README.roboflow.txt").write_text("exported")
    (path / "valid").mkdir()
    shutil.copy(path / "train/_annotations.coco.json", path / "valid")
    content = json.loads((path / "valid/_annotations.coco.json").read_text())
    write_json(path / "valid/_annotations.coco.json", {**content, "images": [], "annotations": []})
    if form == "zip":
        path = packed(path)
    outcome = taken(library, path)
    assert (len(outcome.added), outcome.broken) == (3, [])
    check(library, ROBOFLOW, jpeg=True)
