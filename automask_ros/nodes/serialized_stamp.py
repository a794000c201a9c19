"""The header's stamp in a serialized message, without deserializing the rest.

The header is the first field of what cameras publish, and the stamp the first of the header: behind
the four bytes with which CDR begins, the second of which tells the byte order.
"""

from __future__ import annotations

import struct

from builtin_interfaces.msg import Time

from automask_ros.library.message_faults import BadMessage, Fault

_OFFSET = 4
_LENGTH = 8


def read_stamp(serialized: bytes) -> Time:
    """The stamp; AutomaskError where there are too few bytes for one."""
    if len(serialized) < _OFFSET + _LENGTH:
        raise BadMessage(
            f"a message of {len(serialized)} bytes is no camera's; check who publishes it",
            Fault.SERIALIZED,
        )
    seconds, nanoseconds = struct.unpack_from(_format(serialized), serialized, _OFFSET)
    return Time(sec=seconds, nanosec=nanoseconds)


def with_stamp(serialized: bytes, stamp: Time) -> bytes:
    """The same message, with another stamp in its header."""
    data = bytearray(serialized)
    struct.pack_into(_format(serialized), data, _OFFSET, stamp.sec, stamp.nanosec)
    return bytes(data)


def nanoseconds_of(stamp: Time) -> int:
    """A stamp as unix nanoseconds."""
    return int(stamp.sec * 1_000_000_000 + stamp.nanosec)


def _format(serialized: bytes) -> str:
    return "<iI" if serialized[1] & 1 else ">iI"
