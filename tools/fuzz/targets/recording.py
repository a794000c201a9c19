"""Recordings, mcap and sqlite3, that somebody hands over."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from automask_ros.errors import AutomaskError
from automask_ros.library.recording import Recording
from targets.provider import Provider

FILES = ("bag.mcap", "bag.db3", "metadata.yaml")
_MOST_FRAMES = 50
_STORE = get_typestore(Stores.ROS2_JAZZY)
_TYPES = _STORE.types


def _messages() -> dict[str, object]:
    header = _TYPES["std_msgs/msg/Header"](_TYPES["builtin_interfaces/msg/Time"](1, 2), "eye")
    picture = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
    jpeg = cv2.imencode(".jpg", picture)[1]
    raw = _TYPES["sensor_msgs/msg/Image"](header, 6, 8, "bgr8", 0, 24, picture.reshape(-1))
    info = _TYPES["sensor_msgs/msg/CameraInfo"](
        header=header,
        height=6,
        width=8,
        distortion_model="plumb_bob",
        d=np.zeros(5),
        k=np.eye(3).reshape(-1),
        r=np.eye(3).reshape(-1),
        p=np.eye(3, 4).reshape(-1),
        binning_x=0,
        binning_y=0,
        roi=_TYPES["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False),
    )
    compressed = _TYPES["sensor_msgs/msg/CompressedImage"](header, "jpeg", jpeg)
    return {"/image": raw, "/camera_info": info, "/other/image/compressed": compressed}


def _written(storage: StoragePlugin, topics: tuple[str, ...]) -> tuple[bytes, bytes]:
    """A recording's file, and the metadata.yaml beside it."""
    messages = _messages()
    path = Path(tempfile.mkdtemp(prefix="automask_fuzz_")) / "bag"
    with Writer(path, version=9, storage_plugin=storage) as writer:
        for topic in topics:
            kind = messages[topic].__msgtype__
            connection = writer.add_connection(topic, kind, typestore=_STORE)
            for moment in range(2):
                writer.write(connection, moment, _STORE.serialize_cdr(messages[topic], kind))
    (file,) = [child for child in path.iterdir() if child.suffix != ".yaml"]
    return file.read_bytes(), (path / "metadata.yaml").read_bytes()


_FOLDER = Path(tempfile.mkdtemp(prefix="automask_fuzz_")) / "bag"
_FOLDER.mkdir()


def seeds() -> list[bytes]:
    """Recordings of raw and of compressed pictures, and a metadata.yaml, each behind its number."""
    raw, compressed = ("/image", "/camera_info"), ("/other/image/compressed",)
    files = [
        bytes([number]) + _written(storage, topics)[0]
        for number, storage in enumerate((StoragePlugin.MCAP, StoragePlugin.SQLITE3))
        for topics in (raw, compressed)
    ]
    return [*files, bytes([2]) + _GOOD_METADATA]


_GOOD_FILE, _GOOD_METADATA = _written(StoragePlugin.SQLITE3, ("/image",))


def check(data: bytes) -> bool:
    """The first byte chooses the file; a metadata.yaml lies beside a good recording."""
    fields = Provider(data)
    name = FILES[fields.uint8() % len(FILES)]
    for child in _FOLDER.iterdir():
        child.unlink()
    (_FOLDER / name).write_bytes(fields.rest())
    if name == "metadata.yaml":
        (_FOLDER / "bag.db3").write_bytes(_GOOD_FILE)
    taken = False
    with suppress(AutomaskError):
        for number, frame in enumerate(Recording(_FOLDER)):
            assert frame.image.ndim == 3 and frame.image.dtype == np.uint8
            taken = True
            if number == _MOST_FRAMES:
                break
    return taken
