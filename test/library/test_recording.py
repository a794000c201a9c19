import numpy as np
import pytest
from library.bags import CAMERA_INFO, STORE, camera_info, compressed, raw, write_bag

from automask_ros.errors import AutomaskError
from automask_ros.library.recording import Recording


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (48, 64, 3), np.uint8)


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("kind", ["raw", "png"])
def test_frames_come_back_with_stamp_name_and_camera(tmp_path, storage, kind):
    topic = "/camera/image" + ("" if kind == "raw" else "/compressed")
    messages = []
    for number in range(3):
        stamp = 500.25 + number
        image = picture(number)
        message = raw(image, stamp) if kind == "raw" else compressed(image, stamp, "png")
        messages += [("/camera/camera_info", camera_info(stamp, 500.0 + number)), (topic, message)]
    recording = Recording(write_bag(tmp_path / "teach_cup", messages, storage))
    assert recording.topic == topic
    assert recording.sequence
    assert len(recording) == 3
    for _ in range(2):
        frames = list(recording)
        assert [frame.name for frame in frames] == [f"teach_cup_{n:04d}" for n in range(3)]
        assert [frame.stamp for frame in frames] == [500.25, 501.25, 502.25]
        assert all(np.array_equal(frame.image, picture(n)) for n, frame in enumerate(frames))
        assert [frame.camera["k"][0] for frame in frames] == [500.0, 501.0, 502.0]
        assert frames[0].source == f"teach_cup:{topic}"
        assert frames[0].camera["p"][-1] is None
        assert recording.broken == []


def test_jpeg_frames_and_a_camera_info_that_comes_late(tmp_path):
    image = np.full((48, 64, 3), (30, 120, 200), np.uint8)
    messages = [
        ("/c/image/compressed", compressed(image, 1.0)),
        ("/other/camera_info", camera_info(1.0, 7.0)),
        ("/c/camera_info", camera_info(1.0, 9.0)),
    ]
    (frame,) = Recording(write_bag(tmp_path / "bag", messages))
    assert np.abs(frame.image.astype(int) - image).max() <= 3
    assert frame.camera["k"][0] == 9.0


def test_an_empty_header_falls_back_to_the_time_of_recording(tmp_path):
    (frame,) = Recording(write_bag(tmp_path / "bag", [("/image", raw(picture(0), 0.0))]))
    assert frame.stamp == 1000.0
    assert frame.camera is None


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_single_file_is_a_recording_too(tmp_path, storage):
    write_bag(tmp_path / "bag", [("/image", raw(picture(0), 1.0))], storage)
    (file,) = [path for path in (tmp_path / "bag").iterdir() if path.suffix != ".yaml"]
    assert len(list(Recording(file))) == 1
    (tmp_path / "bag" / "metadata.yaml").unlink()
    (frame,) = Recording(tmp_path / "bag")
    assert np.array_equal(frame.image, picture(0))


def test_broken_messages_are_left_out_and_listed_and_keep_their_number(tmp_path):
    messages = [
        ("/image", raw(picture(0), 1.0)),
        ("/image", raw(picture(1), 2.0, encoding="16SC7")),
        ("/image", raw(picture(1), 3.0, height=49)),
        ("/image", raw(picture(3), 4.0)),
    ]
    recording = Recording(write_bag(tmp_path / "bag", messages))
    assert [frame.name for frame in recording] == ["bag_0000", "bag_0003"]
    assert [broken.name for broken in recording.broken] == ["bag_0001", "bag_0002"]
    assert "'16SC7' is not supported" in recording.broken[0].reason
    assert "needs" in recording.broken[1].reason


def test_a_truncated_jpeg_is_broken(tmp_path):
    messages = [("/i/compressed", compressed(picture(0), 1.0, cut=800))]
    recording = Recording(write_bag(tmp_path / "bag", messages))
    assert list(recording) == []
    assert "breaks off" in recording.broken[0].reason


def test_a_missing_recording(tmp_path):
    with pytest.raises(AutomaskError, match="there is no recording at .*nothing"):
        Recording(tmp_path / "nothing")


def test_without_an_image_topic_the_topics_are_listed(tmp_path):
    bag = write_bag(tmp_path / "bag", [("/b/camera_info", camera_info(1.0))])
    with pytest.raises(AutomaskError, match="has no image topic; it has: /b/camera_info"):
        Recording(bag)
    with pytest.raises(AutomaskError, match="no image topic /b/camera_info; it has no image topic"):
        Recording(bag, "/b/camera_info")


def test_several_image_topics_need_a_choice(tmp_path):
    bag = write_bag(
        tmp_path / "bag",
        [
            ("/left/image", raw(picture(1), 1.0)),
            ("/right/image", raw(picture(2), 1.0)),
            ("/depth/image/compressedDepth", compressed(picture(3), 1.0)),
        ],
    )
    with pytest.raises(AutomaskError, match="with --topic: /left/image, /right/image$"):
        Recording(bag)
    (frame,) = Recording(bag, "/right/image")
    assert np.array_equal(frame.image, picture(2))
    with pytest.raises(AutomaskError, match="no image topic /up; choose from: /left/image, /right"):
        Recording(bag, "/up")


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_recording_without_messages(tmp_path, storage):
    bag = write_bag(tmp_path / "bag", [], storage)
    with pytest.raises(AutomaskError, match="has no image topic; it has: nothing"):
        Recording(bag)


def test_an_image_topic_without_messages(tmp_path):
    from rosbags.rosbag2 import StoragePlugin, Writer

    with Writer(tmp_path / "bag", version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        writer.add_connection("/image", "sensor_msgs/msg/Image", typestore=STORE)
        other = writer.add_connection("/camera_info", CAMERA_INFO, typestore=STORE)
        writer.write(other, 1, STORE.serialize_cdr(camera_info(1.0), CAMERA_INFO))
    with pytest.raises(AutomaskError, match="holds no image on /image"):
        Recording(tmp_path / "bag")


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_damaged_files_are_one_line_each(tmp_path, storage):
    bag = write_bag(
        tmp_path / "bag", [("/image", raw(picture(n), n + 1.0)) for n in range(8)], storage
    )
    (file,) = [path for path in bag.iterdir() if path.suffix != ".yaml"]
    whole = file.read_bytes()
    random = np.random.default_rng(0)
    faults = 0
    for number in range(30):
        data = bytearray(whole[: len(whole) * number // 30] if number % 2 else whole)
        if not number % 2:
            for place in random.integers(0, len(data), 40):
                data[place] ^= 1 << int(random.integers(0, 8))
        file.write_bytes(data)
        try:
            recording = Recording(bag)
            list(recording)
            lines = [broken.reason for broken in recording.broken]
        except AutomaskError as error:
            lines = [str(error)]
            assert str(bag) in str(error)
        faults += bool(lines)
        assert all("\n" not in line for line in lines)
    assert faults >= 10


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("text", ["", "a: [", "rosbag2_bagfile_information: 7", "\0"])
def test_without_its_metadata_all_is_read_and_one_line_says_so(tmp_path, text, storage):
    messages = [
        ("/camera_info", camera_info(1.0, 7.0)),
        ("/image", raw(picture(0), 1.0)),
        ("/camera_info", camera_info(2.0, 9.0)),
        ("/image", raw(picture(1), 2.0)),
    ]
    bag = write_bag(tmp_path / "bag", messages, storage)
    (bag / "metadata.yaml").write_text(text)
    recording = Recording(bag)
    assert len(recording) == 2
    for _ in range(2):
        first, second = recording
        assert (first.name, second.name) == ("bag_0000", "bag_0001")
        assert (first.stamp, second.stamp) == (1.0, 2.0)
        assert (first.camera["k"][0], second.camera["k"][0]) == (7.0, 9.0)
        assert np.array_equal(second.image, picture(1))
        (broken,) = recording.broken
        assert "bag is damaged or no rosbag2 recording" in broken.reason
        assert broken.reason.endswith("2 of its pictures on /image can be read")
    with pytest.raises(AutomaskError, match="no image topic /up; choose from: /image"):
        Recording(bag, "/up")


def test_a_missing_storage_file(tmp_path):
    bag = write_bag(tmp_path / "bag", [("/image", raw(picture(0), 1.0))])
    (bag / "bag.mcap").unlink()
    with pytest.raises(AutomaskError, match="is damaged"):
        Recording(bag)
