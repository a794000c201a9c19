"""Words on pictures: on a bar inside one, or on a strip to be laid below it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from automask_ros.colours import BLACK, WHITE, Colour

_FONT = cv2.FONT_HERSHEY_SIMPLEX
#: Letters of a smaller scale cannot be read, those of a caption need not be larger.
_SMALLEST, _CAPTION = 0.4, 0.6


def write_bar(
    canvas: np.ndarray,
    lines: Sequence[str],
    at: tuple[int, int],
    colour: Colour,
    *,
    above: bool = False,
) -> None:
    """Write lines on a bar of ``colour``, moved so that it lies inside the canvas, in place.

    The bar's upper left corner is ``at``, with ``above`` its lower left one. The letters are black
    or white, whichever the bar's brightness asks for.
    """
    height, width = canvas.shape[:2]
    scale = max(_SMALLEST, min(height, width) / 800)
    texts, line_height, bar_width = _lay_out(lines, width, scale)
    left = max(0, min(at[0], width - bar_width))
    bar_height = line_height * len(texts)
    top = max(0, min(at[1] - (bar_height if above else 0), height - bar_height))
    right, bottom = left + bar_width, top + bar_height
    canvas[top:bottom, left:right] = colour
    brightness = 0.114 * colour[0] + 0.587 * colour[1] + 0.299 * colour[2]
    ink = BLACK if brightness > 110 else WHITE
    _letter(canvas, texts, (left, top), line_height, scale, ink)


def caption_strip(lines: Sequence[str], width: int) -> np.ndarray:
    """Lines in black on a white strip ``(H, width, 3)``, to be laid below a picture."""
    scale = max(_SMALLEST, min(_CAPTION, width / 900))
    texts, line_height, _ = _lay_out(lines, width, scale)
    strip = np.full((line_height * len(texts), width, 3), WHITE, np.uint8)
    _letter(strip, texts, (0, 0), line_height, scale, BLACK)
    return strip


def _lay_out(lines: Sequence[str], width: int, scale: float) -> tuple[list[str], int, int]:
    """Lines broken between words where ``width`` asks for it, the height of each, and the width
    that they take; letters outside ASCII are question marks, because the built-in font has none."""
    pad, thickness = _pad(scale), _thickness(scale)
    texts = [
        text
        for line in lines
        for text in _wrap(line.encode("ascii", "replace").decode(), width - 2 * pad, scale)
    ]
    sizes = [cv2.getTextSize(text, _FONT, scale, thickness)[0] for text in texts]
    return texts, max(size[1] for size in sizes) + 2 * pad, max(size[0] for size in sizes) + 2 * pad


def _letter(
    canvas: np.ndarray,
    texts: Sequence[str],
    at: tuple[int, int],
    line_height: int,
    scale: float,
    ink: Colour,
) -> None:
    """Write lines below each other, from (left, top) on, in place."""
    pad, thickness = _pad(scale), _thickness(scale)
    for row, text in enumerate(texts, start=1):
        baseline = (at[0] + pad, at[1] + row * line_height - pad - 1)
        cv2.putText(canvas, text, baseline, _FONT, scale, ink, thickness, cv2.LINE_AA)


def _pad(scale: float) -> int:
    return max(2, round(6 * scale))


def _thickness(scale: float) -> int:
    return max(1, round(1.5 * scale))


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
