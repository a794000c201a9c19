"""One rosbag2 recording (mcap) of JPEG pictures and their camera_info."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from camera import HEIGHT, WIDTH, intrinsics
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

IMAGE_TOPIC = "/camera/image/compressed"
INFO_TOPIC = "/camera/camera_info"
FRAME_ID = "camera_optical_frame"
RATE = 10  # Hz

STORE = get_typestore(Stores.ROS2_JAZZY)


def stamps(first_second: int, count: int) -> list[int]:
    """Header stamps in nanoseconds, RATE a second."""
    return [
        first_second * 1_000_000_000 + index * (1_000_000_000 // RATE) for index in range(count)
    ]


def write_bag(folder: Path, jpegs: Sequence[bytes], times: Sequence[int]) -> None:
    """Writes `folder` (metadata.yaml and one .mcap), in place of an older one."""
    if folder.exists():
        shutil.rmtree(folder)
    image_type, info_type = "sensor_msgs/msg/CompressedImage", "sensor_msgs/msg/CameraInfo"
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        images = writer.add_connection(IMAGE_TOPIC, image_type, typestore=STORE)
        infos = writer.add_connection(INFO_TOPIC, info_type, typestore=STORE)
        for jpeg, time in zip(jpegs, times, strict=True):
            header = _header(time)
            data = np.frombuffer(jpeg, np.uint8)
            image = STORE.types[image_type](header=header, format="jpeg", data=data)
            writer.write(infos, time, STORE.serialize_cdr(_camera_info(header), info_type))
            writer.write(images, time, STORE.serialize_cdr(image, image_type))


def _header(time: int) -> Any:
    stamp = STORE.types["builtin_interfaces/msg/Time"](
        sec=time // 1_000_000_000, nanosec=time % 1_000_000_000
    )
    return STORE.types["std_msgs/msg/Header"](stamp=stamp, frame_id=FRAME_ID)


def _camera_info(header: Any) -> Any:
    """The true intrinsics: a pinhole whose five distortion terms are zero."""
    matrix = intrinsics()
    region = STORE.types["sensor_msgs/msg/RegionOfInterest"](
        x_offset=0, y_offset=0, height=0, width=0, do_rectify=False
    )
    return STORE.types["sensor_msgs/msg/CameraInfo"](
        header=header,
        height=HEIGHT,
        width=WIDTH,
        distortion_model="plumb_bob",
        d=np.zeros(5),
        k=matrix.ravel(),
        r=np.eye(3).ravel(),
        p=np.hstack([matrix, np.zeros((3, 1))]).ravel(),
        binning_x=0,
        binning_y=0,
        roi=region,
    )
