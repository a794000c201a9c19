"""What can still be read of a damaged rosbag2 file (mcap or sqlite3), message by message.

rosbags reads whole files: it needs the index at an mcap file's end, and ends at the first page of
a database that does not fit. Here a file is read from its begin, and over what is damaged.
"""

from __future__ import annotations

import re
import sqlite3
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rosbags.rosbag2.storage_mcap import decompress

from automask_ros.errors import AutomaskError

_MAGIC = b"\x89MCAP0\r\n"
_SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _MESSAGE_INDEX = 0x03, 0x04, 0x05, 0x06, 0x07
_LAST_KIND = 0x0F
# A chunk's record: its name, its length, times, size, checksum, and how it is compressed.
_CHUNK_BEGIN = re.compile(
    rb"\x06.{8}.{16}.{8}.{4}(?:\x00{4}|\x03\x00{3}lz4|\x04\x00{3}zstd)", re.DOTALL
)
_MOST_BYTES = 1 << 32
_MISSES = 10_000
"""Rows that cannot be read, one after the other, after which none is looked for."""

_ROWS = "SELECT id, topic_id, timestamp, data FROM messages WHERE id > ? ORDER BY id"


@dataclass(frozen=True)
class Message:
    """A message as it was recorded: topic, type, nanoseconds of recording, serialized bytes."""

    topic: str
    kind: str
    received: int
    data: bytes


@dataclass(frozen=True)
class Lost:
    """A part that cannot be read: how many messages of each topic it held, as far as known."""

    counts: dict[str, int]


def salvage(path: Path) -> Iterator[Message | Lost]:
    """What a storage file still holds, in the order of recording; AutomaskError when it is none."""
    if path.suffix == ".mcap":
        yield from _Mcap(path).read()
    else:
        yield from _database(path)


class _Mcap:
    """An mcap file without its index: records one after the other."""

    def __init__(self, path: Path) -> None:
        if path.stat().st_size > _MOST_BYTES:
            raise AutomaskError(f"{path} is damaged and too large to be read without its index")
        self._data = path.read_bytes()
        self._schemas: dict[int, str] = {}
        self._channels: dict[int, tuple[str, str]] = {}
        self._given: Counter[str] | None = None
        """Of the last chunk, where it cannot all be read: the messages of each topic that can."""

    def read(self) -> Iterator[Message | Lost]:
        # Twice: what names a channel may stand behind its messages where another copy is damaged.
        for _ in self._parts():
            pass
        yield from self._parts()

    def _parts(self) -> Iterator[Message | Lost]:
        for kind, content in self._records():
            if kind is None:
                yield Lost({})
            elif kind == _CHUNK:
                yield from self._chunk(content)
            elif kind == _MESSAGE_INDEX and self._given is not None:
                yield self._missed(content, self._given)
            else:
                yield from self._record(kind, content)

    def _records(self) -> Iterator[tuple[int | None, bytes]]:
        """The records of the file; a None where something is skipped."""
        start = len(_MAGIC)
        while start < len(self._data):
            if start + len(_MAGIC) == len(self._data) and self._data.endswith(_MAGIC):
                return
            if start + 9 > len(self._data):
                yield None, b""
                return
            kind, length = struct.unpack_from("<BQ", self._data, start)
            end = start + 9 + length
            if not 0 < kind <= _LAST_KIND or end > len(self._data):
                yield None, b""
                if self._is_chunk(start):
                    yield kind, self._data[start + 9 :]  # the file breaks off within it
                    return
                if (start := self._next_chunk(start + 1)) < 0:
                    return
                continue
            yield kind, self._data[start + 9 : end]
            start = end

    def _next_chunk(self, start: int) -> int:
        """Where the next chunk begins; -1 when none does."""
        found = (each.start() for each in _CHUNK_BEGIN.finditer(self._data, start))
        return next((place for place in found if self._is_chunk(place)), -1)

    def _is_chunk(self, start: int) -> bool:
        begin = _CHUNK_BEGIN.match(self._data, start)
        if begin is None or begin.end() + 8 > len(self._data):
            return False
        # The length of what a chunk holds stands in it once more.
        (length,) = struct.unpack_from("<Q", self._data, start + 1)
        (held,) = struct.unpack_from("<Q", self._data, begin.end())
        return bool(begin.end() + 8 + held == start + 9 + length)

    def _chunk(self, content: bytes) -> Iterator[Message | Lost]:
        given: Counter[str] = Counter()
        self._given = None
        try:
            size, crc, name_length = struct.unpack_from("<QII", content, 16)
            name = content[32 : 32 + name_length].decode()
            packed = content[40 + name_length :]
            broken_off = not name and len(packed) < size
            unpacked = packed if broken_off else decompress(packed, name, size, crc)
            for message in self._unpacked(unpacked):
                given[message.topic] += 1
                yield message
        except Exception:  # noqa: BLE001 - whatever a decompressor or a parser trips over
            self._given = given  # the indexes behind the chunk tell how many messages it held
            yield Lost({})

    def _unpacked(self, data: bytes) -> Iterator[Message]:
        start = 0
        while start < len(data):
            kind, length = struct.unpack_from("<BQ", data, start)
            if start + 9 + length > len(data):
                raise ValueError("a record reaches beyond its chunk")
            yield from self._record(kind, data[start + 9 : start + 9 + length])
            start += 9 + length

    def _record(self, kind: int, content: bytes) -> Iterator[Message]:
        try:
            if kind == _SCHEMA:
                (number,) = struct.unpack_from("<H", content)
                self._schemas[number] = _text(content, 2)[0]
            elif kind == _CHANNEL:
                number, schema = struct.unpack_from("<HH", content)
                if schema in self._schemas:
                    self._channels[number] = _text(content, 4)[0], self._schemas[schema]
            elif kind == _MESSAGE:
                number, _, received = struct.unpack_from("<HIQ", content)
                if number in self._channels:
                    yield Message(*self._channels[number], received, content[22:])
        except (struct.error, UnicodeDecodeError):
            return  # a record that is not what it says is left out

    def _missed(self, content: bytes, given: Counter[str]) -> Lost:
        """How many messages of a chunk cannot be read, by the index behind it."""
        number, length = struct.unpack_from("<HI", content)
        topic, _ = self._channels.get(number, ("", ""))
        return Lost({topic: max(0, length // 16 - given[topic])})


def _text(content: bytes, start: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<I", content, start)
    return content[start + 4 : start + 4 + length].decode(), start + 4 + length


def _database(path: Path) -> Iterator[Message | Lost]:
    """The rows of a rosbag2 database, over those that cannot be read."""
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?immutable=1", uri=True)
    try:
        # Lets a file be read that is shorter than it should be.
        connection.execute("PRAGMA writable_schema=ON")
        topics = {
            number: (str(name), str(kind))
            for number, name, kind in connection.execute("SELECT id, name, type FROM topics")
        }
        last, misses = 0, 0
        while misses < _MISSES:
            try:
                for number, topic, received, data in connection.execute(_ROWS, (last,)):
                    last, misses = number, 0
                    if topic in topics and isinstance(data, bytes):
                        yield Message(*topics[topic], received, data)
                return
            except sqlite3.Error:
                if not misses:
                    yield Lost({})
                last, misses = last + 1, misses + 1
    except (sqlite3.Error, TypeError, ValueError) as error:
        raise AutomaskError(f"{path} is damaged: {error}") from None
    finally:
        connection.close()
