"""Encoded images (JPEG, PNG, BMP, WebP): their size is known before memory is taken for them."""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from automask_ros.errors import AutomaskError
from automask_ros.library.inside import NotPlain, read_regular
from automask_ros.library.message_faults import BadMessage, Fault
from automask_ros.types import BGRImage, BoolMask

MAX_PIXELS = 64 * 1024 * 1024
MAX_SIDE = 32767  # OpenCV counts in 16 bits where it warps
MAX_BYTES = 256 * 1024 * 1024
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")

_MOST_CHUNKS = 1 << 17  # of a PNG: more than of the largest picture, and soon counted
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})


@dataclass(frozen=True)
class Broken:
    """A picture of a source that could not be read, and why."""

    name: str
    reason: str


class BadImage(BadMessage):
    """An encoded image that cannot be used. ``fault`` says why, in words that follow its name, so
    that whoever knows what the image is for can name another remedy."""

    def __init__(
        self,
        name: str,
        fault: str,
        remedy: str = "replace or remove it",
        kind: Fault = Fault.PICTURE,
    ) -> None:
        super().__init__(f"{name} {fault}; {remedy}", kind)
        self.fault = fault


def read_image(path: Path, *, links: bool = True) -> BGRImage:
    """Read an image file as ``(H, W, 3) uint8`` BGR; AutomaskError names the file and the cause.

    What a library holds is read without ``links``.
    """
    return decode_image_file(read_file(path, links=links), str(path))


def read_mask_file(path: Path) -> BoolMask:
    """Read a library's mask as ``(H, W) bool``; AutomaskError names the file and the cause."""
    return decode_mask(read_file(path, links=False), str(path))


def decode_grey(data: bytes, name: str) -> NDArray[np.uint8]:
    """Decode an image held in memory as ``(H, W) uint8``; ``name`` is what error lines call it."""
    return decode(data, name, cv2.IMREAD_GRAYSCALE)


def decode_mask(data: bytes, name: str) -> BoolMask:
    """Decode a mask held in memory as ``(H, W) bool``: what is light and not transparent.

    Paint programs write a layer without background as white everywhere, its shape in the alpha.
    """
    light = decode_grey(data, name) >= 128
    if _may_have_alpha(data):
        pixels = decode(data, name, cv2.IMREAD_UNCHANGED)
        if pixels.ndim == 3 and pixels.shape[2] == 4:
            light &= pixels[..., 3] > np.iinfo(pixels.dtype).max // 2
    return light


def decode_image_file(
    data: bytes | memoryview | NDArray[np.uint8], name: str, upright: bool = True
) -> BGRImage:
    """Decode a JPEG, PNG, BMP or WebP held in memory; ``name`` is what error lines call it.

    ``upright`` turns a photograph as its EXIF orientation says.
    """
    turning = 0 if upright else cv2.IMREAD_IGNORE_ORIENTATION
    return decode(bytes(data), name, cv2.IMREAD_COLOR | turning)


def pixels_digest(pixels: NDArray[Any]) -> str:
    """SHA-256 of an image's or a mask's size and pixels, whatever file they come from."""
    digest = hashlib.sha256(repr(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def encoded_size(data: bytes) -> tuple[int, int] | None:
    """(height, width) that an encoded image's header promises; None when it is none that we know.

    Raises ValueError when the header breaks off.
    """
    try:
        if data.startswith(b"\xff\xd8"):
            return _jpeg_frame(data)
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            width, height = struct.unpack_from(">II", data, 16)
            return height, width
        if data.startswith(b"BM"):
            width, height = struct.unpack_from("<ii", data, 18)
            return abs(height), abs(width)
        if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            return _webp_size(data)
    except (struct.error, IndexError):
        raise ValueError("its header breaks off") from None
    return None


def read_file(path: Path, *, links: bool = True) -> bytes:
    """The bytes of an image file; AutomaskError when it cannot be read, is none or too large."""
    try:
        return read_regular(path, MAX_BYTES, links=links)
    except NotPlain as error:
        raise BadImage(str(path), error.fault) from error
    except OSError as error:
        raise AutomaskError(f"cannot read {path}: {error.strerror or error}") from error


def decode(data: bytes, name: str, flags: int) -> NDArray[Any]:
    """Decode an image held in memory as OpenCV's ``flags`` say; AutomaskError when it cannot be.

    Memory is taken once its header has told that it is bearable.
    """
    _check_header(data, name)
    try:
        image: NDArray[Any] | None = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(f"no memory for {name}") from error
        image = None
    if image is None:
        raise BadImage(name, "is damaged: its pixels do not decode")
    return image


def _may_have_alpha(data: bytes) -> bool:
    if data.startswith(b"\x89PNG"):
        # Colour types 4 and 6, or a palette with transparent entries.
        return bool(data[25] & 4) or b"tRNS" in data[: data.find(b"IDAT")]
    return data.startswith(b"RIFF")


def _check_header(data: bytes, name: str) -> None:
    """AutomaskError unless this is a whole image of a bearable size."""
    if not data:
        raise BadImage(name, "is empty")
    try:
        size = encoded_size(data)
    except ValueError as error:
        raise BadImage(name, f"is damaged: {error}") from None
    if size is None:
        raise BadImage(
            name, "is no JPEG, PNG, BMP or WebP image", "convert it to one", Fault.FORMAT
        )
    check_size(*size, name)
    if fault := _fault(data):
        raise BadImage(name, f"is damaged: {fault}")


def check_size(height: int, width: int, name: str) -> None:
    """AutomaskError for an image without pixels, or with more than this package takes."""
    if height <= 0 or width <= 0:
        size = f"has no pixels ({width}x{height})"
        raise BadImage(name, size, "check the camera's driver", Fault.NO_PIXELS)
    if height * width > MAX_PIXELS or max(height, width) > MAX_SIDE:
        most = f"at most {MAX_PIXELS >> 20} Mpixel"
        size = f"is too large ({width}x{height}; {most})"
        raise BadImage(name, size, "scale it", Fault.TOO_LARGE)


def _fault(data: bytes) -> str | None:
    """What decoders would pass over: an end that is missing, which they fill with grey, and in a
    PNG the checksum of a chunk that does not fit. None when nothing is wrong."""
    if data.startswith(b"\xff\xd8"):
        # Behind the start of a scan FF D9 is the end mark; before it, it may be a thumbnail's.
        return "its data breaks off" if data.rfind(b"\xff\xd9") < _jpeg_scan(data) else None
    if data.startswith(b"\x89PNG"):
        return _png_fault(data)
    return None


def _png_fault(data: bytes) -> str | None:
    """The same of a PNG. OpenCV takes the memory for a chunk that its length promises, gigabytes
    for a file of a hundred bytes."""
    view, start = memoryview(data), 8
    for _ in range(_MOST_CHUNKS):
        if start + 12 > len(data):
            break
        (length,) = struct.unpack_from(">I", data, start)
        end = start + 12 + length
        if end > len(data):
            break
        kind = data[start + 4 : start + 8]
        (checksum,) = struct.unpack_from(">I", data, end - 4)
        if zlib.crc32(view[start + 4 : end - 4]) != checksum:
            return "a checksum in it does not fit"
        if kind == b"IEND":
            return None
        start = end
    return "its data breaks off"


def _jpeg_segments(data: bytes, wanted: frozenset[int]) -> int:
    """Offset of the first segment whose marker is wanted; ValueError when there is none."""
    offset = 2
    while True:
        if data[offset] != 0xFF:
            raise ValueError("its JPEG segments are out of step")
        marker = data[offset + 1]
        if marker in wanted:
            return offset
        if marker == 0xFF:
            offset += 1
        elif marker in _JPEG_WITHOUT_LENGTH:
            offset += 2
        else:
            (length,) = struct.unpack_from(">H", data, offset + 2)
            if length < 2:
                raise ValueError("a JPEG segment has no length")
            offset += 2 + length


def _jpeg_frame(data: bytes) -> tuple[int, int]:
    height, width = struct.unpack_from(">HH", data, _jpeg_segments(data, _JPEG_FRAMES) + 5)
    return height, width


def _jpeg_scan(data: bytes) -> int:
    try:
        return _jpeg_segments(data, frozenset({0xDA}))
    except (IndexError, struct.error, ValueError):
        return len(data)


def _webp_size(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return height & 0x3FFF, width & 0x3FFF
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1
    if kind == b"VP8X":
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
        return height, width
    raise ValueError("its WebP header is unknown")
