"""Fields of camera messages, as drivers and recordings fill them, to pictures and depth."""

from __future__ import annotations

from contextlib import suppress

import cv2
import numpy as np

from automask_ros.detection.pasting import fit_image
from automask_ros.errors import AutomaskError
from automask_ros.library.depth_message import decode_depth
from automask_ros.library.image_message import decode_compressed, decode_image
from automask_ros.library.view_selector import ViewSelector
from targets.provider import Provider

ENCODINGS = (
    *("bgr8", "rgb8", "bgra8", "rgba8", "mono8", "mono16", "bgr16", "rgb16", "8UC1", "8UC3"),
    *("8UC4", "yuv422", "uyvy", "yuyv", "yuv422_yuy2", "nv12", "nv21", "bayer_rggb8"),
    *("bayer_bggr16", "bayer_gbrg8", "bayer_grbg16", "16UC1", "32FC1", "rgb9", ""),
)
KNOWN = len(ENCODINGS) - 2


def seeds() -> list[bytes]:
    """One picture of 6 x 4 pixels in each encoding, and a compressed one."""
    header = [6, 0, 4, 0, 48, 0, 0]
    pictures = [bytes([number, *header]) + bytes(range(256)) for number in range(KNOWN)]
    png = cv2.imencode(".png", np.full((4, 6, 3), 90, np.uint8))[1].tobytes()
    return [*pictures, bytes([255, *header]) + png]


def check(data: bytes) -> bool:
    """The first byte chooses the encoding, then two each for width, height, step, one for order."""
    fields = Provider(data)
    kind = fields.uint8()
    width, height, step = (fields.uint16() for _ in range(3))
    order = bool(fields.uint8() & 1)
    taken = False
    if kind == 255:
        with suppress(AutomaskError):
            taken = _look(decode_compressed("jpeg", fields.rest()), None)
        return taken
    encoding, rest = ENCODINGS[kind % len(ENCODINGS)], fields.rest()
    with suppress(AutomaskError):
        taken = _look(decode_image(encoding, height, width, step, rest, order), (height, width, 3))
    with suppress(AutomaskError):
        depth = decode_depth(encoding, height, width, step, rest, order)
        assert depth.shape == (height, width) and depth.dtype == np.float32
        assert not (depth <= 0).any()
        taken = True
    return taken


def _look(picture: np.ndarray, shape: tuple[int, int, int] | None) -> bool:
    """What both nodes do with every picture."""
    assert shape is None or picture.shape == shape
    assert picture.ndim == 3 and picture.shape[2] == 3 and picture.dtype == np.uint8
    assert fit_image(picture, 160).ndim == 3
    ViewSelector().consider(picture)
    return True
