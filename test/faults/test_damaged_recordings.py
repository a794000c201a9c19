"""Recordings that break off, or with bits that flip: what can be read is kept, the rest is told."""

import struct
import time

import cv2
import numpy as np
import pytest
from library.bags import camera_info, compressed, write_bag

from automask_ros.errors import AutomaskError
from automask_ros.library.adding import add_source
from automask_ros.library.library import Library
from automask_ros.library.recording import Recording
from automask_ros.library.salvage import salvage

PICTURES = 12


def picture(number):
    """Noise in a frame of its own colour: about 200 KB as PNG, five to a chunk of an mcap file."""
    noise = np.random.default_rng(number).integers(0, 256, (240, 280, 3), np.uint8)
    return cv2.copyMakeBorder(noise, 4, 4, 4, 4, cv2.BORDER_CONSTANT, value=(number * 20, 0, 0))


@pytest.fixture(scope="module", params=["mcap", "sqlite3"])
def recorded(request, tmp_path_factory):
    """The folder of a recording, the one storage file in it, and what that holds."""
    messages = []
    for number in range(PICTURES):
        messages.append(("/c/camera_info", camera_info(1.0 + number, 500.0)))
        messages.append(("/c/image/compressed", compressed(picture(number), 1.0 + number, "png")))
    bag = write_bag(tmp_path_factory.mktemp("recorded") / "bag", messages, request.param)
    (file,) = [path for path in bag.iterdir() if path.suffix != ".yaml"]
    return bag, file, file.read_bytes()


@pytest.fixture
def storage(recorded):
    """The same; whole again after the test."""
    yield recorded
    recorded[1].write_bytes(recorded[2])


def read(bag):
    """The numbers of the pictures that were read, each compared with what was recorded, and the
    lines about what was not; nothing when none can be."""
    try:
        recording = Recording(bag)
        frames = list(recording)
    except AutomaskError as error:
        assert str(bag) in str(error) and "\n" not in str(error)
        return [], [str(error)]
    numbers = []
    for frame in frames:
        number = round(frame.stamp - 1.0)
        assert np.array_equal(frame.image, picture(number))
        numbers.append(number)
    assert len(set(numbers)) == len(numbers)
    assert all("\n" not in broken.reason for broken in recording.broken)
    return numbers, [broken.reason for broken in recording.broken]


def test_a_recording_that_breaks_off(storage, soak):
    bag, file, whole = storage
    steps = 100 if soak else 8
    most = 0
    for step in range(steps):
        file.write_bytes(whole[: len(whole) * step // steps])
        numbers, lines = read(bag)
        assert numbers == sorted(numbers)
        assert file.suffix != ".mcap" or numbers == list(range(len(numbers)))
        assert lines, "and something says that not all are"
        assert len(numbers) >= most
        # What the file still has is read, but for its last piece. A database begins with a list of
        # its pages, and its first rows lie behind a third of this one.
        if file.suffix == ".mcap" or step / steps > 0.4:
            assert len(numbers) >= PICTURES * step // steps - 2
        most = len(numbers)
    assert most >= PICTURES - 3


def test_bits_that_flip(storage, soak):
    bag, file, whole = storage
    random = np.random.default_rng(0)
    for _ in range(300 if soak else 12):
        data = bytearray(whole)
        data[int(random.integers(len(data)))] ^= 1 << int(random.integers(8))
        file.write_bytes(data)
        numbers, lines = read(bag)
        assert len(numbers) == PICTURES or (lines and len(numbers) >= PICTURES - 6)


def test_a_part_that_is_overwritten(storage, soak):
    bag, file, whole = storage
    random = np.random.default_rng(1)
    for _ in range(60 if soak else 4):
        start = int(random.integers(50_000, len(whole) - 60_000))
        file.write_bytes(whole[:start] + random.bytes(40_000) + whole[start + 40_000 :])
        numbers, lines = read(bag)
        # It may reach into two chunks of an mcap file, whose checksums are those of whole chunks.
        assert len(numbers) == PICTURES or (lines and len(numbers) >= PICTURES - 10)


def test_views_of_a_damaged_recording_and_later_of_the_whole_one(storage, tmp_path):
    bag, file, whole = storage
    library = Library(tmp_path / "library", create=True)
    file.write_bytes(whole[: len(whole) // 2])
    added = add_source(library, "mug", Recording(bag))
    kept = len(added.added)
    assert PICTURES // 2 - 2 <= kept <= PICTURES // 2
    (line,) = [broken.reason for broken in added.broken]
    assert f"{kept} of its pictures on /c/image/compressed can be read" in line
    file.write_bytes(whole)
    added = add_source(library, "mug", Recording(bag))
    assert (len(added.added), added.already_there, added.broken) == (PICTURES - kept, kept, [])
    assert len(library.views("mug")) == PICTURES


def test_one_that_is_too_large_without_its_index_is_not_read(tmp_path):
    path = tmp_path / "huge.mcap"
    with path.open("wb") as file:
        file.truncate((1 << 32) + 1)  # takes no room
    with pytest.raises(AutomaskError, match="too large to be read without its index"):
        next(salvage(path))


def test_many_small_records_take_no_longer_each(tmp_path):
    """A file that breaks off, each message a record of its own."""

    def seconds(messages):
        path = tmp_path / f"{messages}.mcap"
        record = struct.pack("<BQ", 5, 10_000) + bytes(10_000)
        path.write_bytes(b"\x89MCAP0\r\n" + messages * record)
        started = time.process_time()
        list(salvage(path))
        return time.process_time() - started

    seconds(100)
    assert seconds(4000) < 100 * max(seconds(100), 0.01)
