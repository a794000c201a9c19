"""The parts of a message as bytes of plain CDR, little-endian.

Each number lies at a multiple of its size, counted from behind the four bytes that name the
encapsulation (OMG DDSI-RTPS 2.5, section 10; DDS-XTypes 1.3, 7.4.1).
"""

from __future__ import annotations

import struct

from std_msgs.msg import Header

LITTLE_ENDIAN = b"\x00\x01\x00\x00"
"""The encapsulation's name, before all fields."""


def string_bytes(text: str) -> bytes:
    """A text that begins at a multiple of four, filled up to the next one."""
    data = text.encode() + b"\0"
    return filled(struct.pack("<I", len(data)) + data)


def header_bytes(header: Header) -> bytes:
    """A header that begins at a multiple of four, filled up to the next one."""
    stamp = header.stamp
    return struct.pack("<iI", stamp.sec, stamp.nanosec) + string_bytes(header.frame_id)


def filled(written: bytes) -> bytes:
    """Filled up to where the next number of four bytes may lie."""
    return written + bytes(-len(written) % 4)
