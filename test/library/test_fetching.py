"""Views and models of another library: what comes, what stays, what is refused."""

import json
import os
import shutil

import cv2
import numpy as np
import pytest
from faults.whole_library import contents
from library.small_library import fill, mask_pixels, picture, store_small_model

from automask_ros.errors import AutomaskError
from automask_ros.library.check import check_library
from automask_ros.library.fetch_model import fetch_model
from automask_ros.library.fetch_views import fetch_views
from automask_ros.library.library import Library
from automask_ros.library.other_library import OtherLibrary
from automask_ros.library.records import (
    MAX_CLASS_ID,
    LabelsRecord,
    ViewRecord,
    read_record,
    write_record,
)
from automask_ros.types import PERSON, Mask, Verdict


def loads(directory, labels):
    """These tests' versions hold random bytes; those that load are in the tests of the command."""
    return None


@pytest.fixture
def here(tmp_path) -> Library:
    return Library(tmp_path / "here", create=True)


@pytest.fixture
def there(tmp_path) -> Library:
    return fill(tmp_path / "there")


def other(library: Library) -> OtherLibrary:
    return OtherLibrary(library.root)


def files_of(root) -> dict:
    """Every file below a folder: its time of change and its content."""
    return {
        path.relative_to(root): (path.lstat().st_mtime_ns, path.read_bytes())
        for path in root.rglob("*")
        if path.is_file()
    }


def test_views_come_with_masks_verdicts_vetoes_and_drawings(here, there):
    before = files_of(there.root)
    outcome = fetch_views(here, other(there))
    assert len(outcome.added) == 8
    assert (outcome.already_there, outcome.broken, outcome.clash) == (0, [], None)
    assert contents(here.root)["views"] == contents(there.root)["views"]
    assert [view.captured_at for view in here.views()] == [100.5 + n for n in range(8)]
    assert here.view("can", "view_3").made_by == PERSON
    assert here.view("mug", "view_3").vetoed
    assert here.view("mug", "view_0").camera == {"k": [500.25, 0.0, 24.0], "frame_id": "camera"}
    assert files_of(there.root) == before, "nothing is written there"
    assert check_library(here.root).findings == []


def test_what_broke_off_is_finished_and_what_is_here_stays(here, there):
    class Cut(Exception):
        pass

    def cut(progress):
        if progress.step == 3:
            raise Cut

    with pytest.raises(Cut):
        fetch_views(here, other(there), progress=cut)
    assert len(here.views()) == 3
    here.set_vetoed(here.view("can", "view_0"), True)
    here.write_drawn_mask(here.view("can", "view_1"), mask_pixels(12))
    outcome = fetch_views(here, other(there))
    assert (len(outcome.added), outcome.already_there) == (5, 3)
    assert here.view("can", "view_0").vetoed
    assert np.array_equal(here.read_mask(here.view("can", "view_1")), mask_pixels(12))
    state = files_of(here.root / "objects")
    assert fetch_views(here, other(there)).already_there == 8
    assert files_of(here.root / "objects") == state


def test_a_mask_that_was_made_later_comes_later_and_replaces_none(here, tmp_path):
    robot = Library(tmp_path / "robot", create=True)
    views = [
        robot.add_view("cup", picture(n), captured_at=1.0 + n, source="x", view_id=f"v{n}")
        for n in range(2)
    ]
    assert len(fetch_views(here, other(robot)).added) == 2
    mine = Mask(mask_pixels(5), Verdict(False, 0.25, ("unsure",)))
    here.write_mask(here.view("cup", "v1"), mine, fcn="here")
    for view in views:
        robot.write_mask(view, Mask(mask_pixels(1), Verdict(True, 0.75)), fcn="there")
    robot.set_vetoed(robot.view("cup", "v1"), True)
    outcome = fetch_views(here, other(robot))
    assert [view.id for view in outcome.masked] == ["v0"]
    assert [view.id for view in outcome.vetoed_there] == ["v1"]
    found = here.view("cup", "v0")
    assert (found.made_by, found.verdict) == ("there", Verdict(True, 0.75))
    assert np.array_equal(here.read_mask(found), mask_pixels(1))
    kept = here.view("cup", "v1")
    assert (kept.made_by, kept.verdict, kept.vetoed) == ("here", mine.verdict, False)


def test_other_pictures_of_one_name_live_beside_each_other(here, there, tmp_path):
    second = Library(tmp_path / "second", create=True)
    second.add_view("mug", picture(90), captured_at=7.0, source="x", view_id="view_0")
    second.add_view("mug", picture(4), captured_at=8.0, source="x", view_id="another")
    fetch_views(here, other(there))
    for _ in range(2):
        outcome = fetch_views(here, other(second))
    assert (len(outcome.added), outcome.already_there) == (0, 2)
    (added,) = [view for view in here.views("mug") if view.id.startswith("view_0-")]
    assert np.array_equal(here.read_image(added), picture(90))
    assert np.array_equal(here.read_image(here.view("mug", "view_0")), picture(4))
    assert len(here.views("mug")) == 5, "one picture under two names is one view"


def test_what_was_removed_here_stays_away(here, there):
    fetch_views(here, other(there), ["mug"])
    assert here.labels() == ["mug"]
    here.remove_view(here.view("mug", "view_2"))
    outcome = fetch_views(here, other(there), ["mug"])
    assert (len(outcome.added), outcome.already_there, outcome.removed) == (0, 3, 1)


def test_damaged_and_foreign_views_are_left_out_and_named(here, there):
    there.image_path("can", "view_0").write_bytes(b"nothing")
    cv2.imwrite(str(there.image_path("can", "view_1")), picture(77))
    there.image_path("can", "view_2").unlink()
    there.image_path("can", "view_2").symlink_to(there.image_path("mug", "view_0"))
    shutil.rmtree(there.root / "objects/mug/masks")
    (there.root / "objects/mug/masks").symlink_to(there.root / "objects/can/masks")
    outcome = fetch_views(here, other(there))
    assert [view.id for view in outcome.added] == ["view_3"]
    assert [each.name for each in outcome.broken] == [f"can/view_{n}" for n in range(3)]
    for words, broken in zip(
        ("is no JPEG", "not the picture that was kept", "is a link"), outcome.broken, strict=True
    ):
        assert words in broken.reason
    assert here.labels() == ["can"]


def test_records_that_claim_sizes_and_names_are_not_believed(here, there):
    path = there.root / "objects/can/views/view_0.json"
    write_record(path, read_record(path, ViewRecord).model_copy(update={"width": 9999}))
    forged = json.loads((there.root / "objects/can/views/view_1.json").read_text())
    (there.root / "objects/can/views/..view.json").write_text(json.dumps(forged))
    outcome = fetch_views(here, other(there), ["can"])
    assert sorted(view.id for view in outcome.added) == [f"view_{n}" for n in (1, 2, 3)]
    assert check_library(here.root).findings == []


def test_nothing_to_fetch_is_one_line(here, there, tmp_path):
    with pytest.raises(AutomaskError, match="no library at .*nowhere"):
        OtherLibrary(tmp_path / "nowhere")
    with pytest.raises(AutomaskError, match="this library itself"):
        fetch_views(here, other(here))
    with pytest.raises(AutomaskError, match="no object cup; it has: can, mug"):
        fetch_views(here, other(there), ["cup"])
    with pytest.raises(AutomaskError, match="no promoted model"):
        fetch_model(there, other(here), unfit=loads)


def test_a_model_comes_as_the_next_version_and_goes_live(here, there):
    watching = Library(here.root).models  # as a running detector has it
    store_small_model(here, 7)
    assert (watching.current(), watching.database_version()) == (1, 1)
    before = files_of(there.root)
    outcome = fetch_model(here, other(there), unfit=loads)
    assert (outcome.version, outcome.fetched_from, outcome.forgotten) == (2, 2, ())
    assert (outcome.new, outcome.promoted, outcome.live) == (True, True, True)
    assert (watching.current(), watching.database_version()) == (2, 2)
    assert os.readlink(here.root / "models/current") == "2"
    names = ["measured.safetensors", "metrics.json", "model.onnx", "model.safetensors"]
    record = watching.record(2)
    assert sorted(record.files) == names, "a stranger's page is none of them"
    theirs = there.models.record(2).files
    assert record.files == {name: theirs[name] for name in names}
    assert record.model_extra["fetched"]["version"] == 2
    assert watching.promotions()[-1].reason == f"fetched from {there.root}, version 2"
    assert files_of(there.root) == before
    assert check_library(here.root).findings == []


def test_a_model_is_taken_once_and_a_rollback_is_respected(here, there):
    fetch_model(here, other(there), 1, unfit=loads)
    assert fetch_model(here, other(there), unfit=loads).version == 2
    again = fetch_model(here, other(there), unfit=loads)
    assert (again.version, again.new, again.promoted, again.live) == (2, False, False, True)
    here.models.rollback()
    kept = fetch_model(here, other(there), unfit=loads)
    assert (kept.version, kept.promoted, kept.live, here.models.current()) == (2, False, False, 1)
    assert fetch_model(here, other(there), unfit=loads, again=True).live
    assert (here.models.versions(), here.models.current()) == ([1, 2], 2)


def test_an_objects_forgotten_name_is_told(here, there):
    here.models.take_class_ids({"can": 1, "mug": 2, "spoon": 3})
    with here.models.stage() as staged:
        (staged / "model.safetensors").write_bytes(b"weights")
        record = there.models.record(1).model_dump(exclude={"files"})
        version = here.models.commit(staged, record | {"labels": {"mug": 2, "spoon": 3}})
    here.models.promote(version, "for a test")
    assert fetch_model(here, other(there), unfit=loads).forgotten == ("spoon",)


def test_class_ids_keep_their_meaning(here, there):
    here.models.class_ids(["bottle"])  # 1, which is can there
    outcome = fetch_views(here, other(there))
    assert len(outcome.added) == 8, "views have no ids"
    assert outcome.clash == "class id 1 is bottle here and can there"
    with pytest.raises(AutomaskError, match="class id 1 is bottle here and can there .*of its own"):
        fetch_model(here, other(there), unfit=loads)
    assert here.models.known_class_ids() == {"bottle": 1}
    assert here.models.versions() == []


def test_free_ids_are_taken_over_with_views(here, there):
    there.models.class_ids(["spoon"])
    fetch_views(here, other(there), ["mug"])
    assert here.models.known_class_ids() == {"can": 1, "mug": 2, "spoon": 3}
    assert here.models.class_ids(["bottle"]) == {"bottle": 4}


def test_an_id_that_leaves_no_room_is_not_taken(here, there):
    there.models.take_class_ids({"last": 10_000})
    ids = {**there.models.known_class_ids(), "cup": MAX_CLASS_ID}
    write_record(there.root / "models/labels.json", LabelsRecord(labels=ids))
    with pytest.raises(AutomaskError, match="cup has class id 65535 there.*ids go from 1 to 10000"):
        fetch_model(here, other(there), unfit=loads)
    assert here.models.class_ids(["mug"]) == {"mug": 1}


@pytest.mark.parametrize("fault", ["other bytes", "link", "missing", "larger"])
def test_a_damaged_version_is_refused(here, there, fault):
    path = there.models.directory(2) / "model.onnx"
    content = path.read_bytes()
    path.unlink()
    if fault == "other bytes":
        path.write_bytes(bytes(len(content)))
    elif fault == "link":
        outside = there.root.parent / "outside"
        outside.write_bytes(content)
        path.symlink_to(outside)
    elif fault == "larger":
        path.write_bytes(content)
        os.truncate(path, 2 * shutil.disk_usage(path).free)
    with pytest.raises(AutomaskError, match=r"model\.onnx|free some space"):
        fetch_model(here, other(there), unfit=loads)
    assert here.models.versions() == []
    assert here.models.known_class_ids() == {}
    assert not list((here.root / "models").glob(".staging-*"))


def test_a_model_that_does_not_load_is_refused_and_nothing_changes(here, there):
    with pytest.raises(AutomaskError, match=r"version 2 of .*there cannot be used: no weights"):
        fetch_model(here, other(there), unfit=lambda directory, labels: "no weights")
    assert (here.models.versions(), here.models.known_class_ids()) == ([], {})


def test_a_model_of_format_1_names_the_remedy(here):
    from pathlib import Path

    old = OtherLibrary(Path(__file__).parent / "format_1")
    with pytest.raises(AutomaskError, match="tells no digests .*open that library"):
        fetch_model(here, old, unfit=loads)
    assert len(fetch_views(here, old).added) == 8
