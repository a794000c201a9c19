"""Contact sheets of the worst masks, to see why they are wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import cv2
import numpy as np

from automask_ros.drawing import contact_sheet, draw_difference
from automask_ros.errors import AutomaskError
from automask_ros.lettering import caption_strip
from automask_ros.library.files import write_image

#: How many masks a sheet shows.
WORST = 10
_COLUMNS = 5
_TILE_WIDTH = 384
_NEAREST = cv2.INTER_NEAREST
LEGEND = "blue: too much, orange: lacking, yellow outline: what people drew"


def check_sheet_path(path: Path | None) -> None:
    """AutomaskError now, and not after the work, when the sheet could not be written."""
    if path is not None and path.suffix.lower() != ".png":
        raise AutomaskError(f"the sheet {path} must be a PNG: give it a name that ends with .png")
    if path is not None and not path.absolute().parent.is_dir():
        raise AutomaskError(f"cannot write {path}: its folder does not exist; make it first")


@dataclass(frozen=True)
class Tile:
    """A picture (H, W, 3) BGR of a sheet, and the lines below it."""

    picture: np.ndarray
    words: Sequence[str]


def draw_tile(
    image: np.ndarray, pixels: np.ndarray, truth: np.ndarray, words: Sequence[str]
) -> Tile:
    """An image (H, W, 3) BGR in a tile's width, with where a mask (H, W) bool is wrong."""
    size = (_TILE_WIDTH, max(1, round(_TILE_WIDTH * image.shape[0] / image.shape[1])))
    # Scaled before it is drawn on, so that lines are equally thin in all tiles.
    shown, mask, drawn = (
        cv2.resize(each.astype(np.uint8), size, interpolation=how)
        for each, how in ((image, cv2.INTER_AREA), (pixels, _NEAREST), (truth, _NEAREST))
    )
    return Tile(draw_difference(shown, mask.astype(bool), drawn.astype(bool)), words)


def write_sheet(path: Path, tiles: Sequence[Tile], columns: int = _COLUMNS) -> None:
    """Write tiles as one picture, in rows, with the legend below; say where it is."""
    pictures, captions = [tile.picture for tile in tiles], [tile.words for tile in tiles]
    sheet = contact_sheet(pictures, columns, captions=captions, tile_width=_TILE_WIDTH)
    write_image(path, np.vstack([sheet, caption_strip([LEGEND], sheet.shape[1])]))
    click.echo(f"the worst masks: {path}")
