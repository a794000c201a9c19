"""Messages read from the bytes that anybody may have sent, where rclpy itself trusts them."""

from __future__ import annotations

from typing import Any

from rclpy.serialization import deserialize_message

from automask_ros.library.message_faults import BadMessage, Fault

_ENCAPSULATION = 4
"""Bytes before the fields; the last two bits of the last one say how many fill up the end."""


def read_message(serialized: bytes, kind: type) -> Any:
    """A message of `kind`; AutomaskError when its bytes are damaged.

    Where a header promises more filling than there are bytes, Fast CDR 2 (ROS 2 Kilted) reads
    beyond them and ends the process: such bytes never get there.
    """
    filling = serialized[_ENCAPSULATION - 1] & 3 if len(serialized) >= _ENCAPSULATION else 0
    try:
        if len(serialized) <= _ENCAPSULATION + filling:
            raise RuntimeError("there is nothing but a header")
        return deserialize_message(serialized, kind)
    except RuntimeError as error:
        raise BadMessage(
            f"a damaged {kind.__name__} of {len(serialized)} bytes came; check who publishes it",
            Fault.SERIALIZED,
        ) from error
