import cv2
import numpy as np
import pytest
from library.bags import raw, write_bag

from automask_ros.errors import AutomaskError
from automask_ros.library.recording import Recording
from automask_ros.library.sources import ImageFolder, open_source, picture_files


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (24, 32, 3), np.uint8)


def test_a_folder_gives_its_images_in_name_order(tmp_path):
    for number, name in enumerate(["b.png", "a 1.PNG", "c.bmp"]):
        cv2.imwrite(str(tmp_path / name), picture(number))
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "sub.png").mkdir()
    source = open_source(tmp_path)
    assert isinstance(source, ImageFolder)
    assert len(source) == 3
    assert not source.sequence
    frames = list(source)
    assert [frame.name for frame in frames] == ["a_1", "b", "c"]
    for frame, number in zip(frames, (1, 0, 2), strict=True):
        assert np.array_equal(frame.image, picture(number))
    assert frames[0].source == str(tmp_path / "a 1.PNG")
    assert frames[0].stamp == (tmp_path / "a 1.PNG").stat().st_mtime


def test_glob_chooses_files_by_name_or_stem(tmp_path):
    for name in ("coin_1.png", "coin_2.png", "card_1.png"):
        cv2.imwrite(str(tmp_path / name), picture(0))
    assert [frame.name for frame in open_source(tmp_path, glob="coin_*")] == ["coin_1", "coin_2"]
    assert len(open_source(tmp_path, glob="*_1.png")) == 2
    with pytest.raises(AutomaskError, match="none of the 3 images in .* matches 'mug_\\*'"):
        open_source(tmp_path, glob="mug_*")


def test_broken_images_are_listed(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), picture(0))
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:200])
    (tmp_path / "c.jpg").write_bytes(b"")
    source = open_source(tmp_path)
    assert [frame.name for frame in source] == ["a"]
    assert [broken.name for broken in source.broken] == ["b.png", "c.jpg"]
    assert "breaks off" in source.broken[0].reason
    assert "is empty" in source.broken[1].reason


def test_a_recording_is_recognised(tmp_path):
    bag = write_bag(tmp_path / "bag", [("/image", raw(picture(0), 1.0))])
    assert isinstance(open_source(bag), Recording)
    assert isinstance(open_source(bag / "bag.mcap", topic="/image"), Recording)


def test_what_is_no_source(tmp_path):
    with pytest.raises(AutomaskError, match="there is no folder of images and no recording"):
        open_source(tmp_path / "nothing")
    with pytest.raises(AutomaskError, match="holds no image"):
        open_source(tmp_path)
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(AutomaskError, match="neither a folder of images nor a rosbag2 recording"):
        open_source(tmp_path / "a.txt")
    cv2.imwrite(str(tmp_path / "a.png"), picture(0))
    with pytest.raises(AutomaskError, match="--topic is for recordings"):
        open_source(tmp_path, topic="/image")


def test_a_single_picture_is_told_to_give_its_folder(tmp_path):
    cv2.imwrite(str(tmp_path / "a [1].png"), picture(0))
    with pytest.raises(AutomaskError) as caught:
        open_source(tmp_path / "a [1].png")
    words = str(caught.value)
    assert f"is a single picture; give its folder {tmp_path}, with --glob '" in words
    glob = words.partition("--glob '")[2].partition("'")[0]
    assert [frame.name for frame in open_source(tmp_path, glob=glob)] == ["a__1_"]


def test_a_folder_above_sources_is_told_their_names(tmp_path):
    write_bag(tmp_path / "bottle", [("/image", raw(picture(0), 1.0))])
    (tmp_path / "photos").mkdir()
    cv2.imwrite(str(tmp_path / "photos" / "a.png"), picture(0))
    (tmp_path / "notes").mkdir()
    named = f"; give one of what lies in it: {tmp_path / 'bottle'}, {tmp_path / 'photos'}"
    for topic in (None, "/image"):
        with pytest.raises(AutomaskError) as caught:
            open_source(tmp_path, topic=topic)
        assert str(caught.value).endswith(named)


def test_pictures_are_one_file_or_those_of_a_folder(tmp_path):
    for name in ("b.png", "a.png"):
        cv2.imwrite(str(tmp_path / name), picture(0))
    assert picture_files(tmp_path) == [tmp_path / "a.png", tmp_path / "b.png"]
    assert picture_files(tmp_path / "b.png") == [tmp_path / "b.png"]
    (tmp_path / "nothing").mkdir()
    with pytest.raises(AutomaskError, match="holds no image"):
        picture_files(tmp_path / "nothing")
