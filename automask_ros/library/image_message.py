"""Camera messages to BGR images and back, without cv_bridge and without copies.

What lies in a message as BGR is looked at where it lies; every other encoding goes in one pass from
the message's rows, their padding left out, into the image (16 bits in two: to 8 bits, to colour).

Everything comes from the network, so nothing in a message is believed before it is checked:
encoding, size, row length and amount of data. Each fault is one AutomaskError.
"""

from __future__ import annotations

import math
import posixpath
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from automask_ros.library.image_file import check_size, decode_image_file
from automask_ros.library.image_rows import bytes_of, view_rows
from automask_ros.library.message_faults import BadMessage, Fault
from automask_ros.types import BGRImage

Pixels: TypeAlias = NDArray[Any]
_TO_8_BITS = 255.0 / 65535.0


class UnknownEncoding(BadMessage):
    """An encoding that `decode_image` does not know; somebody else may."""

    def __init__(self, line: str) -> None:
        super().__init__(line, Fault.ENCODING)


@dataclass(frozen=True)
class _Encoding:
    """How an encoding lies in memory, and how it becomes BGR.

    ``even`` names the sides (of 'width', 'height') that must be even; ``planes`` is the number of
    rows in the data per row of the image: 1.5 where a half-height colour plane follows.
    """

    channels: int
    to_bgr: Callable[[Pixels], Pixels]
    depth: int = 8
    even: tuple[str, ...] = ()
    planes: float = 1.0


def decode_image(
    encoding: str,
    height: int,
    width: int,
    step: int,
    data: Any,
    is_bigendian: bool = False,
) -> BGRImage:
    """Turn the fields of a sensor_msgs/Image into an ``(H, W, 3) uint8`` BGR image.

    ``step`` is the length of a row in bytes, with its padding; ``data`` is anything that holds
    bytes (bytes, array.array, ndarray). 16-bit values are scaled to 8 bits.

    Of bgr8 and 8UC3 the result is a read-only view of ``data``, which it keeps alive: with gaps
    between its rows where these are padded, and what is written into ``data`` shows in it. Who
    wants to draw copies it. Of any other encoding it is an array of its own.

    UnknownEncoding: none of ours. AutomaskError: no pixels, too many, rows or data shorter than
    they should be.
    """
    layout = _ENCODINGS.get(encoding)
    if layout is None:
        raise UnknownEncoding(
            f"image encoding {ascii(encoding)[:60]} is not supported; publish one of: "
            f"{', '.join(sorted(_ENCODINGS))}"
        )
    check_size(height, width, f"the {encoding} image")
    for side, length in (("width", width), ("height", height)):
        if side in layout.even and length % 2:
            raise BadMessage(
                f"the {encoding} image has an odd {side} ({length}); check it", Fault.ODD
            )
    kind = f"<u{layout.depth // 8}"
    pixels = view_rows(
        f"the {encoding} image", data, (height, width), step, kind, layout.channels, layout.planes
    )
    if layout.depth == 16:
        pixels = _to_8_bits(pixels, is_bigendian)
    return np.asarray(layout.to_bgr(pixels), np.uint8)


def decode_compressed(format: str, data: Any) -> BGRImage:
    """Turn the fields of a sensor_msgs/CompressedImage (JPEG, PNG, ...) into a BGR image.

    ``format`` only serves the error lines: drivers fill it in many ways, the data does not lie.
    An orientation in EXIF is not followed: camera_info describes the pixels as the sensor has them.
    """
    name = f"the compressed image (format {ascii(format)[:40]})"
    if "compressedDepth" in format:
        line = f"{name} is a depth image; choose the topic of a colour camera"
        raise BadMessage(line, Fault.DEPTH)
    return decode_image_file(bytes_of(data), name, upright=False)


def image_fields(image: Pixels) -> dict[str, Any]:
    """Fields of a sensor_msgs/Image: encoding, height, width, step, data, is_bigendian.

    ``(H, W, 3) uint8`` becomes bgr8, ``(H, W) uint8`` or bool mono8 (bool as 0 and 255),
    ``(H, W) uint16`` mono16, in this machine's byte order. ``data`` are its
    bytes: a view of the image where its rows lie without gaps and it is not bool.
    """
    kinds = {(3, "uint8"): "bgr8", (2, "uint8"): "mono8", (2, "uint16"): "mono16"}
    pixels = image.view(np.uint8) * np.uint8(255) if image.dtype == np.bool_ else image
    kind = kinds.get((pixels.ndim, pixels.dtype.name))
    if kind is None or (pixels.ndim == 3 and pixels.shape[2] != 3):
        raise ValueError(f"no encoding for an image of shape {image.shape} and {image.dtype}")
    return {
        "encoding": kind,
        "height": pixels.shape[0],
        "width": pixels.shape[1],
        "step": pixels[0].nbytes if len(pixels) else 0,
        "data": np.ascontiguousarray(pixels).reshape(-1).view(np.uint8).data,
        "is_bigendian": int(sys.byteorder == "big"),
    }


def camera_fields(info: Any) -> dict[str, Any]:
    """A sensor_msgs/CameraInfo as plain data for a view's JSON; numbers that are none become None.

    The matrices D, K, R and P are flat lists, as in the message.
    """
    fields: dict[str, Any] = {
        "frame_id": str(info.header.frame_id),
        "width": int(info.width),
        "height": int(info.height),
        "distortion_model": str(info.distortion_model),
    }
    for name in ("d", "k", "r", "p"):
        values = [float(value) for value in getattr(info, name)]
        fields[name] = [value if math.isfinite(value) else None for value in values]
    return fields


def camera_info_topic(image_topic: str) -> str:
    """The camera_info that goes with an image topic, with or without a transport's suffix."""
    return posixpath.join(posixpath.dirname(image_topic.removesuffix("/compressed")), "camera_info")


def _to_8_bits(pixels: Pixels, is_bigendian: bool) -> NDArray[np.uint8]:
    """16-bit values, rounded to the nearest of 256 levels: 65535 becomes 255."""
    values = pixels.view(">u2") if is_bigendian else pixels
    if not (values.dtype.isnative and values.flags.aligned):
        # OpenCV knows neither the other byte order nor rows that begin at odd bytes.
        values = values.astype(np.uint16)
    return np.asarray(cv2.convertScaleAbs(values, alpha=_TO_8_BITS), np.uint8)


def _convert(code: int) -> Callable[[Pixels], Pixels]:
    return lambda pixels: cv2.cvtColor(pixels, code)


def _as_it_is(pixels: Pixels) -> Pixels:
    return pixels


_ENCODINGS = {
    "bgr8": _Encoding(3, _as_it_is),
    "8UC3": _Encoding(3, _as_it_is),
    "rgb8": _Encoding(3, _convert(cv2.COLOR_RGB2BGR)),
    "bgra8": _Encoding(4, _convert(cv2.COLOR_BGRA2BGR)),
    "8UC4": _Encoding(4, _convert(cv2.COLOR_BGRA2BGR)),
    "rgba8": _Encoding(4, _convert(cv2.COLOR_RGBA2BGR)),
    "mono8": _Encoding(1, _convert(cv2.COLOR_GRAY2BGR)),
    "8UC1": _Encoding(1, _convert(cv2.COLOR_GRAY2BGR)),
    "mono16": _Encoding(1, _convert(cv2.COLOR_GRAY2BGR), depth=16),
    "bgr16": _Encoding(3, _as_it_is, depth=16),
    "rgb16": _Encoding(3, _convert(cv2.COLOR_RGB2BGR), depth=16),
    "yuv422": _Encoding(2, _convert(cv2.COLOR_YUV2BGR_UYVY), even=("width",)),
    "uyvy": _Encoding(2, _convert(cv2.COLOR_YUV2BGR_UYVY), even=("width",)),
    "yuv422_yuy2": _Encoding(2, _convert(cv2.COLOR_YUV2BGR_YUY2), even=("width",)),
    "yuyv": _Encoding(2, _convert(cv2.COLOR_YUV2BGR_YUY2), even=("width",)),
    "nv12": _Encoding(1, _convert(cv2.COLOR_YUV2BGR_NV12), even=("width", "height"), planes=1.5),
    "nv21": _Encoding(1, _convert(cv2.COLOR_YUV2BGR_NV21), even=("width", "height"), planes=1.5),
}
# ROS names a Bayer pattern by its first two rows' first pixels, as OpenCV's four-letter codes do.
for _pattern in ("rggb", "bggr", "gbrg", "grbg"):
    _code = getattr(cv2, f"COLOR_Bayer{_pattern.upper()}2BGR")
    for _depth in (8, 16):
        _ENCODINGS[f"bayer_{_pattern}{_depth}"] = _Encoding(
            1, _convert(_code), depth=_depth, even=("width", "height")
        )
