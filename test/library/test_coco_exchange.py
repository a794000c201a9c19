"""Masks out as COCO and back in: pixel exact, with what other tools make of such files."""

import json
import os
from contextlib import suppress

import cv2
import numpy as np
import pytest
from pycocotools.coco import COCO

from automask_ros.errors import AutomaskError
from automask_ros.library.annotation_sets import open_annotations
from automask_ros.library.coco import CocoImage, annotation_mask, encode_mask, read_coco
from automask_ros.library.coco_export import export_coco
from automask_ros.library.coco_import import _are_alike, import_coco, import_sets
from automask_ros.library.coco_names import view_ids
from automask_ros.library.export_folder import ExportConfig
from automask_ros.library.library import Library
from automask_ros.library.polygons import mask_polygons
from automask_ros.library.yolo_export import export_yolo
from automask_ros.types import Mask, Verdict

SIZE = (48, 64)
REFUSED = Verdict(False, 0.25, ("too small (0.1% of the image)",))


def ring(seed=0) -> np.ndarray:
    """A tilted ring with a hole, and a part on its own."""
    pixels = np.zeros(SIZE, np.uint8)
    cv2.ellipse(pixels, (24 + seed, 22), (16, 11), 25 + 9 * seed, 0, 360, 1, -1)
    cv2.circle(pixels, (26 + seed, 22), 4, 0, -1)
    cv2.line(pixels, (52, 5), (60, 40), 1, 2)
    return pixels.astype(bool)


def picture(seed) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), np.uint8)


@pytest.fixture
def library(tmp_path):
    """Three cups, accepted, refused and vetoed; a can without mask that shares a cup's id."""
    library = Library(tmp_path / "lib", create=True)
    for number, verdict in enumerate((Verdict(True, 0.9), REFUSED, Verdict(True, 0.8))):
        view = library.add_view(
            "cup", picture(number), captured_at=100.5 + number, source="test", view_id=f"v{number}"
        )
        library.write_mask(view, Mask(ring(number), verdict), fcn="lite")
    library.set_vetoed(view, True)
    library.add_view("can", picture(9), captured_at=50.0, source="test", view_id="v0")
    return library


def exported(library, directory, labels=(), **config):
    export_coco(library, directory, labels, ExportConfig(**config))
    return directory / "annotations.json"


@pytest.mark.parametrize("polygons", [False, True])
def test_pycocotools_reads_the_export_pixel_by_pixel(library, tmp_path, polygons):
    path = exported(library, tmp_path / "out", polygons=polygons)
    coco = COCO(str(path))
    assert [each["name"] for each in coco.loadCats(coco.getCatIds())] == ["can", "cup"]
    assert len(coco.imgs) == 4 and len(coco.anns) == 3
    for annotation in coco.anns.values():
        image = coco.imgs[annotation["image_id"]]
        truth = library.read_mask(library.view(image["label"], image["view_id"]))
        assert np.array_equal(coco.annToMask(annotation).astype(bool), truth)
        assert annotation["area"] == truth.sum()
        left, top, width, height = (int(value) for value in annotation["bbox"])
        assert truth[top : top + height, left : left + width].sum() == truth.sum()
        stored = cv2.imread(str(tmp_path / "out" / "images" / image["file_name"]))
        assert np.array_equal(stored, picture(int(image["view_id"][1:])))
    said = {each["score"]: each for each in coco.anns.values()}
    assert (said[0.25]["accepted"], said[0.25]["reasons"]) == (False, list(REFUSED.reasons))
    assert [said[score]["vetoed"] for score in (0.9, 0.25, 0.8)] == [False, False, True]
    assert {each["made_by"] for each in said.values()} == {"lite"}


def test_any_mask_survives_as_polygons(tmp_path):
    random = np.random.default_rng(3)
    masks = [random.random((20, 30)) < share for share in (0.1, 0.3, 0.5, 0.7, 0.95)]
    frame = np.ones((20, 30), bool)
    frame[1:-1, 1:-1] = False
    for pixels in (*masks, frame, np.ones((20, 30), bool), ring()):
        content = coco_file("a.png", mask_polygons(pixels), pixels.shape)
        coco = read_coco(written(tmp_path, content))
        found = annotation_mask(coco.annotations[0], coco.images[1])
        assert np.array_equal(found, pixels)
    assert mask_polygons(np.zeros((20, 30), bool)) == []


def test_a_choice_of_views_and_links(library, tmp_path):
    path = exported(library, tmp_path / "out", ["cup"], accepted_only=True, link=True)
    (image,) = json.loads(path.read_text())["images"]
    assert image["file_name"] == "cup/v0.png"
    link = tmp_path / "out" / "images" / "cup" / "v0.png"
    assert link.is_symlink() and link.resolve() == library.image_path("cup", "v0").resolve()
    with pytest.raises(AutomaskError, match="has no object 'mug'; it has: can, cup"):
        export_coco(library, tmp_path / "out", ["mug"])
    with pytest.raises(AutomaskError, match="lies among the library's objects"):
        exported(library, library.root / "objects" / "cup")
    with pytest.raises(AutomaskError, match="no view with an accepted mask to export"):
        exported(library, tmp_path / "out", ["can"], accepted_only=True)


@pytest.mark.parametrize("polygons", [False, True])
def test_what_comes_back_unchanged_changes_nothing(library, tmp_path, polygons):
    before = library.views()
    coco = read_coco(exported(library, tmp_path / "out", polygons=polygons), unique_names=False)
    outcome = import_coco(library, coco)
    assert (outcome.unchanged, outcome.drawn, outcome.broken) == (3, [], [])
    assert library.views() == before
    outcome = import_coco(library, coco, everything=True)
    assert len(outcome.drawn) == 3
    assert library.view("cup", "v1").trainable, "a person said that the refused mask is right"
    assert not library.view("cup", "v2").trainable, "the veto holds"


def test_an_export_takes_the_place_of_the_one_before_when_told(library, tmp_path):
    path = exported(library, tmp_path / "out", ["cup"])
    path.with_name("mine.txt").write_text("a person's")
    content = json.loads(path.read_text())
    content["images"] += [{"file_name": name} for name in ("../secret.png", "cup/../../x.png", 7)]
    path.write_text(json.dumps(content))
    (tmp_path / "secret.png").touch()
    before = path.read_bytes()
    with pytest.raises(AutomaskError, match="holds an export already"):
        exported(library, tmp_path / "out")
    with pytest.raises(AutomaskError, match="holds a COCO export .*; export elsewhere"):
        export_yolo(library, tmp_path / "out", config=ExportConfig(overwrite=True))
    assert path.read_bytes() == before
    library.remove_view(library.view("cup", "v0"))
    exported(library, tmp_path / "out", overwrite=True)
    left = sorted(str(each.relative_to(path.parent)) for each in path.parent.rglob("*.*"))
    pictures = ["images/can/v0.png", "images/cup/v1.png", "images/cup/v2.png"]
    assert left == ["annotations.json", *pictures, "mine.txt"]
    assert (tmp_path / "secret.png").exists()


def test_only_what_was_redrawn_is_a_persons(library, tmp_path):
    path = exported(library, tmp_path / "out")
    content = json.loads(path.read_text())
    for annotation in content["annotations"][1:]:
        annotation["segmentation"] = [[10, 10, 30, 10, 30, 20, 10, 20]]
    del content["annotations"][0]["digest"]
    outcome = import_coco(library, read_coco(written(tmp_path, content), unique_names=False))
    assert ([view.id for view in outcome.drawn], outcome.unchanged) == (["v1", "v2"], 1)
    mask = library.read_mask(library.view("cup", "v1"))
    assert mask.sum() == 200 and mask[10:20, 10:30].all()
    assert [view.drawn for view in library.views("cup")] == [False, True, True]
    assert [view.trainable for view in library.views("cup")] == [True, True, False]


def test_masks_that_a_tool_traced_anew_can_be_told_from_drawn_ones(library, tmp_path):
    path = exported(library, tmp_path / "out")
    content = json.loads(path.read_text())
    redrawn = ring(0)
    redrawn[30:40, 10:40] = True
    nearly = ring(1)
    nearly[np.argwhere(nearly)[0][0]] = False
    for annotation, pixels in zip(content["annotations"], (redrawn, nearly), strict=False):
        annotation["segmentation"] = encode_mask(pixels)
    coco = read_coco(written(tmp_path, content), unique_names=False)
    outcome = import_coco(library, coco, tolerance=0.05)
    assert ([view.id for view in outcome.drawn], outcome.unchanged) == (["v0"], 2)
    assert library.view("cup", "v1").verdict == REFUSED
    outcome = import_coco(library, coco)
    assert ([view.id for view in outcome.drawn], outcome.alike) == (["v1"], 1)


def test_a_whole_library_travels(library, tmp_path):
    """Into a new library: images, times, verdicts and vetoes, and what was edited as a person's."""
    path = exported(library, tmp_path / "out")
    content = json.loads(path.read_text())
    content["annotations"][0]["segmentation"] = [[10, 10, 30, 10, 30, 20, 10, 20]]
    path.write_text(json.dumps(content))
    target = Library(tmp_path / "new", create=True)
    outcome = import_coco(target, read_coco(path, unique_names=False), tmp_path / "out" / "images")
    assert len(outcome.added) == 3 and [view.id for view in outcome.drawn] == ["v0"]
    first, second, third = target.views()
    assert first.drawn and first.trainable
    assert second.verdict == REFUSED and second.made_by == "lite"
    assert third.vetoed and third.verdict.accepted
    for number, view in enumerate((first, second, third)):
        assert np.array_equal(target.read_image(view), picture(number))
        assert view.captured_at == 100.5 + number
    assert np.array_equal(target.read_mask(second), ring(1))
    again = import_coco(target, read_coco(path, unique_names=False), tmp_path / "out" / "images")
    assert (again.unchanged, again.added) == (3, [])


@pytest.mark.parametrize("polygons", [False, True])
def test_an_export_is_a_whole_set(library, tmp_path, polygons):
    """Given as a folder, to a library that has nothing: the same masks, and whose they are."""
    library.write_drawn_mask(library.view("cup", "v0"), ring(7))
    exported(library, tmp_path / "out", polygons=polygons)
    target = Library(tmp_path / "new", create=True)
    outcome = import_sets(target, open_annotations(tmp_path / "out"))
    assert (len(outcome.added), outcome.broken) == (3, [])
    for before, after in zip(library.views("cup"), target.views("cup"), strict=True):
        assert np.array_equal(target.read_mask(after), library.read_mask(before))
        assert np.array_equal(target.read_image(after), library.read_image(before))
        said = [(v.id, v.captured_at, v.verdict, v.vetoed, v.made_by) for v in (before, after)]
        assert said[0] == said[1]
    assert [view.drawn for view in target.views("cup")] == [True, False, False]


def coco_file(file_name, segmentation, shape=SIZE, label="cup", **annotation):
    image = {"id": 1, "file_name": file_name, "width": shape[1], "height": shape[0]}
    return {
        "images": [image],
        "categories": [{"id": 0, "name": "_background_"}, {"id": 4, "name": label}],
        "annotations": [
            {"id": 0, "image_id": 1, "category_id": 4, "segmentation": segmentation, **annotation}
        ],
    }


def written(tmp_path, content):
    path = tmp_path / "drawn.json"
    path.write_text(json.dumps(content))
    return path


BOX = [[4, 2, 12, 2, 12, 8, 4, 8]]


def test_an_export_again_removes_what_a_killed_one_left(library, tmp_path):
    path = exported(library, tmp_path / "out")
    left = [path.parent / name for name in (".a.1-2.tmp", "images/cup/.v0.png.1-2.tmp")]
    for each in left:
        each.touch()
        os.utime(each, (1.0, 1.0))
    assert exported(library, tmp_path / "out", overwrite=True) == path
    assert not any(each.exists() for each in left)


def test_an_import_that_is_cut_off_and_made_again_is_the_same(library, tmp_path, monkeypatch):
    """No view that it has added counts as one that was there, with a veto and a mask of its own."""
    path = exported(library, tmp_path / "out")
    coco = read_coco(path, unique_names=False)
    records = {}
    for allowed in (None, *range(9)):
        other = Library(tmp_path / f"other_{allowed}", create=True)
        done = []

        def killed(source, target, real=os.replace, done=done, allowed=allowed):
            if len(done) == allowed:
                raise KeyboardInterrupt
            done.append(target)
            real(source, target)

        with monkeypatch.context() as context, suppress(KeyboardInterrupt):
            context.setattr(os, "replace", killed)
            import_coco(other, coco, path.parent / "images")
        assert len(done) == (9 if allowed is None else allowed), "an image, a mask, a JSON each"
        import_coco(other, coco, path.parent / "images")
        records[allowed] = [
            (view.id, view.verdict, view.made_by, view.vetoed) for view in other.views()
        ]
    assert {str(each) for each in records.values()} == {str(records[None])}
    assert [vetoed for *_, vetoed in records[None]] == [False, False, True]


@pytest.mark.parametrize(
    ("file_name", "segmentation", "area"),
    [
        ("JPEGImages/v1.jpg", BOX, 48),  # labelme
        ("..\\..\\upload\\1\\3f2a9c1e-v1.png", BOX, 48),  # Label Studio
        ("v1_png.rf.9c1e3f2a.jpg", BOX, 48),  # Roboflow
        ("task/cup/v1.png", [*BOX, [20, 20, 24, 20, 24, 22, 20, 22]], 56),  # CVAT
        ("v1.png", {"size": list(SIZE), "counts": [0, 10, 48 * 64 - 10]}, 10),  # CVAT's brush
    ],
)
def test_files_of_other_tools(library, tmp_path, file_name, segmentation, area):
    content = coco_file(file_name, segmentation, iscrowd=int(isinstance(segmentation, dict)))
    outcome = import_coco(library, read_coco(written(tmp_path, content)))
    assert [view.id for view in outcome.drawn] == ["v1"]
    assert library.read_mask(library.view("cup", "v1")).sum() == area


def test_what_fits_no_view_is_named_and_the_rest_goes_on(library, tmp_path):
    content = coco_file("v1.png", BOX)
    content["images"] += [
        {"id": 2, "file_name": "other/v1.png", "width": 64, "height": 48},
        {"id": 3, "file_name": "v2.png", "width": 640, "height": 480},
        {"id": 4, "file_name": "new.png", "width": 64, "height": 48},
    ]
    content["annotations"] += [
        {"id": number, "image_id": number, "category_id": 4, "segmentation": BOX}
        for number in (2, 3, 4)
    ]
    outcome = import_coco(library, read_coco(written(tmp_path, content), unique_names=False))
    assert [view.id for view in outcome.drawn] == ["v1"]
    assert outcome.unmatched == ["'new.png', annotated as 'cup'"]
    twice, size = (broken.reason for broken in outcome.broken)
    assert twice == "'other/v1.png' and 'v1.png' would both be view v1 of cup; rename one"
    assert size.startswith("'v2.png' is annotated at 640x480, but the view has 64x48")


@pytest.mark.parametrize(
    "file_name",
    [
        *("../secret.png", "/etc/../../secret.png", "..", "/", "a/..", "a\0b.png"),
        "a" * 5000,  # found by fuzzing: no file system has such a name
    ],
)
def test_a_hostile_file_name_reads_nothing_outside(library, tmp_path, file_name):
    cv2.imwrite(str(tmp_path / "secret.png"), picture(1))
    (tmp_path / "photos").mkdir()
    content = coco_file(file_name, BOX)
    outcome = import_coco(library, read_coco(written(tmp_path, content)), tmp_path / "photos")
    assert len(outcome.broken) == 1 and outcome.added == outcome.drawn == []
    assert "there is no picture" in outcome.broken[0].reason
    assert len(library.views()) == 4


@pytest.mark.parametrize("label", ["../../etc", "Blue Mug", ".", "con\n"])
def test_a_hostile_label_makes_no_folder(library, tmp_path, label):
    (tmp_path / "photos").mkdir()
    cv2.imwrite(str(tmp_path / "photos" / "new.png"), picture(1))
    coco = read_coco(written(tmp_path, coco_file("new.png", BOX, label=label)))
    with pytest.raises(AutomaskError, match="is not usable: take 1 to 64 lower-case letters"):
        import_coco(library, coco, tmp_path / "photos")
    assert len(import_coco(library, coco).unmatched) == 1
    assert library.labels() == ["can", "cup"]


def test_a_hostile_view_id_stays_in_its_folder(library, tmp_path):
    content = coco_file("new.png", BOX)
    content["images"][0]["view_id"] = "../../../escaped"
    (tmp_path / "photos").mkdir()
    cv2.imwrite(str(tmp_path / "photos" / "new.png"), picture(1))
    (added,) = import_coco(
        library, read_coco(written(tmp_path, content)), tmp_path / "photos"
    ).added
    assert ".." not in added.id and "/" not in added.id
    assert library.image_path("cup", added.id).parent == library.root / "objects" / "cup" / "views"


def test_a_damaged_picture_is_left_out_of_an_export(library, tmp_path, caplog):
    path = library.image_path("cup", "v1")
    path.write_bytes(path.read_bytes()[:-40])
    content = json.loads(exported(library, tmp_path / "out").read_text())
    assert [image["view_id"] for image in content["images"]] == ["v0", "v0", "v2"]
    [record] = caplog.records
    assert str(path) in record.getMessage() and "left out" in record.getMessage()


def scene(left):
    """A plain table, with an object that a fixed camera sees at another place each time."""
    image = np.full((240, 320, 3), (90, 110, 130), np.uint8)
    image[100:140, left : left + 40] = (30, 40, 220)
    return image


@pytest.mark.parametrize("left", [20, 35, 200])
def test_an_object_that_has_moved_before_a_fixed_camera_is_another_picture(tmp_path, left):
    library = Library(tmp_path / "library", create=True)
    images = tmp_path / "images"
    images.mkdir()

    def take(place):
        cv2.imwrite(str(images / "frame_000000.png"), scene(place))
        corners = [[place, 100, place + 40, 100, place + 40, 140, place, 140]]
        path = written(tmp_path, coco_file("frame_000000.png", corners, (240, 320)))
        return import_coco(library, read_coco(path), images)

    assert len(take(60).added) == 1
    before = library.read_mask(library.view("cup", "frame_000000"))
    outcome = take(left)
    assert (outcome.drawn, outcome.added) == ([], [])
    assert "is another picture than view frame_000000 of cup; rename it" in outcome.broken[0].reason
    assert np.array_equal(library.read_mask(library.view("cup", "frame_000000")), before)


@pytest.mark.parametrize("quality", [50, 75, 95])
def test_a_picture_that_was_encoded_anew_is_the_same(tmp_path, quality):
    image = scene(60)
    image[150:, :, :] += np.random.default_rng(0).integers(0, 40, (90, 320, 3), np.uint8)
    encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    assert _are_alike(cv2.imdecode(encoded, cv2.IMREAD_COLOR), image)


def test_a_date_before_a_name_is_no_upload_of_a_tool():
    image = CocoImage(id=1, file_name="20240102-001.png", width=4, height=4)
    assert view_ids(image) == ["20240102-001"]
    image = CocoImage(id=1, file_name="3f2a9c1e-001.png", width=4, height=4)
    assert view_ids(image) == ["3f2a9c1e-001", "001"]
