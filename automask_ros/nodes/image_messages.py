"""Images between ROS messages and the arrays that the library works on."""

from __future__ import annotations

import array
import math
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from automask_ros.library.image_message import (
    UnknownEncoding,
    decode_compressed,
    decode_image,
    image_fields,
)
from automask_ros.library.image_rows import fields_of
from automask_ros.nodes import cv_bridge_fallback
from automask_ros.nodes.serialized_images import SerializedCompressedImage, SerializedImage

#: Seconds of a stamp are below this, before 1970 and after.
_STAMPS = 2.0**31


def to_array(
    message: Image | CompressedImage | SerializedImage | SerializedCompressedImage,
) -> np.ndarray:
    """The picture in a message as (H, W, 3) uint8 BGR.

    It may be a read-only view of the message's data, with gaps between its rows: `decode_image`
    says when. Encodings that are not ours go through cv_bridge where it works.
    Raises AutomaskError for an encoding that nobody knows, a picture without size, and data that is
    shorter than the header says.
    """
    if isinstance(message, CompressedImage | SerializedCompressedImage):
        return decode_compressed(message.format, message.data)
    try:
        return decode_image(*fields_of(message))
    except UnknownEncoding as unknown:
        return cv_bridge_fallback.convert(message, unknown)


def to_message(pixels: np.ndarray, header: Header) -> Image:
    """An Image under `header`: (H, W, 3) uint8 BGR, (H, W) uint8 or bool, or (H, W) uint16."""
    fields = image_fields(pixels)
    data = fields.pop("data")
    message = Image(header=header, **fields)
    message.data = _bytes(data)
    return message


def to_compressed_message(data: bytes, image_format: str, header: Header) -> CompressedImage:
    """A CompressedImage of encoded bytes; `image_format` is 'jpeg' or 'png'."""
    message = CompressedImage(header=header, format=image_format)
    message.data = _bytes(data)
    return message


def _bytes(data: bytes | memoryview) -> array.array[int]:
    """What the field `data` keeps as it is: one copy. The constructor would make a second one."""
    taken = array.array("B")
    taken.frombytes(data)
    return taken


def seconds_of(stamp: Time) -> float:
    """A stamp as unix seconds."""
    return stamp.sec + stamp.nanosec * 1e-9


def stamp_of(seconds: float) -> Time:
    """Unix seconds as a stamp; the first or last one there is for a time that no stamp holds."""
    seconds = min(max(seconds, -_STAMPS), _STAMPS - 1.0)
    whole = math.floor(seconds)
    # Not of the whole number at once: it has more nanoseconds than a float has digits.
    carry, nanoseconds = divmod(round((seconds - whole) * 1e9), 1_000_000_000)
    return Time(sec=whole + carry, nanosec=nanoseconds)


def header_of(seconds: float, camera: dict[str, Any] | None) -> Header:
    """The header of a picture that was taken at unix `seconds` by `camera`."""
    return Header(stamp=stamp_of(seconds), frame_id=str((camera or {}).get("frame_id", "")))
