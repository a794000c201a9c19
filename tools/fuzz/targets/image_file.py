"""Encoded pictures and masks: files that people give, and what compressed topics carry."""

from __future__ import annotations

from contextlib import suppress

import cv2
import numpy as np

from automask_ros.errors import AutomaskError
from automask_ros.library.image_file import (
    MAX_PIXELS,
    decode_grey,
    decode_image_file,
    decode_mask,
    encoded_size,
)

#: A decoder may take long for many pixels; here its faults are looked for, not its speed.
LARGEST = 1 << 20


def seeds() -> list[bytes]:
    """A picture in each format and of each kind of pixels that OpenCV writes."""
    colour = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    alpha = np.dstack([colour, colour[..., 0]])
    deep = colour.astype(np.uint16) * 257
    kinds = {
        ".jpg": [colour, colour[..., 0]],
        ".png": [colour, colour[..., 0], alpha, deep],
        ".bmp": [colour, colour[..., 0], alpha],
        ".webp": [colour, alpha],
    }
    return [
        cv2.imencode(suffix, picture)[1].tobytes()
        for suffix, pictures in kinds.items()
        for picture in pictures
    ]


def check(data: bytes) -> bool:
    """Decode as picture, upright or not, as grey picture and as mask."""
    try:
        size = encoded_size(data)
    except ValueError:
        size = None
    if size is not None and LARGEST < size[0] * size[1] <= MAX_PIXELS:
        return False
    taken = False
    for upright in (False, True):
        with suppress(AutomaskError):
            picture = decode_image_file(data, "it", upright)
            assert picture.ndim == 3 and picture.shape[2] == 3 and picture.dtype == np.uint8
            assert size is not None and picture.shape[0] * picture.shape[1] == size[0] * size[1]
            taken = True
    with suppress(AutomaskError):
        grey = decode_grey(data, "it")
        assert grey.shape == size and grey.dtype == np.uint8
    with suppress(AutomaskError):
        mask = decode_mask(data, "it")
        assert mask.shape == size and mask.dtype == np.bool_
        taken = True
    return taken
