"""What nobody teaches: rendered things and places that ship, to be told from what is taught.

A mug is learnt as *this* mug only from pictures that also show other mugs.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from automask_ros.detection.cutouts import Cutout
from automask_ros.errors import AutomaskError
from automask_ros.library.image_file import read_image
from automask_ros.resources import weights_path
from automask_ros.types import BGRImage

TILE = 112  # pixels of a side of a tile of things.webp


@cache
def foreign_things() -> tuple[Cutout, ...]:
    """The tiles of the sheet that ships, cropped; `weights/things.csv` names them.

    AutomaskError when the sheet is missing or damaged.
    """
    path = weights_path("things.webp")
    sheet = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if sheet is None or sheet.ndim != 3 or sheet.shape[2] != 4:
        raise AutomaskError(f"{path} is damaged; reinstall automask_ros")
    rows, columns = sheet.shape[0] // TILE, sheet.shape[1] // TILE
    tiles = sheet.reshape(rows, TILE, columns, TILE, 4).swapaxes(1, 2).reshape(-1, TILE, TILE, 4)
    return tuple(_cropped(tile) for tile in tiles if tile[..., 3].any())


@cache
def foreign_places() -> tuple[BGRImage, ...]:
    """The rendered scenes that ship; AutomaskError when one is damaged."""
    return tuple(read_image(path) for path in sorted(weights_path("places").glob("*.jpg")))


def foreign_thing(rng: np.random.Generator, object_like: Cutout) -> Cutout:
    """A thing about as large as the object, at times mirrored, in another hue, or in the
    object's own colours."""
    things = foreign_things()
    thing = things[rng.integers(len(things))]
    image, alpha = thing.image, thing.alpha
    if rng.random() < 0.5:
        image, alpha = image[:, ::-1], alpha[:, ::-1]
    kind = rng.random()
    if kind < 0.35:
        image = _in_colours_of(object_like, image, alpha)
    elif kind < 0.6:
        image = _in_another_hue(rng, image)
    longest = object_like.longest_side * float(np.exp(rng.normal(0, 0.25)))
    scale = longest / thing.longest_side
    size = (max(2, round(alpha.shape[1] * scale)), max(2, round(alpha.shape[0] * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image = np.asarray(cv2.resize(np.ascontiguousarray(image), size, interpolation=way), np.uint8)
    alpha = np.asarray(cv2.resize(np.ascontiguousarray(alpha), size, interpolation=way), np.uint8)
    return Cutout(image, alpha, None)


def _cropped(tile: np.ndarray) -> Cutout:
    rows, columns = np.where(tile[..., 3].any(1))[0], np.where(tile[..., 3].any(0))[0]
    crop = tile[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Cutout(np.ascontiguousarray(crop[..., :3]), np.ascontiguousarray(crop[..., 3]), None)


def _in_colours_of(wanted: Cutout, image: BGRImage, alpha: np.ndarray) -> BGRImage:
    """`image` with mean and spread of the object's colours (Reinhard et al. 2001, in CIELAB)."""
    source = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_BGR2LAB).astype(np.float32)
    target = cv2.cvtColor(wanted.image, cv2.COLOR_BGR2LAB).astype(np.float32)
    inside, aim = source[alpha > 127], target[wanted.alpha > 127]
    if len(inside) < 2 or len(aim) < 2:
        return image
    spread = np.clip(aim.std(0) / np.maximum(inside.std(0), 1.0), 0.3, 3.0)
    moved = (source - inside.mean(0)) * spread + aim.mean(0)
    lab = np.clip(moved, 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2BGR), np.uint8)


def _in_another_hue(rng: np.random.Generator, image: BGRImage) -> BGRImage:
    hsv = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_BGR2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(np.int32) + int(rng.integers(180))) % 180
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR), np.uint8)
