"""Images as serialized bytes: read where they lie, as a raw subscription brings them, and written.

rclpy's deserializer copies a picture three times before it is a message, its serializer twice. Here
only the few fields around the pixels become values, ``data`` is a view of the bytes that came, and
what is sent is copied once. What is read is plain CDR in
either byte order: four bytes that name it, then the fields in order, each number at a multiple of
its size from there (OMG DDSI-RTPS 2.5, section 10; DDS-XTypes 1.3, 7.4.1). Anybody may have sent
the bytes: what does not hold to that is an AutomaskError; nothing is read beyond their end.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from automask_ros.library.image_message import Pixels, image_fields
from automask_ros.library.message_faults import BadMessage, Fault
from automask_ros.nodes.plain_cdr import LITTLE_ENDIAN, filled, header_bytes

#: The encapsulation's name -> the byte order, in the words of struct.
_BYTE_ORDERS = {b"\x00\x00": ">", b"\x00\x01": "<"}
_ENCAPSULATION = 4
#: Some middlewares fill up to whole words.
_MOST_FILLING = 3
LONGEST_TEXT = 1024
"""Bytes of a frame's id, an encoding or a format."""


@dataclass(frozen=True)
class SerializedImage:
    """The fields of a sensor_msgs/Image; ``data`` is a view of the serialized message."""

    header: Header
    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: memoryview


@dataclass(frozen=True)
class SerializedCompressedImage:
    """The fields of a sensor_msgs/CompressedImage; ``data`` is a view of the serialized message."""

    header: Header
    format: str
    data: memoryview


def read_image(serialized: bytes) -> SerializedImage:
    """A serialized sensor_msgs/Image; AutomaskError when it is damaged, or no plain CDR."""
    fields = _Fields(serialized, "Image")
    image = SerializedImage(
        header=fields.header(),
        height=fields.uint32(),
        width=fields.uint32(),
        encoding=fields.string(),
        is_bigendian=fields.uint8(),
        step=fields.uint32(),
        data=fields.sequence(),
    )
    fields.end()
    return image


def read_compressed_image(serialized: bytes) -> SerializedCompressedImage:
    """A serialized sensor_msgs/CompressedImage; AutomaskError as for `read_image`."""
    fields = _Fields(serialized, "CompressedImage")
    image = SerializedCompressedImage(fields.header(), fields.string(), fields.sequence())
    fields.end()
    return image


def write_image(pixels: Pixels, header: Header) -> bytes:
    """A sensor_msgs/Image under `header`, serialized; `pixels` as for `image_fields`."""
    fields = image_fields(pixels)
    start = header_bytes(header) + struct.pack("<II", fields["height"], fields["width"])
    encoding = fields["encoding"].encode() + b"\0"
    start += struct.pack("<I", len(encoding)) + encoding + struct.pack("<B", fields["is_bigendian"])
    start = filled(start) + struct.pack("<II", fields["step"], len(fields["data"]))
    return b"".join((LITTLE_ENDIAN, start, fields["data"]))


class _Fields:
    """Takes one field after the other from a serialized message."""

    def __init__(self, serialized: bytes, kind: str) -> None:
        self._bytes = memoryview(serialized).cast("B").toreadonly()
        self._kind = kind
        self._at = _ENCAPSULATION
        order = _BYTE_ORDERS.get(bytes(self._bytes[:2]))
        if order is None or len(self._bytes) < _ENCAPSULATION:
            raise self._damage(f"it begins with {bytes(self._bytes[:4]).hex(' ') or 'nothing'}")
        self._int32, self._uint32 = struct.Struct(f"{order}i"), struct.Struct(f"{order}I")

    def header(self) -> Header:
        (seconds,) = self._int32.unpack(self._take(4, aligned=4))
        return Header(stamp=Time(sec=seconds, nanosec=self.uint32()), frame_id=self.string())

    def uint32(self) -> int:
        (number,) = self._uint32.unpack(self._take(4, aligned=4))
        return int(number)

    def uint8(self) -> int:
        return self._take(1)[0]

    def sequence(self) -> memoryview:
        return self._take(self.uint32())

    def string(self) -> str:
        """A text; its length counts the NUL at its end. What is no UTF-8 is marked, as by rclpy."""
        text = bytes(self.sequence())
        if len(text) > LONGEST_TEXT:
            # It would be sent on with every detection, and written beside every view.
            raise BadMessage(
                f"a serialized {self._kind} holds a text of {len(text)} bytes, where up to "
                f"{LONGEST_TEXT} are taken; check its publisher",
                Fault.TEXT,
            )
        if text and text.find(b"\0") != len(text) - 1:
            raise self._damage(f"the text before byte {self._at} does not end where it should")
        return text[:-1].decode(errors="replace")

    def end(self) -> None:
        """Whether this was all."""
        left = len(self._bytes) - self._at
        if left > _MOST_FILLING:
            raise self._damage(f"{left} bytes are left behind its end")

    def _take(self, count: int, aligned: int = 1) -> memoryview:
        start = self._at + -(self._at - _ENCAPSULATION) % aligned
        self._at = start + count
        if self._at > len(self._bytes):
            raise self._damage(f"it has {len(self._bytes)} bytes, and {self._at} are needed")
        return self._bytes[start : self._at]

    def _damage(self, fault: str) -> BadMessage:
        return BadMessage(
            f"a serialized {self._kind} is damaged or no plain CDR: {fault}; check that its "
            f"publisher sends sensor_msgs/msg/{self._kind}",
            Fault.SERIALIZED,
        )
