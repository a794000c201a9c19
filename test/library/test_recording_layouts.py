"""Every way in which rosbag2 lays a recording down gives the same pictures."""

import errno

import numpy as np
import pytest
from library.bags import camera_info, compressed, raw, write_bag, write_split_bag

from automask_ros.errors import AutomaskError
from automask_ros.library.recording import Recording
from automask_ros.library.sources import open_source

PICTURES = 11


def picture(number: int) -> np.ndarray:
    pixels = np.tile(np.arange(64, dtype=np.uint8) * 3, (48, 1))[..., None].repeat(3, axis=2)
    pixels[10:30, 4 * number : 4 * number + 8] = (200, 10, 20 * number)
    return pixels


def messages(kind: str) -> list:
    topic = "/camera/image" + ("" if kind == "raw" else "/compressed")
    made = []
    for number in range(PICTURES):
        stamp = 500.25 + number
        image = picture(number)
        message = raw(image, stamp) if kind == "raw" else compressed(image, stamp, "png")
        made += [("/camera/camera_info", camera_info(stamp, 500.0 + number)), (topic, message)]
    return made


def check(recording: Recording, stem: str) -> None:
    assert len(recording) == PICTURES
    for _ in range(2):
        frames = list(recording)
        assert [frame.name for frame in frames] == [f"{stem}_{n:04d}" for n in range(PICTURES)]
        assert [frame.stamp for frame in frames] == [500.25 + n for n in range(PICTURES)]
        assert [frame.camera["k"][0] for frame in frames] == [500.0 + n for n in range(PICTURES)]
        assert all(np.array_equal(frame.image, picture(n)) for n, frame in enumerate(frames))
    assert recording.broken == []
    sent = list(recording.messages())
    assert [each.kind.endswith("Info") for each in sent] == [True, False] * PICTURES
    assert [each.received for each in sent] == sorted(each.received for each in sent)


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("kind", ["raw", "compressed"])
@pytest.mark.parametrize("packed", ["none", "message", "file"])
@pytest.mark.parametrize("write", [write_bag, write_split_bag])
def test_the_same_pictures_from_every_layout(tmp_path, storage, kind, packed, write):
    bag = write(tmp_path / "bag", messages(kind), storage, packed=packed)
    assert Recording.is_recording(bag)
    check(Recording(bag), "bag")
    (bag / "metadata.yaml").unlink()  # the recorder was killed
    assert Recording.is_recording(bag)
    check(open_source(bag), "bag")


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("packed", ["none", "message", "file"])
def test_one_file_of_a_recording_alone(tmp_path, storage, packed):
    bag = write_bag(tmp_path / "bag", messages("raw"), storage, packed=packed)
    (file,) = (child for child in bag.iterdir() if child.name != "metadata.yaml")
    assert file.name.endswith(".zstd") == (packed == "file")
    (alone,) = [file.rename(tmp_path / file.name)]
    check(open_source(alone), "bag")


def test_parts_are_read_in_the_order_of_their_numbers(tmp_path):
    bag = write_split_bag(tmp_path / "bag", messages("raw"), parts=PICTURES)
    assert (bag / "bag_10.mcap").exists()
    (bag / "metadata.yaml").unlink()
    check(Recording(bag), "bag")
    check(Recording(bag / ".." / "bag"), "bag")


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_pictures_that_came_at_the_same_time_are_all_given(tmp_path, storage):
    """As where the time of recording was that of a simulation, or was lost on the way."""
    pictures = [each for each in messages("raw") if each[0] == "/camera/image"]
    bag = write_bag(tmp_path / "bag", pictures, storage, every=0.0)
    recording = Recording(bag)
    assert len(list(recording)) == len(list(recording.messages())) == PICTURES
    if storage == "sqlite3":
        return
    (file,) = (child for child in bag.iterdir() if child.name != "metadata.yaml")
    file.write_bytes(file.read_bytes()[:-200])
    cut = Recording(file)
    stamps = [frame.stamp for frame in cut]
    assert len(stamps) == len(set(stamps)) == len(list(cut.messages())) > 0


@pytest.mark.parametrize("packed", ["none", "message", "file"])
def test_what_is_whole_of_a_split_recording_whose_last_part_breaks_off(tmp_path, packed):
    bag = write_split_bag(tmp_path / "bag", messages("raw"), packed=packed)
    (bag / "metadata.yaml").unlink()
    last = max(bag.iterdir())
    last.write_bytes(last.read_bytes()[:-200])
    recording = Recording(bag)
    frames = list(recording)
    whole = 2 * len(messages("raw")) // 3 // 2
    assert [frame.stamp for frame in frames[:whole]] == [500.25 + n for n in range(whole)]
    (broken,) = recording.broken
    assert f"{len(frames)} of its pictures on /camera/image can be read" in broken.reason
    assert sum(each.topic == "/camera/image" for each in recording.messages()) == len(frames)


def test_a_part_that_is_missing_is_said(tmp_path):
    bag = write_split_bag(tmp_path / "bag", messages("raw"))
    (bag / "bag_1.mcap").unlink()
    recording = Recording(bag)
    found = len(list(recording))
    assert 0 < found < PICTURES
    (broken,) = recording.broken
    assert "bag_1.mcap" in broken.reason
    assert f"{found} of its pictures on /camera/image can be read" in broken.reason


def test_no_room_to_unpack_is_no_damage(tmp_path, monkeypatch):
    bag = write_bag(tmp_path / "bag", messages("raw"), packed="file")
    (file,) = (child for child in bag.iterdir() if child.name != "metadata.yaml")

    def full(_packed, _written):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(AutomaskError, match="no room in .* to unpack .*: name another folder by"):
        Recording(file)
    monkeypatch.setattr("rosbags.highlevel.AnyReader.open", lambda _: full(None, None))
    with pytest.raises(AutomaskError, match="no room in .* to unpack .*: name another folder by"):
        Recording(bag)


def test_a_packed_file_that_is_none_is_one_line(tmp_path):
    (tmp_path / "bag_0.mcap.zstd").write_bytes(b"nothing of the kind")
    with pytest.raises(AutomaskError, match="is damaged or no rosbag2 recording"):
        Recording(tmp_path / "bag_0.mcap.zstd")
