"""Real rosbag2 recordings for tests, written with rosbags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer
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


def write_bag(path: Path, messages: list[tuple[str, Any]], storage: str = "mcap") -> Path:
    """Write (topic, message) pairs, one every 100 ms of recording time from 1000 s on."""
    with Writer(path, version=9, storage_plugin=PLUGINS[storage]) as writer:
        connections: dict[str, Any] = {}
        for number, (topic, message) in enumerate(messages):
            kind = message.__msgtype__
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=STORE)
            at = 1000 * 10**9 + number * 10**8
            writer.write(connections[topic], at, STORE.serialize_cdr(message, kind))
    return path
