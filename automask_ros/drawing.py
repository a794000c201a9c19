"""Pictures for people: masks, detections and contact sheets drawn on BGR images.

Pure functions: an image goes in, a new image comes out, nothing else changes. What the colours and
lines mean is decided in `colours` and `edges`; words say the same once more.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from automask_ros.colours import ACCEPTED, BLUE, ORANGE, REFUSED, WHITE, Colour, class_colour
from automask_ros.edges import ACCEPTED_EDGE, PLAIN_EDGE, REFUSED_EDGE, TRUE_EDGE, Edge, draw_edge
from automask_ros.errors import AutomaskError
from automask_ros.lettering import caption_strip, write_bar
from automask_ros.types import Detections, PlacedMask, Verdict

#: What is left of the brightness around a mask; the object itself keeps its own colours.
_DIMMED = 0.6
_FILL = 0.45
_DIFFERENCE = 0.8


def draw_mask(
    image: np.ndarray, pixels: np.ndarray, verdict: Verdict | None = None, *, words: bool = True
) -> np.ndarray:
    """Outline a mask on its image and dim what lies around it, with the verdict in words.

    :param image: ``(H, W, 3)`` uint8 BGR; it is not changed.
    :param pixels: ``(H, W)`` bool.
    :param verdict: decides how the outline looks: unbroken and blue for accepted, dashed and orange
        for refused, white and black for ``None``.
    :param words: whether the verdict is written with its reasons on a bar in its colour, at the top
        or, if there is less of the mask, at the bottom.
    :returns: a new ``(H, W, 3)`` uint8 BGR image.
    :raises AutomaskError: when the mask is not as large as the image.
    """
    _check_image(image)
    if pixels.shape != image.shape[:2]:
        raise AutomaskError(
            f"a mask of {pixels.shape} does not fit an image of {image.shape[:2]}: "
            "use the mask that was made from this image"
        )
    canvas = image.copy()
    if pixels.any():
        canvas[~pixels] = np.rint(canvas[~pixels] * _DIMMED).astype(np.uint8)
        draw_edge(canvas, PlacedMask(0, 0, pixels), _edge(verdict))
    if verdict is not None and words:
        outcome = "accepted" if verdict.accepted else "refused"
        lines = (f"{outcome} {verdict.score:.2f}", *verdict.reasons)
        third = max(1, image.shape[0] // 3)
        below = np.count_nonzero(pixels[:third]) > np.count_nonzero(pixels[-third:])
        colour = ACCEPTED if verdict.accepted else REFUSED
        write_bar(canvas, lines, (0, image.shape[0] if below else 0), colour)
    return canvas


def draw_difference(image: np.ndarray, pixels: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Lay over an image where a mask differs from the truth, with the truth's outline.

    :param image: ``(H, W, 3)`` uint8 BGR; it is not changed.
    :param pixels: the mask, ``(H, W)`` bool: blue is what it has too much.
    :param truth: ``(H, W)`` bool: orange is what the mask lacks of it.
    :returns: a new ``(H, W, 3)`` uint8 BGR image.
    :raises AutomaskError: when image and masks differ in size.
    """
    _check_image(image)
    if not pixels.shape == truth.shape == image.shape[:2]:
        raise AutomaskError(
            f"masks of {pixels.shape} and {truth.shape} do not fit an image of {image.shape[:2]}"
        )
    canvas = image.copy()
    _tint(canvas, PlacedMask(0, 0, truth & ~pixels), ORANGE, _DIFFERENCE)
    draw_edge(canvas, PlacedMask(0, 0, truth), TRUE_EDGE)
    # Last, and not over the outline's dark line: a thin rim that is too much is to be seen as well.
    extra = pixels & ~truth
    canvas[extra] = image[extra]
    _tint(canvas, PlacedMask(0, 0, extra), BLUE, _DIFFERENCE)
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
        _tint(canvas, detections.masks[index], class_colour(int(detections.class_ids[index])))
        draw_edge(canvas, detections.masks[index])
    for index in order:
        left, top = (int(value) for value in detections.boxes[index][:2])
        words = f"{detections.labels[index]} {float(detections.scores[index]):.2f}"
        colour = class_colour(int(detections.class_ids[index]))
        write_bar(canvas, (words,), (left, top - 1), colour, above=True)  # the outline stays seen
    return canvas


def contact_sheet(
    images: Sequence[np.ndarray],
    columns: int,
    *,
    captions: Sequence[Sequence[str]] = (),
    tile_width: int = 320,
    gap: int = 4,
    background: Colour = WHITE,
) -> np.ndarray:
    """Arrange images in rows, left to right; all tiles are as tall as the first image's shape asks.

    An image of another shape is made to fit its tile and centred, never stretched.

    :param images: ``(H, W, 3)`` uint8 BGR each, at least one.
    :param columns: tiles in a row, at least one; a sheet of fewer images is narrower.
    :param captions: lines to write below each image, or nothing at all.
    :param tile_width: pixels; ``gap`` pixels of ``background`` lie between tiles and at the edges.
    :raises AutomaskError: when there is nothing to arrange or no column to put it in.
    """
    if not images or columns < 1 or tile_width < 1 or gap < 0:
        raise AutomaskError("a contact sheet needs at least one image and one column")
    for image in images:
        _check_image(image)
    height, width = images[0].shape[:2]
    picture_height = max(1, round(tile_width * height / width))
    strips = [caption_strip(lines, tile_width) for lines in captions]
    # A row is as tall as the longest caption of all.
    tile_height = picture_height + max((strip.shape[0] for strip in strips), default=0)
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    sheet_size = (gap + rows * (tile_height + gap), gap + columns * (tile_width + gap), 3)
    sheet = np.full(sheet_size, background, np.uint8)
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        top, left = gap + row * (tile_height + gap), gap + column * (tile_width + gap)
        picture = _fit(image, picture_height, tile_width)
        middle = (picture_height - picture.shape[0]) // 2, (tile_width - picture.shape[1]) // 2
        _place(sheet, picture, top + middle[0], left + middle[1])
        if strips:
            _place(sheet, strips[index], top + picture_height, left)
    return sheet


def _edge(verdict: Verdict | None) -> Edge:
    if verdict is None:
        return PLAIN_EDGE
    return ACCEPTED_EDGE if verdict.accepted else REFUSED_EDGE


def _place(sheet: np.ndarray, picture: np.ndarray, top: int, left: int) -> None:
    sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture


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


def _tint(canvas: np.ndarray, mask: PlacedMask, colour: Colour, share: float = _FILL) -> None:
    """Mix a ``share`` of a colour into what a mask covers, in place."""
    window, inside = canvas[mask.window], mask.pixels.astype(bool)
    mixed = window[inside] * (1.0 - share) + np.array(colour) * share
    window[inside] = np.rint(mixed).astype(np.uint8)
