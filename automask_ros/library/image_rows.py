"""The pixels of a camera message where they lie, once sizes, row length and data are believed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from automask_ros.library.message_faults import BadMessage, Fault


def fields_of(message: Any) -> tuple[str, int, int, int, Any, bool]:
    """What the decoders take of a sensor_msgs/Image: encoding, height, width, step, data, and
    whether its numbers are big-endian."""
    return (
        message.encoding,
        message.height,
        message.width,
        message.step,
        message.data,
        bool(message.is_bigendian),
    )


def view_rows(
    what: str,
    data: Any,
    size: tuple[int, int],
    step: int,
    kind: str,
    channels: int = 1,
    planes: float = 1.0,
) -> NDArray[Any]:
    """The numbers of dtype `kind` of a picture of `size` (height, width), not copied and not to be
    written into: ``(rows, W)``, or ``(rows, W, channels)`` of several.

    ``step`` is the length of a row in bytes, with its padding; ``data`` is anything that holds
    bytes; ``planes`` is the number of its rows per row of the picture. AutomaskError, which begins
    with `what`, where rows or data are too short.
    """
    height, width = size
    rows = int(height * planes)
    sample = np.dtype(kind).itemsize
    pixel = channels * sample
    if step < width * pixel:
        raise BadMessage(
            f"{what}'s step of {step} bytes is less than a row of {width} pixels "
            f"({width * pixel} bytes); check the camera's driver",
            Fault.STEP,
        )
    flat = bytes_of(data)
    needed = step * (rows - 1) + width * pixel
    if flat.size < needed:
        raise BadMessage(
            f"{what} holds {flat.size} bytes, but {width}x{height} needs {needed} with step "
            f"{step}; check the camera's driver",
            Fault.SHORT,
        )
    shape, strides = (rows, width, channels), (step, pixel, sample)
    axes = 2 if channels == 1 else 3
    numbers: NDArray[Any] = np.ndarray(shape[:axes], kind, flat, strides=strides[:axes])
    numbers.flags.writeable = False
    return numbers


def bytes_of(data: Any) -> NDArray[np.uint8]:
    """Any buffer as a flat uint8 array, without a copy."""
    try:
        return np.frombuffer(data, np.uint8)
    except (TypeError, ValueError, BufferError):
        # A list of numbers, or an array that does not lie in one piece.
        return np.asarray(data, np.uint8).reshape(-1)
