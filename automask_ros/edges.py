"""The line around a mask: always of two tones, so that it is seen on an object of any colour.

What became of a mask is told by the line's colour and, for eyes that do not tell colours apart, by
its kind: unbroken for accepted, dashed for refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from automask_ros.colours import ACCEPTED, BLACK, REFUSED, WHITE, YELLOW, Colour
from automask_ros.types import PlacedMask

#: A dash with the gap behind it is so many line widths long, and this share of it is the dash.
_PERIOD, _DASH = 10, 0.45


@dataclass(frozen=True)
class Edge:
    """How a mask's edge is drawn: a line on its outermost pixels, and one on those beside it."""

    line: Colour = WHITE
    #: Far from ``line`` in brightness: one of the two stands out from whatever lies there.
    beside: Colour = BLACK
    #: Between dashes the line has the colour ``beside``.
    dashed: bool = False
    #: How often the line's width goes into the picture's shorter side, and the least width.
    share: int = 240
    least: int = 1


PLAIN_EDGE = Edge()
TRUE_EDGE = Edge(line=YELLOW)
ACCEPTED_EDGE = Edge(line=ACCEPTED, beside=WHITE, share=160, least=2)
REFUSED_EDGE = Edge(line=REFUSED, beside=BLACK, dashed=True, share=160, least=2)


def draw_edge(canvas: np.ndarray, mask: PlacedMask, edge: Edge = PLAIN_EDGE) -> None:
    """Draw a mask's edge on a ``(H, W, 3)`` uint8 BGR canvas, in place.

    The mask ends where the two lines meet.
    """
    width = max(edge.least, round(min(canvas.shape[:2]) / edge.share))
    # With room around it for the line beside it, which the canvas may cut off.
    pixels = np.pad(mask.pixels.astype(np.uint8), width)
    brush = cv2.getStructuringElement(cv2.MORPH_RECT, (2 * width + 1, 2 * width + 1))
    inner = cv2.erode(pixels, brush, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    line = pixels > inner
    beside = cv2.dilate(pixels, brush) > pixels
    if edge.dashed:
        dashes = line & _dashes(pixels, width)
        beside, line = beside | (line & ~dashes), dashes
    top, left = mask.top - width, mask.left - width
    rows = slice(max(0, -top), canvas.shape[0] - top)
    columns = slice(max(0, -left), canvas.shape[1] - left)
    for where, colour in ((beside, edge.beside), (line, edge.line)):
        seen = where[rows, columns]
        window = canvas[max(0, top) :, max(0, left) :][: seen.shape[0], : seen.shape[1]]
        window[seen] = colour


def _dashes(pixels: np.ndarray, width: int) -> np.ndarray:
    """Where along its outlines a mask ``(H, W)`` uint8 has a dash: ``(H, W)`` bool, with what lies
    up to a line's width beside it. Dashes are spread evenly, so that the last one ends as well."""
    strokes = []
    outlines, _ = cv2.findContours(pixels, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    for outline in outlines:
        count = max(1, round(len(outline) / (_PERIOD * width)))
        period = len(outline) / count
        starts = [round(number * period) for number in range(count)]
        strokes += [outline[start : start + max(1, round(_DASH * period))] for start in starts]
    stamp = np.zeros(pixels.shape, np.uint8)
    cv2.polylines(stamp, strokes, False, 1, 2 * width - 1)
    return stamp.astype(bool)
