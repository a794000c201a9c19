import json
import logging
import os
import subprocess
import sys
import threading

import cv2
import numpy as np
import pytest

from automask_ros.errors import AutomaskError
from automask_ros.library import files
from automask_ros.library.library import Library
from automask_ros.types import PERSON, Mask, Verdict


@pytest.fixture
def library(tmp_path) -> Library:
    return Library(tmp_path / "lib", create=True)


def picture(seed: int = 0, height: int = 12, width: int = 16) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def add(library, view_id="a", label="mug", seed=0, at=1.5):
    image = picture(seed)
    return library.add_view(label, image, captured_at=at, source="test", view_id=view_id)


def accepted_mask() -> Mask:
    pixels = np.zeros((12, 16), bool)
    pixels[3:9, 4:10] = True
    return Mask(pixels, Verdict(True, 0.93))


def test_a_missing_library_is_an_error_with_a_remedy(tmp_path):
    with pytest.raises(AutomaskError, match="there is no library at .*automask add"):
        Library(tmp_path / "lib")
    Library(tmp_path / "lib", create=True)
    assert Library(tmp_path / "lib").labels() == []


def test_a_library_of_a_newer_format_is_refused(tmp_path):
    Library(tmp_path, create=True)
    (tmp_path / "library.json").write_text('{"format": 3}')
    with pytest.raises(AutomaskError, match=r"newer automask_ros \(format 3, this one reads 2\)"):
        Library(tmp_path)


def test_a_view_comes_back_bit_by_bit(library):
    camera = {"k": [500.0, 0.0, 8.0], "frame_id": "camera"}
    view = library.add_view(
        "mug", picture(), captured_at=1.5, source="bag:/camera", camera=camera, view_id="a"
    )
    again = Library(library.root).view("mug", "a")
    assert again == view
    assert again.camera == camera
    assert (again.width, again.height, again.captured_at, again.source) == (
        16,
        12,
        1.5,
        "bag:/camera",
    )
    assert np.array_equal(library.read_image(again), picture())
    assert library.read_mask(again) is None
    assert library.labels() == ["mug"]


def test_ids_from_the_capture_time_are_unique_and_in_order(library):
    ids = [
        library.add_view("mug", picture(), captured_at=at, source="test").id
        for at in (1700000000.25, 1700000000.25, 1700000000.5)
    ]
    assert ids == [
        "20231114T221320.250000",
        "20231114T221320.250000-2",
        "20231114T221320.500000",
    ]
    assert [view.id for view in library.views()] == ids


def test_an_id_is_taken_only_once_per_object(library):
    add(library, "a", "mug")
    with pytest.raises(AutomaskError, match="mug already has a view a"):
        add(library, "a", "mug", seed=1)
    assert np.array_equal(library.read_image(library.view("mug", "a")), picture(0))
    add(library, "a", "can")
    assert library.labels() == ["can", "mug"]


def test_views_are_ordered_by_time_over_all_objects(library):
    add(library, "z", "mug", at=1.0)
    add(library, "a", "mug", at=3.0)
    add(library, "b", "can", at=2.0)
    assert [(view.label, view.id) for view in library.views()] == [
        ("mug", "z"),
        ("can", "b"),
        ("mug", "a"),
    ]
    assert [view.id for view in library.views("mug")] == ["z", "a"]


@pytest.mark.parametrize("label", ["../x", "", "ü", "a" * 65, "a/b"])
def test_hostile_labels_reach_no_path(library, label):
    before = sorted(library.root.parent.rglob("*"))
    for action in (
        lambda: library.add_view(label, picture(), captured_at=0.0, source="x"),
        lambda: library.views(label),
        lambda: library.view(label, "a"),
        lambda: library.image_path(label, "a"),
    ):
        with pytest.raises(AutomaskError, match="label"):
            action()
    assert sorted(library.root.parent.rglob("*")) == before


@pytest.mark.parametrize("view_id", ["../x", "", "ü", "a" * 129, "a/b", ".a"])
def test_hostile_ids_write_no_file(library, view_id):
    with pytest.raises(AutomaskError, match="view id"):
        add(library, view_id)
    assert not list(library.root.parent.rglob("*.png"))


@pytest.mark.parametrize("captured_at", [float("nan"), float("inf"), 1e300])
def test_times_that_are_none_are_refused(library, captured_at):
    with pytest.raises(AutomaskError):
        library.add_view("mug", picture(), captured_at=captured_at, source="test")
    assert library.views() == []


def test_an_image_without_its_json_is_no_view_and_does_not_block_the_id(library):
    add(library, "b")
    files.write_image(library.image_path("mug", "a"), picture(7))
    assert [view.id for view in library.views()] == ["b"]
    with pytest.raises(AutomaskError, match="has no view a of mug"):
        library.view("mug", "a")
    add(library, "a", seed=3)
    assert np.array_equal(library.read_image(library.view("mug", "a")), picture(3))


def test_a_mask_and_its_verdict_come_back(library):
    view = library.write_mask(add(library), accepted_mask(), fcn="lite")
    assert view.verdict == Verdict(True, 0.93)
    again = Library(library.root).view("mug", "a")
    assert again == view
    assert np.array_equal(library.read_mask(again), accepted_mask().pixels)
    stored = cv2.imread(str(library.mask_path("mug", "a")), cv2.IMREAD_UNCHANGED)
    assert set(np.unique(stored)) == {0, 255}
    assert library.views_without_mask() == []
    assert library.trainable_views() == [again]


def test_a_mask_without_acknowledgement_does_not_count(library):
    view = add(library)
    files.write_image(library.mask_path("mug", "a"), accepted_mask().pixels)
    assert library.view("mug", "a").verdict is None
    assert library.read_mask(view) is None
    assert library.views_without_mask() == [view]


def test_a_mask_deleted_by_hand_makes_the_view_wait_again(library):
    view = library.write_mask(add(library), accepted_mask(), fcn="lite")
    library.mask_path("mug", "a").unlink()
    assert [each.id for each in library.views_without_mask()] == ["a"]
    assert library.view("mug", "a").verdict is None
    assert library.read_mask(view) is None


def test_a_mask_repainted_by_hand_is_read_as_it_is(library):
    view = library.write_mask(add(library), accepted_mask(), fcn="lite")
    painted = np.zeros((12, 16, 3), np.uint8)
    painted[:5] = 255
    cv2.imwrite(str(library.mask_path("mug", "a")), painted)
    assert library.read_mask(view).sum() == 5 * 16
    cv2.imwrite(str(library.mask_path("mug", "a")), painted[:6])
    with pytest.raises(AutomaskError, match="the mask of mug/a is 16x6 but the view is 16x12"):
        library.read_mask(view)


@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("by_hand", [False, True])
def test_a_replacement_that_is_cut_off_leaves_the_old_mask_or_the_new(
    library, monkeypatch, by_hand, written
):
    view = library.write_mask(add(library), accepted_mask(), fcn="lite")
    if by_hand:
        view = library.write_drawn_mask(view, np.eye(12, 16, dtype=bool))
    old = (view.verdict, view.made_by, library.read_mask(view).tolist())
    new = (Verdict(True, 1.0, ("drawn by a person",)), PERSON, np.ones((12, 16), bool).tolist())
    real = files.write_bytes

    def killed(path, data):
        if path.parent.name != "masks" or written:
            real(path, data)
        if path.parent.name == "masks":
            raise KeyboardInterrupt

    with monkeypatch.context() as context, pytest.raises(KeyboardInterrupt):
        context.setattr(files, "write_bytes", killed)
        library.write_drawn_mask(view, np.ones((12, 16), bool))
    for opened in (library, Library(library.root)):
        found = opened.view("mug", "a")
        state = (found.verdict, found.made_by, opened.read_mask(found).tolist())
        assert state == (new if written else old)


def test_after_a_replacement_that_was_cut_off_the_mask_that_is_there_is_judged(
    library, monkeypatch
):
    view = library.write_mask(add(library), accepted_mask(), fcn="lite")

    def killed(path, _):
        raise KeyboardInterrupt(path)

    real = files.write_bytes
    with monkeypatch.context() as context, pytest.raises(KeyboardInterrupt):
        context.setattr(
            files, "write_bytes", lambda p, d: (killed if p.suffix == ".png" else real)(p, d)
        )
        library.write_mask(view, Mask(~accepted_mask().pixels, Verdict(True, 0.5)), fcn="other")
    thin = Verdict(False, 0.1, ("thin",))
    library.write_verdict(view, thin, made_by="lite, compared")
    found = Library(library.root).view("mug", "a")
    assert (found.verdict, found.made_by) == (thin, "lite, compared")
    assert np.array_equal(library.read_mask(found), accepted_mask().pixels)


def test_a_removal_that_is_cut_off_leaves_the_view_whole_here_or_in_the_trash(library, monkeypatch):
    view = library.write_mask(add(library), accepted_mask(), fcn="lite")
    pictures = [library.image_path("mug", "a"), library.mask_path("mug", "a")]
    written = [path.read_bytes() for path in pictures]

    def killed(*_, **__):
        raise KeyboardInterrupt

    for place, name in ((files, "move"), (type(library.root), "unlink")):
        with monkeypatch.context() as context, pytest.raises(KeyboardInterrupt):
            context.setattr(place, name, killed)
            library.remove_view(view)
        if place is files:
            assert Library(library.root).views() == [view]
            assert [path.read_bytes() for path in pictures] == written
    assert Library(library.root).views() == []
    whole = [path.parent for path in (library.root / "trash").rglob("view.json")]
    (found,) = [[(each / f"{n}.png").read_bytes() for n in ("image", "mask")] for each in whole]
    assert found == written
    # Its name can be given again, to another picture and without the mask that was there.
    again = add(library, seed=5)
    assert library.views() == [again] and again.verdict is None


@pytest.mark.parametrize(
    "place", ["", "models", "models/1", "objects/mug/masks", "objects/mug/background"]
)
def test_what_killed_writers_left_is_removed_everywhere(library, place):
    add(library)
    folder = library.root / place
    folder.mkdir(parents=True, exist_ok=True)
    if place == "models/1":
        (folder / "model.json").touch()
    left, at_work, other = folder / ".a.json.1-2.tmp", folder / ".b.1-2.tmp", folder / ".other"
    for path in (left, at_work, other):
        path.touch()
    for path in (left, other):
        os.utime(path, (1.0, 1.0))
    Library(library.root)
    assert [path.exists() for path in (left, at_work, other)] == [False, True, True]


def test_a_veto_takes_out_of_training_and_loses_nothing(library):
    view = library.write_mask(add(library), accepted_mask(), fcn="lite")
    vetoed = library.set_vetoed(view, True)
    assert vetoed.vetoed
    assert library.trainable_views() == []
    assert np.array_equal(library.read_mask(vetoed), accepted_mask().pixels)
    assert library.views_without_mask() == []
    library.set_vetoed(view, False)
    assert len(library.trainable_views("mug")) == 1


def test_a_forgotten_mask_is_made_again(library):
    view = library.write_mask(add(library), accepted_mask(), fcn="lite")
    assert library.forget_mask(view).verdict is None
    assert not library.mask_path("mug", "a").exists()
    assert len(library.views_without_mask()) == 1


def test_a_removed_view_lies_whole_in_the_trash(library):
    view = library.write_mask(add(library), accepted_mask(), fcn="lite")
    library.remove_view(view)
    assert library.views() == []
    (folder,) = (library.root / "trash" / "mug").iterdir()
    assert sorted(path.name for path in folder.iterdir()) == ["image.png", "mask.png", "view.json"]
    assert np.array_equal(cv2.imread(str(folder / "image.png")), picture())
    with pytest.raises(AutomaskError, match="has no view a of mug"):
        library.write_mask(view, accepted_mask(), fcn="lite")
    add(library)
    library.remove_view(view)
    assert len(list((library.root / "trash" / "mug").iterdir())) == 2


def test_a_damaged_json_is_reported_once_and_the_rest_goes_on(library, caplog):
    add(library, "a")
    add(library, "b")
    path = library.root / "objects" / "mug" / "views" / "a.json"
    path.write_bytes(path.read_bytes()[:-20])
    with caplog.at_level(logging.ERROR):
        assert [view.id for view in library.views()] == ["b"]
        assert [view.id for view in library.views()] == ["b"]
    assert len(caplog.records) == 1
    assert "a.json is damaged" in caplog.text
    with pytest.raises(AutomaskError, match="a.json is damaged"):
        library.view("mug", "a")


@pytest.mark.parametrize(
    ("field", "value"),
    [("width", 0), ("width", "wide"), ("captured_at", None), ("format", 99), ("mask", {"fcn": 1})],
)
def test_wrong_fields_in_a_json_are_named(library, field, value):
    add(library)
    path = library.root / "objects" / "mug" / "views" / "a.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    with pytest.raises(AutomaskError, match=r"a\.json (is damaged|was written by a newer)"):
        library.view("mug", "a")


def test_fields_of_others_survive_a_change(library):
    view = add(library)
    path = library.root / "objects" / "mug" / "views" / "a.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "note": "shiny"}))
    library.set_vetoed(view, True)
    assert json.loads(path.read_text())["note"] == "shiny"


def test_a_damaged_image_is_named(library):
    view = add(library)
    path = library.image_path("mug", "a")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(AutomaskError, match="a.png is damaged"):
        library.read_image(view)


def test_what_another_process_wrote_is_seen(library):
    other = Library(library.root)
    view = add(library)
    assert other.views() == [view]
    masked = library.write_mask(view, accepted_mask(), fcn="lite")
    assert other.views() == [masked]
    library.remove_view(masked)
    assert other.views() == []


def test_two_writers_of_one_object_do_not_mix(library):
    def write(seed):
        mine = Library(library.root)
        for _ in range(10):
            mine.add_view("mug", picture(seed), captured_at=5.0, source=str(seed))

    threads = [threading.Thread(target=write, args=(seed,)) for seed in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    views = library.views()
    assert len(views) == 30
    for view in views:
        assert np.array_equal(library.read_image(view), picture(int(view.source)))


WRITER = """
import sys
from pathlib import Path
import numpy as np
from automask_ros.library.library import Library
from automask_ros.types import Mask, Verdict

library = Library(Path(sys.argv[1]), create=True)
random = np.random.default_rng(int(sys.argv[2]))
for number in range(100000):
    image = random.integers(0, 256, (48, 64, 3), np.uint8)
    view = library.add_view("mug", image, captured_at=float(number), source="loop",
                            view_id=f"r{sys.argv[2]}-{number}")
    print("view", view.id, int(image.sum()), flush=True)
    pixels = image[..., 0] > 127
    library.write_mask(view, Mask(pixels, Verdict(True, 0.5)), fcn="lite")
    print("mask", view.id, int(pixels.sum()), flush=True)
"""


def test_a_killed_writer_leaves_every_acknowledged_view_and_mask(tmp_path):
    """kill -9 at random moments; whatever was acknowledged on stdout must be there, whole."""
    root = tmp_path / "lib"
    views, masks = {}, {}
    for run in range(4):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(root), str(run)], stdout=subprocess.PIPE, text=True
        )
        lines = [writer.stdout.readline() for _ in range(9 + 7 * run)]
        writer.kill()
        lines += writer.stdout.readlines()
        writer.wait()
        for line in lines:
            if line.endswith("\n"):
                kind, view_id, total = line.split()
                (views if kind == "view" else masks)[view_id] = int(total)
    library = Library(root)
    found = {view.id: view for view in library.views()}
    assert len(masks) >= 16
    assert set(views) <= set(found)
    for view_id, total in views.items():
        assert int(library.read_image(found[view_id]).sum()) == total
    for view_id, total in masks.items():
        assert int(library.read_mask(found[view_id]).sum()) == total
    for view in library.views_without_mask():
        library.write_mask(view, Mask(np.ones((48, 64), bool), Verdict(True, 1.0)), fcn="lite")
    assert library.views_without_mask() == []
