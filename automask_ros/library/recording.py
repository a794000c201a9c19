"""Camera images from a rosbag2 recording (mcap or sqlite3), without ROS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rosbags.highlevel import AnyReader
from rosbags.interfaces import Connection
from rosbags.typesys import Stores, get_typestore

from automask_ros.errors import AutomaskError
from automask_ros.library.files import one_line
from automask_ros.library.image_file import Broken
from automask_ros.library.image_message import (
    camera_fields,
    camera_info_topic,
    decode_compressed,
    decode_image,
)
from automask_ros.library.image_rows import fields_of
from automask_ros.library.labels import view_id_from_name
from automask_ros.types import BGRImage, Frame

_RAW = "sensor_msgs/msg/Image"
_COMPRESSED = "sensor_msgs/msg/CompressedImage"
_CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
_SUFFIXES = (".mcap", ".db3")


class Recording:
    """The frames of one image topic, in recorded order; can be iterated more than once.

    Frames are named ``RECORDING_0000`` by their place on the topic. A message that is no good image
    is left out and listed in ``broken``.
    """

    sequence = True

    def __init__(self, path: Path, topic: str | None = None) -> None:
        """Open a recording's folder or file; AutomaskError when it is none or the topic unclear."""
        self.path = Path(path)
        self.broken: list[Broken] = []
        if not self.path.exists():
            raise AutomaskError(f"there is no recording at {self.path}; check the path")
        with self._opened() as reader:
            self.topic = _choose_topic(reader, topic, self.path)
            self._length = sum(
                connection.msgcount
                for connection in reader.connections
                if connection.topic == self.topic
            )
        if not self._length:
            raise AutomaskError(f"the recording {self.path} holds no image on {self.topic}")

    @staticmethod
    def is_recording(path: Path) -> bool:
        """True when the path looks like a rosbag2 recording."""
        if path.is_dir():
            return (path / "metadata.yaml").exists() or any(
                child.suffix in _SUFFIXES for child in path.iterdir()
            )
        return path.suffix in _SUFFIXES

    def __len__(self) -> int:
        """Messages on the topic, the broken ones included."""
        return self._length

    def __iter__(self) -> Iterator[Frame]:
        self.broken.clear()
        stem = view_id_from_name(self.path.resolve().stem)[:100]
        source = f"{self.path.name}:{self.topic}"
        with self._opened() as reader:
            wanted = [each for each in reader.connections if each.topic == self.topic]
            infos = [
                each
                for each in reader.connections
                if each.msgtype == _CAMERA_INFO and each.topic == camera_info_topic(self.topic)
            ]
            camera = _first_camera(reader, infos)
            index = 0
            for connection, received, raw in reader.messages([*wanted, *infos]):
                message: Any = reader.deserialize(raw, connection.msgtype)
                if connection.msgtype == _CAMERA_INFO:
                    camera = camera_fields(message)
                    continue
                name = f"{stem}_{index:04d}"
                index += 1
                try:
                    image = _decode(connection, message)
                except AutomaskError as error:
                    self.broken.append(Broken(name, str(error)))
                    continue
                yield Frame(image, _stamp(message, received), name, source, camera)

    @contextmanager
    def _opened(self) -> Iterator[AnyReader]:
        """A reader whose every fault is one AutomaskError: the file may hold anything."""
        reader_path = _file_to_read(self.path)
        try:
            with AnyReader(
                [reader_path], default_typestore=get_typestore(Stores.ROS2_JAZZY)
            ) as reader:
                yield reader
        except (AutomaskError, GeneratorExit):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a parser trips over
            raise AutomaskError(
                f"the recording {self.path} is damaged or no rosbag2 recording "
                f"({type(error).__name__}: {one_line(error)}); try `ros2 bag reindex`"
            ) from error


def _file_to_read(path: Path) -> Path:
    """The folder, or the one file in it when metadata.yaml is missing (the recorder was killed)."""
    if path.is_dir() and not (path / "metadata.yaml").exists():
        files = sorted(child for child in path.iterdir() if child.suffix in _SUFFIXES)
        if len(files) != 1:
            raise AutomaskError(
                f"{path} is no rosbag2 recording: it has no metadata.yaml; try `ros2 bag reindex`"
            )
        return files[0]
    return path


def _choose_topic(reader: AnyReader, topic: str | None, path: Path) -> str:
    images = {
        connection.topic
        for connection in reader.connections
        if connection.msgtype in (_RAW, _COMPRESSED)
        and not connection.topic.endswith(("/compressedDepth", "/theora"))
    }
    if topic is not None:
        if topic in images:
            return topic
        remedy = f"choose from: {', '.join(sorted(images))}" if images else "it has no image topic"
        raise AutomaskError(f"the recording {path} has no image topic {topic}; {remedy}")
    if not images:
        topics = sorted({connection.topic for connection in reader.connections})
        raise AutomaskError(
            f"the recording {path} has no image topic; it has: {', '.join(topics) or 'nothing'}"
        )
    if len(images) > 1:
        raise AutomaskError(
            f"the recording {path} has several image topics; choose one with --topic: "
            f"{', '.join(sorted(images))}"
        )
    return images.pop()


def _first_camera(reader: AnyReader, infos: list[Connection]) -> dict[str, Any] | None:
    if not infos:
        return None
    for connection, _, raw in reader.messages(infos):
        return camera_fields(reader.deserialize(raw, connection.msgtype))
    return None


def _decode(connection: Connection, message: Any) -> BGRImage:
    if connection.msgtype == _COMPRESSED:
        return decode_compressed(message.format, message.data)
    return decode_image(*fields_of(message))


def _stamp(message: Any, received: int) -> float:
    """When the picture was taken, in unix seconds; when it was recorded if its header is empty."""
    stamp = message.header.stamp
    nanoseconds = stamp.sec * 1_000_000_000 + stamp.nanosec
    return (nanoseconds or received) / 1e9
