import errno
import os
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from automask_ros.errors import AutomaskError
from automask_ros.library import files


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def test_a_write_replaces_the_whole_file_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "a.bin"
    files.write_bytes(path, b"old" * 1000)
    files.write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["a.bin"]


def test_a_write_that_fails_at_the_last_moment_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    files.write_bytes(path, b"old")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(AutomaskError, match="a.bin: the disk is full; free some space"):
        files.write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


def test_a_full_disk_is_one_line_with_the_remedy():
    device = os.open("/dev/full", os.O_WRONLY)
    with (
        pytest.raises(AutomaskError, match="the disk is full; free some space"),
        files.clear_write_errors(Path("x")),
    ):
        os.write(device, b"x")
    os.close(device)


def test_json_survives_a_round_trip_and_nan_is_refused(tmp_path):
    content = {"a": [1, 2.5, None, "ü"], "b": {"c": True}}
    files.write_json(tmp_path / "a.json", content)
    assert files.read_json(tmp_path / "a.json") == content
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(tmp_path / "b.json", {"a": float("nan")})
    assert names(tmp_path) == ["a.json"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[" * 200_000,
        # Found by fuzzing: halves of characters.
        b'"\\ud800"',
        b'{"\\uDFFF": 1}',
        b'"\xed\xa0\x80"',
    ],
)
def test_damaged_json_is_named(tmp_path, data):
    path = tmp_path / "a.json"
    path.write_bytes(data)
    with pytest.raises(AutomaskError, match="a.json is damaged"):
        files.read_json(path)


def test_whole_characters_are_read_however_they_are_spelled(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b'["\\ud83e\\udd16", "\xed\x95\x9c", "\\\\ud800"]')
    assert files.read_json(path) == ["\U0001f916", "\ud55c", "\\ud800"]


def test_images_are_lossless_and_masks_become_0_and_255(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (17, 23, 3), np.uint8)
    files.write_image(tmp_path / "a.png", image)
    assert np.array_equal(cv2.imread(str(tmp_path / "a.png")), image)
    files.write_image(tmp_path / "m.png", image[..., 0] > 99)
    mask = cv2.imread(str(tmp_path / "m.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(mask, np.where(image[..., 0] > 99, 255, 0))
    with pytest.raises(ValueError, match="float"):
        files.write_image(tmp_path / "f.png", image.astype(float))


def test_a_link_is_replaced(tmp_path):
    files.write_link(tmp_path / "current", "1")
    files.write_link(tmp_path / "current", "2")
    assert os.readlink(tmp_path / "current") == "2"
    assert names(tmp_path) == ["current"]


def test_only_old_temporaries_are_removed(tmp_path):
    old = files.temporary_beside(tmp_path / "old.png")
    new = files.temporary_beside(tmp_path / "new.png")
    kept = tmp_path / ".keep"
    for path in (old, new, kept):
        path.write_bytes(b"x")
    os.utime(old, (time.time() - 7200,) * 2)
    files.remove_stale_temporaries(tmp_path)
    assert names(tmp_path) == sorted([new.name, ".keep"])


def test_directories_are_made_with_their_parents(tmp_path):
    files.make_directory(tmp_path / "a" / "b" / "c")
    files.make_directory(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(AutomaskError, match="cannot write"):
        files.make_directory(tmp_path / "file" / "d")


def test_what_others_write_meanwhile_is_not_stumbled_over(tmp_path):
    done = threading.Event()

    def write():
        while not done.is_set():
            files.write_bytes(tmp_path / "file", b"content")

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            files.remove_stale_temporaries(tmp_path)
    finally:
        done.set()
        for writer in writers:
            writer.join()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
