"""The picture that guides whoever shows an object: the camera, words in a colour, the last mask."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from automask_ros.colours import BLACK, WHITE, Colour
from automask_ros.lettering import write_bar

_SMALLEST_WIDTH, _LARGEST_WIDTH = 480, 960
_LARGEST_HEIGHT = 1920
_INSET_SHARE = 0.3
_BAR = 0.02  # of the height, for how far it is


def teaching_picture(
    frame: np.ndarray,
    lines: Sequence[str],
    colour: Colour,
    share: float | None = None,
    mask: np.ndarray | None = None,
) -> np.ndarray:
    """Words below a camera's frame, on a ground of `colour`, and the newest mask in its corner.

    :param frame: ``(H, W, 3)`` uint8 BGR; it is not changed, and scaled to a width that can be
        read and sent. One that would be too high then gets black at its sides.
    :param lines: what to do, the most important first.
    :param share: 0..1, drawn as a bar between frame and words; None for none.
    :param mask: an overlay of any size, ``(h, w, 3)`` uint8 BGR, for the upper right corner.
    :returns: a new uint8 BGR image, as wide as the scaled frame and as high as frame and words.
    """
    width = min(max(frame.shape[1], _SMALLEST_WIDTH), _LARGEST_WIDTH)
    picture = _padded(_scaled(frame, width, _LARGEST_HEIGHT), width)
    if mask is not None:
        _put_inset(picture, mask)
    return np.vstack([picture, *_progress(picture, share), _words(picture, lines, colour)])


def _scaled(image: np.ndarray, width: int, most: int) -> np.ndarray:
    """As wide as asked for, or less where it would be higher than `most`."""
    factor = min(width / image.shape[1], most / image.shape[0])
    if factor == 1:
        return image.copy()
    size = max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor))
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=way))


def _padded(image: np.ndarray, width: int) -> np.ndarray:
    left = (width - image.shape[1]) // 2
    right = width - image.shape[1] - left
    if not left and not right:
        return image
    border = cv2.BORDER_CONSTANT
    return np.asarray(cv2.copyMakeBorder(image, 0, 0, left, right, border, value=BLACK))


def _put_inset(picture: np.ndarray, mask: np.ndarray) -> None:
    width, room = round(picture.shape[1] * _INSET_SHARE), picture.shape[0] - 4
    if room < 1:
        return
    inset = _scaled(mask, width, room)
    framed = cv2.copyMakeBorder(inset, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=WHITE)
    height, width = framed.shape[:2]
    picture[:height, -width:] = framed


def _progress(picture: np.ndarray, share: float | None) -> list[np.ndarray]:
    if share is None:
        return []
    height, width = max(4, round(picture.shape[0] * _BAR)), picture.shape[1]
    bar = np.full((height, width, 3), BLACK, np.uint8)
    bar[1:-1, : round(width * min(max(share, 0.0), 1.0))] = WHITE
    return [bar]


def _words(picture: np.ndarray, lines: Sequence[str], colour: Colour) -> np.ndarray:
    """A strip of one height for any words, so that the picture does not change its size."""
    width = picture.shape[1]
    height = min(max(picture.shape[0] // 4, width // 10), width)
    strip = np.full((height, width, 3), colour, np.uint8)
    # Letters as large as on the picture itself: their size follows the smaller side.
    canvas = np.full((width, width, 3), colour, np.uint8)
    write_bar(canvas, [line for line in lines if line] or [" "], (0, 0), colour)
    strip[:] = canvas[:height]
    return strip
