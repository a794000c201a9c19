"""Real rosbag2 recordings for tests, written with rosbags."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from automask_ros.library.image_message import image_fields

STORE = get_typestore(Stores.ROS2_JAZZY)
RAW = "sensor_msgs/msg/Image"
COMPRESSED = "sensor_msgs/msg/CompressedImage"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
PLUGINS = {"mcap": StoragePlugin.MCAP, "sqlite3": StoragePlugin.SQLITE3}


def header(stamp: float, frame_id: str = "camera") -> Any:
    nanoseconds = round(stamp * 1e9)
    time = STORE.types["builtin_interfaces/msg/Time"](nanoseconds // 10**9, nanoseconds % 10**9)
    return STORE.types["std_msgs/msg/Header"](time, frame_id)


def raw(image: np.ndarray, stamp: float, **changes: Any) -> Any:
    fields = {**image_fields(image), **changes}
    data = np.frombuffer(fields.pop("data"), np.uint8)
    return STORE.types[RAW](header=header(stamp), data=data, **fields)


def compressed(image: np.ndarray, stamp: float, kind: str = "jpeg", cut: int | None = None) -> Any:
    suffix = {"jpeg": ".jpg", "png": ".png"}[kind]
    data = cv2.imencode(suffix, image)[1][:cut]
    return STORE.types[COMPRESSED](header=header(stamp), format=kind, data=data)


def camera_info(stamp: float, focal: float = 500.0) -> Any:
    return STORE.types[CAMERA_INFO](
        header=header(stamp),
        height=48,
        width=64,
        distortion_model="plumb_bob",
        d=np.zeros(5),
        k=np.array([focal, 0, 32, 0, focal, 24, 0, 0, 1.0]),
        r=np.eye(3).reshape(-1),
        p=np.array([focal, 0, 32, 0, 0, focal, 24, 0, 0, 0, 1.0, np.nan]),
        binning_x=0,
        binning_y=0,
        roi=STORE.types["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False),
    )


def write_bag(
    path: Path,
    messages: Sequence[tuple[str, Any]],
    storage: str = "mcap",
    *,
    packed: str = "none",
    since: int = 0,
    every: float = 0.1,
) -> Path:
    """Write (topic, message) pairs, one `every` seconds of recording time from 1000 s on.

    `packed` is none, message or file: what zstd packs. `since` counts messages in parts before.
    """
    with _writer(path, storage, packed) as writer:
        connections: dict[str, Any] = {}
        for number, (topic, message) in enumerate(messages, start=since):
            kind = message.__msgtype__
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=STORE)
            at = 1000 * 10**9 + round(number * every * 1e9)
            writer.write(connections[topic], at, STORE.serialize_cdr(message, kind))
    return path


def _writer(path: Path, storage: str, packed: str) -> Writer:
    writer = Writer(path, version=9, storage_plugin=PLUGINS[storage])
    writer.set_compression(CompressionMode[packed.upper()], CompressionFormat.ZSTD)
    return writer


def write_split_bag(
    path: Path,
    messages: Sequence[tuple[str, Any]],
    storage: str = "mcap",
    *,
    packed: str = "none",
    parts: int = 3,
) -> Path:
    """The same in several files, as `ros2 bag record --max-bag-size` leaves them."""
    path.mkdir()
    whole: dict[str, Any] = {}
    ends = [len(messages) * part // parts for part in range(parts + 1)]
    for part, (start, end) in enumerate(zip(ends, ends[1:], strict=False)):
        folder = path.with_name(f"{path.name}_part")
        write_bag(folder, messages[start:end], storage, packed=packed, since=start)
        metadata = yaml.safe_load((folder / "metadata.yaml").read_text())
        (file,) = (child for child in folder.iterdir() if child.name != "metadata.yaml")
        name = f"{path.name}_{part}{file.name.removeprefix(folder.name)}"
        file.rename(path / name)
        (folder / "metadata.yaml").unlink()
        folder.rmdir()
        whole = _joined(whole, metadata["rosbag2_bagfile_information"], name)
    text = yaml.safe_dump({"rosbag2_bagfile_information": whole}, sort_keys=False)
    (path / "metadata.yaml").write_text(text)
    return path


def _joined(whole: dict[str, Any], part: dict[str, Any], name: str) -> dict[str, Any]:
    """The metadata of several files, a further one of which has `name`."""
    files = [{**file, "path": name} for file in part["files"]]
    if not whole:
        return {**part, "relative_file_paths": [name], "files": files}
    begin = whole["starting_time"]["nanoseconds_since_epoch"]
    end = part["starting_time"]["nanoseconds_since_epoch"] + part["duration"]["nanoseconds"]
    counts = {each["topic_metadata"]["name"]: each for each in whole["topics_with_message_count"]}
    for each in part["topics_with_message_count"]:
        known = counts.setdefault(each["topic_metadata"]["name"], {**each, "message_count": 0})
        known["message_count"] += each["message_count"]
    return {
        **whole,
        "relative_file_paths": [*whole["relative_file_paths"], name],
        "duration": {"nanoseconds": end - begin},
        "message_count": whole["message_count"] + part["message_count"],
        "topics_with_message_count": list(counts.values()),
        "files": [*whole["files"], *files],
    }
