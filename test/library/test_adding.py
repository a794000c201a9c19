import cv2
import numpy as np
import pytest
from library.bags import compressed, raw, write_bag
from library.test_view_selector import blurred, turntable

from automask_ros.errors import AutomaskError
from automask_ros.library.adding import add_source
from automask_ros.library.library import Library
from automask_ros.library.sources import open_source


@pytest.fixture
def library(tmp_path) -> Library:
    return Library(tmp_path / "lib", create=True)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(5):
        cv2.imwrite(str(folder / f"mug_{number}.png"), picture(number))
    return folder


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (24, 32, 3), np.uint8)


def recording(path, frames=24):
    """A turning object at 10 Hz: each fourth frame blurred, then the camera stands still."""
    images = [turntable(n) if n % 4 else blurred(turntable(n)) for n in range(1, frames)]
    images += [turntable(frames - 1, noise=1)] * 6
    messages = [("/image", raw(image, 10.0 + n / 10)) for n, image in enumerate(images)]
    return write_bag(path, messages)


def test_a_folder_is_kept_as_it_is(library, photos):
    steps = []
    outcome = add_source(library, "mug", open_source(photos), progress=steps.append)
    assert [view.id for view in outcome.added] == [f"mug_{n}" for n in range(5)]
    assert np.array_equal(library.read_image(library.view("mug", "mug_3")), picture(3))
    assert library.view("mug", "mug_3").source == str(photos / "mug_3.png")
    assert (steps[-1].stage, steps[-1].step, steps[-1].total) == ("capture", 5, 5)


def test_doing_it_again_adds_nothing(library, photos):
    before = add_source(library, "mug", open_source(photos)).added
    outcome = add_source(library, "mug", open_source(photos))
    assert (outcome.added, outcome.already_there) == ([], 5)
    assert library.views("mug") == sorted(before, key=lambda view: (view.captured_at, view.id))


def test_another_picture_of_the_same_name_is_left_out_and_the_rest_is_added(library, photos):
    add_source(library, "mug", open_source(photos))
    cv2.imwrite(str(photos / "mug_2.png"), picture(9))
    cv2.imwrite(str(photos / "mug_7.png"), picture(7))
    outcome = add_source(library, "mug", open_source(photos))
    assert [view.id for view in outcome.added] == ["mug_7"]
    (clash,) = outcome.clashing
    assert clash.name == "mug_2"
    assert "mug already has another picture as view mug_2" in clash.reason
    assert f"rename {photos / 'mug_2.png'}" in clash.reason
    assert np.array_equal(library.read_image(library.view("mug", "mug_2")), picture(2))


def test_nothing_but_pictures_of_taken_names_is_an_error(library, photos, tmp_path):
    add_source(library, "mug", open_source(photos))
    others = tmp_path / "others"
    others.mkdir()
    cv2.imwrite(str(others / "mug_2.png"), picture(9))
    with pytest.raises(AutomaskError, match="already has another picture as view mug_2 .*; rename"):
        add_source(library, "mug", open_source(others))


def test_the_same_picture_under_another_name_is_no_second_view(library, photos, tmp_path):
    cv2.imwrite(str(photos / "mug_8.png"), picture(1))
    outcome = add_source(library, "mug", open_source(photos))
    assert (len(outcome.added), outcome.not_kept["there under another name"]) == (5, 1)
    again = tmp_path / "again"
    again.mkdir()
    cv2.imwrite(str(again / "copy.png"), picture(3))
    cv2.imwrite(str(again / "new.png"), picture(30))
    outcome = add_source(library, "mug", open_source(again))
    assert [view.id for view in outcome.added] == ["new"]


def test_a_damaged_view_is_no_reason_to_refuse_new_pictures(library, photos, tmp_path):
    add_source(library, "mug", open_source(photos))
    library.image_path("mug", "mug_0").write_bytes(b"")
    others = tmp_path / "others"
    others.mkdir()
    cv2.imwrite(str(others / "new.png"), picture(30))
    assert [view.id for view in add_source(library, "mug", open_source(others)).added] == ["new"]


def test_broken_photos_are_named_and_the_rest_is_added(library, photos):
    (photos / "mug_1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    outcome = add_source(library, "mug", open_source(photos))
    assert len(outcome.added) == 4
    assert [broken.name for broken in outcome.broken] == ["mug_1.png"]
    for path in photos.iterdir():
        path.write_bytes(b"")
    with pytest.raises(AutomaskError, match="none of the 5 pictures can be read; the first: .*mug"):
        add_source(library, "can", open_source(photos))


def test_a_limit_spreads_over_the_whole_source_and_stays(library, photos):
    for _ in range(2):
        add_source(library, "mug", open_source(photos), most=3)
        assert sorted(view.id for view in library.views()) == ["mug_0", "mug_2", "mug_4"]


def test_of_a_recording_the_sharp_and_new_frames_are_kept(library, tmp_path):
    outcome = add_source(library, "cup", open_source(recording(tmp_path / "teach_cup")))
    kept = [int(view.id.removeprefix("teach_cup_")) for view in outcome.added]
    assert len(kept) >= 15
    assert all((number + 1) % 4 for number in kept)
    assert max(kept) < 24
    assert outcome.not_kept["too blurred"] == 5
    assert outcome.not_kept["same view again"] >= 5
    view = library.view("cup", f"teach_cup_{kept[1]:04d}")
    assert view.captured_at == pytest.approx(10.0 + kept[1] / 10)
    assert np.array_equal(library.read_image(view), turntable(kept[1] + 1))


def test_the_same_recording_again_adds_nothing(library, tmp_path):
    bag = recording(tmp_path / "bag")
    first = add_source(library, "cup", open_source(bag))
    again = add_source(library, "cup", open_source(bag))
    assert (len(again.added), again.already_there) == (0, len(first.added))


def test_a_second_recording_of_the_same_views_adds_nothing_new(library, tmp_path):
    add_source(library, "cup", open_source(recording(tmp_path / "one")))
    again = add_source(library, "cup", open_source(recording(tmp_path / "two")))
    assert again.added == []
    assert again.not_kept["same view again"] >= 20


def test_a_recording_without_any_usable_frame(library, tmp_path):
    dark = np.zeros((240, 320, 3), np.uint8)
    bag = write_bag(tmp_path / "bag", [("/image", raw(dark, 1.0 + n)) for n in range(3)])
    with pytest.raises(AutomaskError, match=r"no picture is usable as a view \(3 too blurred\)"):
        add_source(library, "cup", open_source(bag))


def test_a_limit_on_a_recording(library, tmp_path):
    bag = recording(tmp_path / "bag")
    outcome = add_source(library, "cup", open_source(bag), most=6)
    kept = [int(view.id[-4:]) for view in outcome.added]
    assert len(kept) == 6
    assert kept[0] <= 1 and kept[-1] >= 20
    again = add_source(library, "cup", open_source(bag), most=6)
    assert (len(again.added), again.already_there) == (0, 6)


def test_a_recording_with_nothing_but_damage(library, tmp_path):
    messages = [("/i/compressed", compressed(picture(n), 1.0 + n, cut=300)) for n in range(3)]
    with pytest.raises(AutomaskError, match="none of the 3 pictures can be read; the first: .*off"):
        add_source(library, "cup", open_source(write_bag(tmp_path / "bag", messages)))


def test_a_view_whose_record_is_damaged_is_named_and_the_rest_is_added(library, photos):
    add_source(library, "mug", open_source(photos))
    count = len(library.views("mug"))
    (library.root / "objects/mug/views/mug_0.json").write_text("{")
    cv2.imwrite(str(photos / "new.png"), picture(30))
    outcome = add_source(library, "mug", open_source(photos))
    assert [view.id for view in outcome.added] == ["new"]
    assert [broken.name for broken in outcome.broken] == ["mug_0"]
    assert outcome.already_there == count - 1
