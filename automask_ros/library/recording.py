"""Camera images from a rosbag2 recording (mcap or sqlite3), without ROS."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from rosbags.highlevel import AnyReader

from automask_ros.errors import AutomaskError
from automask_ros.library.files import one_line
from automask_ros.library.image_file import Broken
from automask_ros.library.image_message import camera_info_topic
from automask_ros.library.recorded_frames import CAMERA_INFO, COMPRESSED, RAW, STORE, Frames
from automask_ros.library.recording_files import (
    is_recording,
    readable,
    storage_files,
    told_where_no_room_is,
    unpacked,
    unpacked_message,
)
from automask_ros.library.salvage import Lost, Message, salvage
from automask_ros.types import Frame, Progress, ProgressCallback


class Recording:
    """The frames of one image topic, in recorded order; can be iterated more than once.

    Frames are named ``RECORDING_0000`` by their place on the topic. A message that is no good image
    is left out and listed in ``broken``, and so is what a damaged file does not give any more.
    """

    sequence = True

    def __init__(self, path: Path, topic: str | None = None) -> None:
        """Open a recording's folder or file; AutomaskError when it is none or the topic unclear."""
        self.path = Path(path)
        self.broken: list[Broken] = []
        self._damage = ""
        self._kinds: dict[str, str] = {}
        if not self.path.exists():
            raise AutomaskError(f"there is no recording at {self.path}; check the path")
        counts, others = self._look()
        self.topic = _choose_topic(counts, others, topic, self.path)
        self._length = counts[self.topic]
        if not self._length:
            raise AutomaskError(
                f"the recording {self.path} holds no image on {self.topic}; record it again"
            )

    @staticmethod
    def is_recording(path: Path) -> bool:
        """True when the path looks like a rosbag2 recording."""
        return is_recording(path)

    def __len__(self) -> int:
        """Messages on the topic, the broken ones included."""
        return self._length

    def __iter__(self) -> Iterator[Frame]:
        self.broken.clear()
        frames = Frames(self.path, self.topic, self.broken)
        if not self._damage:
            try:
                with self._opened() as reader:
                    yield from frames.of(_read(reader, self.topic, info_first=True))
                return
            except _Damaged as error:
                self._damage = str(error)
        frames.begin_again()
        yield from frames.of(_salvaged(self.path, self.topic, frames))
        given = f"{frames.given} of its pictures on {self.topic} can be read"
        lost = f", {frames.lost} or more are lost" if frames.lost else ""
        self.broken.append(Broken(self.path.name, f"{self._damage}; {given}{lost}"))

    @property
    def kind(self) -> str:
        """The type of the pictures' messages, such as ``sensor_msgs/msg/Image``."""
        return self._kinds[self.topic]

    def messages(self) -> Iterator[Message]:
        """The pictures and their camera_info as they were recorded, undecoded, in that order.

        Of a damaged recording, what can be read.
        """
        given: Counter[tuple[str, int]] = Counter()
        if not self._damage:
            try:
                with self._opened() as reader:
                    for message in _read(reader, self.topic, info_first=False):
                        given[message.topic, message.received] += 1
                        yield message
                return
            except _Damaged as error:
                self._damage = str(error)
        for part in _parts(self.path):
            if isinstance(part, Message) and _goes_with(part, self.topic):
                if given[part.topic, part.received]:
                    given[part.topic, part.received] -= 1
                else:
                    yield part

    def _look(self) -> tuple[dict[str, int], list[str]]:
        """How many messages each image topic has, as far as can be read, and all other topics."""
        try:
            with self._opened() as reader:
                counts: dict[str, int] = {}
                for each in reader.connections:
                    if _is_image(each.topic, each.msgtype):
                        self._kinds[each.topic] = each.msgtype
                        counts[each.topic] = counts.get(each.topic, 0) + each.msgcount
                return counts, sorted({each.topic for each in reader.connections} - counts.keys())
        except _Damaged as error:
            self._damage = str(error)
            found: Counter[str] = Counter()
            others: set[str] = set()
            for part in _parts(self.path):
                if isinstance(part, Message) and _is_image(part.topic, part.kind):
                    self._kinds[part.topic] = part.kind
                    found[part.topic] += 1
                elif isinstance(part, Message):
                    others.add(part.topic)
            if not found and not others:
                raise
            return dict(found), sorted(others)

    def check(self, progress: ProgressCallback | None = None) -> int:
        """Read every picture; returns how many can be read, and ``broken`` has the others."""
        readable = 0
        for readable, _ in enumerate(self, start=1):
            if progress is not None:
                progress(Progress("check", min(readable, len(self)), len(self)))
        return readable

    @contextmanager
    def _opened(self) -> Iterator[AnyReader]:
        """A reader whose every fault is one AutomaskError: the file may hold anything."""
        try:
            with (
                told_where_no_room_is(self.path),
                readable(self.path) as paths,
                AnyReader(paths, default_typestore=STORE) as reader,
            ):
                yield reader
        except (AutomaskError, GeneratorExit):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a parser trips over
            raise _Damaged(
                f"the recording {self.path} is damaged or no rosbag2 recording "
                f"({type(error).__name__}: {one_line(error)}); try `ros2 bag reindex`"
            ) from error


class _Damaged(AutomaskError):
    """A recording cannot be read as a whole."""


def _read(reader: AnyReader, topic: str, info_first: bool) -> Iterator[Message]:
    """The messages of an image topic and of its camera_info.

    The first camera_info may come before all, once more: it holds for pictures before it, too.
    """
    wanted = [each for each in reader.connections if each.topic == topic]
    infos = [
        each
        for each in reader.connections
        if each.msgtype == CAMERA_INFO and each.topic == camera_info_topic(topic)
    ]
    first = itertools.islice(reader.messages(infos), 1) if infos and info_first else ()
    for connection, received, raw in itertools.chain(first, reader.messages([*wanted, *infos])):
        data = unpacked_message(bytes(raw))
        yield Message(connection.topic, connection.msgtype, received, data)


def _salvaged(path: Path, topic: str, frames: Frames) -> Iterator[Message]:
    """The same of a damaged recording, as far as it can be read."""
    info_topic = camera_info_topic(topic)
    infos = (
        part for part in _parts(path) if isinstance(part, Message) and part.topic == info_topic
    )
    yield from itertools.islice(infos, 1)
    for part in _parts(path):
        if isinstance(part, Lost):
            frames.miss(part.counts.get(topic, 0))
        elif _goes_with(part, topic):
            yield part


def _goes_with(message: Message, topic: str) -> bool:
    """Whether it is a picture of the topic, or of the camera_info beside it."""
    if message.kind == CAMERA_INFO:
        return message.topic == camera_info_topic(topic)
    return message.topic == topic and message.kind in (RAW, COMPRESSED)


def _parts(path: Path) -> Iterator[Message | Lost]:
    for file in storage_files(path):
        try:
            with unpacked(file, whole=False) as storage:
                yield from map(_unpacked_part, salvage(storage))
        except (AutomaskError, OSError):
            yield Lost({})


def _unpacked_part(part: Message | Lost) -> Message | Lost:
    if isinstance(part, Lost):
        return part
    with suppress(Exception):  # what cannot be unpacked is no message, which its reader says
        return replace(part, data=unpacked_message(part.data))
    return part


def _choose_topic(
    counts: Mapping[str, int], others: Sequence[str], topic: str | None, path: Path
) -> str:
    images = sorted(counts)
    if topic is not None:
        if topic in counts:
            return topic
        remedy = f"choose from: {', '.join(images)}" if images else "it has no image topic"
        raise AutomaskError(f"the recording {path} has no image topic {topic}; {remedy}")
    if not images:
        raise AutomaskError(
            f"the recording {path} has no image topic; it has: {', '.join(others) or 'nothing'}"
        )
    if len(images) > 1:
        raise AutomaskError(
            f"the recording {path} has several image topics; choose one with --topic: "
            f"{', '.join(images)}"
        )
    return images[0]


def _is_image(topic: str, kind: str) -> bool:
    return kind in (RAW, COMPRESSED) and not topic.endswith(("/compressedDepth", "/theora"))
