"""Pictures for people: masks, detections and contact sheets drawn on BGR images.

Pure functions: an image goes in, a new image comes out, nothing else changes. Colours are those of
Okabe and Ito, which people with the common forms of colour blindness can tell apart; accepted and
refused also differ in words, because colour alone never carries a meaning here.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from automask_ros.errors import AutomaskError
from automask_ros.types import Detections, PlacedMask, Verdict

Colour = tuple[int, int, int]

#: Okabe and Ito's colours as (blue, green, red), their yellow and black left out for contrast.
ORANGE: Colour = (0, 159, 230)
SKY_BLUE: Colour = (233, 180, 86)
BLUISH_GREEN: Colour = (115, 158, 0)
YELLOW: Colour = (66, 228, 240)
BLUE: Colour = (178, 114, 0)
VERMILLION: Colour = (0, 94, 213)
REDDISH_PURPLE: Colour = (167, 121, 204)
BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)

#: One colour per class id, in an order that keeps neighbours far apart.
PALETTE: tuple[Colour, ...] = (
    ORANGE,
    SKY_BLUE,
    REDDISH_PURPLE,
    BLUISH_GREEN,
    YELLOW,
    VERMILLION,
    BLUE,
)
ACCEPTED: Colour = BLUISH_GREEN
REFUSED: Colour = VERMILLION
UNJUDGED: Colour = SKY_BLUE

_FILL = 0.45
_DIFFERENCE = 0.8
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def class_colour(class_id: int) -> Colour:
    """The colour of a class, the same in every picture and every version; ids count from 1."""
    return PALETTE[(class_id - 1) % len(PALETTE)]


def draw_mask(
    image: np.ndarray,
    pixels: np.ndarray,
    verdict: Verdict | None = None,
    *,
    words: bool = True,
    colour: Colour | None = None,
) -> np.ndarray:
    """Lay a mask over its image, in the colour of its verdict, with the verdict in words.

    :param image: ``(H, W, 3)`` uint8 BGR; it is not changed.
    :param pixels: ``(H, W)`` bool.
    :param verdict: ``None`` for a mask that nobody has judged: then no words are drawn.
    :param words: whether to write the verdict and its reasons on a bar, at the top or, if there
        is less of the mask, at the bottom.
    :param colour: of the mask, instead of that of its verdict.
    :returns: a new ``(H, W, 3)`` uint8 BGR image.
    :raises AutomaskError: when the mask is not as large as the image.
    """
    _check_image(image)
    if pixels.shape != image.shape[:2]:
        raise AutomaskError(
            f"a mask of {pixels.shape} does not fit an image of {image.shape[:2]}: "
            "use the mask that was made from this image"
        )
    if colour is None:
        colour = UNJUDGED if verdict is None else ACCEPTED if verdict.accepted else REFUSED
    canvas = image.copy()
    _paint(canvas, PlacedMask(0, 0, pixels), colour)
    if verdict is not None and words:
        outcome = "accepted" if verdict.accepted else "refused"
        lines = (f"{outcome} {verdict.score:.2f}", *verdict.reasons)
        third = max(1, image.shape[0] // 3)
        below = np.count_nonzero(pixels[:third]) > np.count_nonzero(pixels[-third:])
        _write(canvas, lines, (0, image.shape[0] if below else 0), colour)
    return canvas


def draw_difference(
    image: np.ndarray, pixels: np.ndarray, truth: np.ndarray, words: Sequence[str] = ()
) -> np.ndarray:
    """Lay over an image where a mask differs from the truth, with the truth's outline.

    :param image: ``(H, W, 3)`` uint8 BGR; it is not changed.
    :param pixels: the mask, ``(H, W)`` bool: blue is what it has too much.
    :param truth: ``(H, W)`` bool: orange is what the mask lacks of it.
    :param words: lines to write into the top left corner.
    :returns: a new ``(H, W, 3)`` uint8 BGR image.
    :raises AutomaskError: when image and masks differ in size.
    """
    _check_image(image)
    if not pixels.shape == truth.shape == image.shape[:2]:
        raise AutomaskError(
            f"masks of {pixels.shape} and {truth.shape} do not fit an image of {image.shape[:2]}"
        )
    canvas = image.copy()
    for difference, colour in ((pixels & ~truth, BLUE), (truth & ~pixels, ORANGE)):
        mixed = canvas[difference] * (1.0 - _DIFFERENCE) + np.array(colour) * _DIFFERENCE
        canvas[difference] = np.rint(mixed).astype(np.uint8)
    outlines, _ = cv2.findContours(truth.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(canvas, outlines, -1, YELLOW, 1)
    if words:
        _write(canvas, words, (0, 0), WHITE)
    return canvas


def draw_detections(image: np.ndarray, detections: Detections) -> np.ndarray:
    """Lay detections over their image: mask, outline, label and score; the best one on top.

    :param image: ``(H, W, 3)`` uint8 BGR; it is not changed.
    :param detections: made from an image of this size.
    :returns: a new ``(H, W, 3)`` uint8 BGR image.
    :raises AutomaskError: when the detections come from an image of another size.
    """
    _check_image(image)
    if tuple(detections.image_size) != image.shape[:2]:
        raise AutomaskError(
            f"detections in an image of {tuple(detections.image_size)} do not fit one of "
            f"{image.shape[:2]}: draw them on the image that they were made from"
        )
    canvas = image.copy()
    order = range(len(detections) - 1, -1, -1)
    for index in order:
        _paint(canvas, detections.masks[index], class_colour(int(detections.class_ids[index])))
    for index in order:
        left, top = (int(value) for value in detections.boxes[index][:2])
        words = f"{detections.labels[index]} {float(detections.scores[index]):.2f}"
        _write(canvas, (words,), (left, top), class_colour(int(detections.class_ids[index])))
    return canvas


def contact_sheet(
    images: Sequence[np.ndarray],
    columns: int,
    *,
    tile_width: int = 320,
    gap: int = 4,
    background: Colour = WHITE,
) -> np.ndarray:
    """Arrange images in rows, left to right; all tiles are as tall as the first image's shape asks.

    An image of another shape is made to fit its tile and centred, never stretched.

    :param images: ``(H, W, 3)`` uint8 BGR each, at least one.
    :param columns: tiles in a row, at least one; a sheet of fewer images is narrower.
    :param tile_width: pixels; ``gap`` pixels of ``background`` lie between tiles and at the edges.
    :raises AutomaskError: when there is nothing to arrange or no column to put it in.
    """
    if not images or columns < 1 or tile_width < 1 or gap < 0:
        raise AutomaskError("a contact sheet needs at least one image and one column")
    for image in images:
        _check_image(image)
    height, width = images[0].shape[:2]
    tile_height = max(1, round(tile_width * height / width))
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    sheet_size = (gap + rows * (tile_height + gap), gap + columns * (tile_width + gap), 3)
    sheet = np.full(sheet_size, background, np.uint8)
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        picture = _fit(image, tile_height, tile_width)
        top = gap + row * (tile_height + gap) + (tile_height - picture.shape[0]) // 2
        left = gap + column * (tile_width + gap) + (tile_width - picture.shape[1]) // 2
        sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return sheet


def _check_image(image: np.ndarray) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise AutomaskError(
            f"cannot draw on an array of shape {image.shape} and type {image.dtype}: "
            "give an (H, W, 3) uint8 BGR image"
        )


def _fit(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Scale an image, keeping its shape, to the largest size inside ``height`` x ``width``."""
    scale = min(height / image.shape[0], width / image.shape[1])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    if size == (image.shape[1], image.shape[0]):
        return image
    shrinking = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=shrinking))


def _line_width(canvas: np.ndarray) -> int:
    return max(1, round(min(canvas.shape[:2]) / 240))


def _paint(canvas: np.ndarray, mask: PlacedMask, colour: Colour) -> None:
    """Fill a mask half transparently and draw its outline, in place, inside the canvas."""
    pixels = np.ascontiguousarray(mask.pixels, dtype=np.uint8)
    if not pixels.any():
        return
    height, width = pixels.shape
    window = canvas[mask.top : mask.top + height, mask.left : mask.left + width]
    inside = pixels.astype(bool)
    mixed = window[inside] * (1.0 - _FILL) + np.array(colour) * _FILL
    window[inside] = np.rint(mixed).astype(np.uint8)
    outlines, _ = cv2.findContours(
        pixels, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE, offset=(mask.left, mask.top)
    )
    cv2.drawContours(canvas, outlines, -1, colour, _line_width(canvas))


def _write(canvas: np.ndarray, lines: Sequence[str], at: tuple[int, int], colour: Colour) -> None:
    """Write lines on a bar of ``colour``, moved so that it lies inside the canvas, in place.

    Lines that are too long for the canvas are broken between words. The letters are black or white,
    whichever the bar's brightness asks for; those outside ASCII become question marks, because the
    built-in font has none.
    """
    height, width = canvas.shape[:2]
    scale = max(0.4, min(height, width) / 800)
    thickness = max(1, round(1.5 * scale))
    pad = max(2, round(6 * scale))
    texts = [
        text
        for line in lines
        for text in _wrap(line.encode("ascii", "replace").decode(), width - 2 * pad, scale)
    ]
    sizes = [cv2.getTextSize(text, _FONT, scale, thickness)[0] for text in texts]
    line_height = max(size[1] for size in sizes) + 2 * pad
    bar_width = max(size[0] for size in sizes) + 2 * pad
    left = max(0, min(at[0], width - bar_width))
    top = max(0, min(at[1], height - line_height * len(texts)))
    right, bottom = left + bar_width, top + line_height * len(texts)
    canvas[top:bottom, left:right] = colour
    brightness = 0.114 * colour[0] + 0.587 * colour[1] + 0.299 * colour[2]
    ink = BLACK if brightness > 110 else WHITE
    for row, text in enumerate(texts):
        baseline = (left + pad, top + (row + 1) * line_height - pad - 1)
        cv2.putText(canvas, text, baseline, _FONT, scale, ink, thickness, cv2.LINE_AA)


def _wrap(line: str, room: int, scale: float) -> list[str]:
    """A line's words in as many lines as it takes for each to be at most ``room`` pixels wide."""
    lines = [""]
    for word in line.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and cv2.getTextSize(longer, _FONT, scale, 1)[0][0] > room:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
