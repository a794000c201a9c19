"""Pictures from a recording's messages: decoded, named by their place on the topic, stamped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rosbags.typesys import Stores, get_typestore

from automask_ros.errors import AutomaskError
from automask_ros.library.files import one_line
from automask_ros.library.image_file import Broken
from automask_ros.library.image_message import camera_fields, decode_compressed, decode_image
from automask_ros.library.image_rows import fields_of
from automask_ros.library.labels import view_id_from_name
from automask_ros.library.recording_files import recording_name
from automask_ros.library.salvage import Message
from automask_ros.types import BGRImage, Frame

RAW = "sensor_msgs/msg/Image"
COMPRESSED = "sensor_msgs/msg/CompressedImage"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
STORE = get_typestore(Stores.ROS2_JAZZY)


class Frames:
    """Frames from messages. What was met before damage was is not met again."""

    def __init__(self, path: Path, topic: str, broken: list[Broken]) -> None:
        self._stem = view_id_from_name(recording_name(path.resolve()))[:100]
        self._source = f"{path.name}:{topic}"
        self._topic, self._broken = topic, broken
        # How many were met of each time of recording: several may share one.
        self._met: Counter[int] = Counter()
        self._known: Counter[int] = Counter()
        self._index = self.given = self.lost = 0

    def begin_again(self) -> None:
        """The same messages come once more, as far as they can be read."""
        self._index = 0
        self._known = self._met.copy()

    def miss(self, count: int) -> None:
        """So many messages of the topic are lost here."""
        self._index += count
        self.lost += count

    def of(self, messages: Iterable[Message]) -> Iterator[Frame]:
        """The frames of messages of the topic and of its camera_info."""
        camera: dict[str, Any] | None = None
        for message in messages:
            if message.kind == CAMERA_INFO:
                camera = self._camera(message) or camera
                continue
            name = f"{self._stem}_{self._index:04d}"
            self._index += 1
            if self._known[message.received]:
                self._known[message.received] -= 1
                continue
            self._met[message.received] += 1
            try:
                content = _deserialized(message)
                image = _decode(message.kind, content)
            except AutomaskError as error:
                self._broken.append(Broken(name, str(error)))
                continue
            self.given += 1
            yield Frame(image, _stamp(content, message.received), name, self._source, camera)

    def _camera(self, message: Message) -> dict[str, Any] | None:
        try:
            return camera_fields(_deserialized(message))
        except AutomaskError as error:
            self._broken.append(Broken(message.topic, f"{message.topic}: {error}"))
            return None


def _deserialized(message: Message) -> Any:
    """A message's fields; AutomaskError when its bytes are no such message."""
    try:
        return STORE.deserialize_cdr(message.data, message.kind)
    except Exception as error:  # noqa: BLE001 - its errors have no common base
        raise AutomaskError(f"a message is damaged ({one_line(error)})") from error


def _decode(kind: str, message: Any) -> BGRImage:
    if kind == COMPRESSED:
        return decode_compressed(message.format, message.data)
    return decode_image(*fields_of(message))


def _stamp(message: Any, received: int) -> float:
    """When the picture was taken, in unix seconds; when it was recorded if its header is empty."""
    stamp = message.header.stamp
    nanoseconds = stamp.sec * 1_000_000_000 + stamp.nanosec
    return (nanoseconds or received) / 1e9
