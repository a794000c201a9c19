"""Things that must not be detected although they come close: what training calls background."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from automask_ros.detection.cutouts import Cutout
from automask_ros.detection.textures import FloatImage, random_colour, random_texture
from automask_ros.errors import AutomaskError
from automask_ros.resources import weights_path
from automask_ros.types import BGRImage

THINGS_FILE = "things.webp"
_CELL = 96  # pixels; the file is a table of such squares
# Mean difference of colour (0..255) from which a recoloured object is another object.
_OTHER_COLOUR = 30.0


@cache
def shipped_things() -> tuple[Cutout, ...]:
    """The household things that ship with the package, rendered, none of them ever taught."""
    path = weights_path(THINGS_FILE)
    table = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if table is None or table.ndim != 3 or table.shape[2] != 4:
        raise AutomaskError(f"{path} is no picture of things; reinstall automask_ros")
    things = []
    for top in range(0, table.shape[0] - _CELL + 1, _CELL):
        for left in range(0, table.shape[1] - _CELL + 1, _CELL):
            cell = table[top : top + _CELL, left : left + _CELL]
            solid = cell[..., 3] > 127
            rows, columns = np.where(solid.any(1))[0], np.where(solid.any(0))[0]
            if len(rows) < 8 or len(columns) < 8:
                continue
            cell = cell[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            image, alpha = cell[..., :3], cell[..., 3]
            things.append(Cutout(np.ascontiguousarray(image), np.ascontiguousarray(alpha), None))
    return tuple(things)


def distractor(
    rng: np.random.Generator,
    object_like: Cutout,
    surroundings: BGRImage,
    things: Sequence[Cutout] = (),
) -> Cutout:
    """A thing that must not be detected although it comes close to `object_like`.

    One of `things`, often in the object's colours; or the object's outline with another skin, its
    colours on another shape, or neither. `surroundings` ``(H, W, 3)`` lends its surface at times.
    """
    if things and rng.random() < 0.6:
        thing = _scaled(things[int(rng.integers(len(things)))], object_like.longest_side)
        return _in_colours_of(rng, thing, object_like) if rng.random() < 0.4 else thing
    height, width = object_like.alpha.shape
    if rng.random() < 0.25:
        recoloured = _recoloured(rng, object_like)
        if recoloured is not None:
            return recoloured
    same_outline = rng.random() < 0.35
    alpha = object_like.alpha if same_outline else random_outline(rng, height, width)
    if not same_outline and rng.random() < 0.5:
        own_pixels = object_like.image[object_like.alpha > 127]
        colour = own_pixels[rng.integers(len(own_pixels))].astype(np.float32)
    else:
        colour = random_colour(rng)
    if rng.random() < 0.35 and min(surroundings.shape[:2]) > 16:
        skin = _patch(rng, surroundings, height, width)
    else:
        skin = _rounded(rng, random_texture(rng, height, width, colour))
    return Cutout(skin, alpha, None)


def _scaled(thing: Cutout, longest_side: int) -> Cutout:
    """`thing` with its longest side brought to some pixels."""
    scale = longest_side / thing.longest_side
    size = tuple(max(2, round(side * scale)) for side in thing.alpha.shape[::-1])
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image, alpha = (
        np.asarray(cv2.resize(part, size, interpolation=interpolation), np.uint8)
        for part in (thing.image, thing.alpha)
    )
    return Cutout(image, alpha, thing.class_id)


def _in_colours_of(rng: np.random.Generator, thing: Cutout, other: Cutout) -> Cutout:
    """`thing` with its own light and shade, in the hue and saturation of a pixel of `other`."""
    pixels = cv2.cvtColor(other.image, cv2.COLOR_BGR2HSV)[other.alpha > 127]
    hue, saturation, value = (int(part) for part in pixels[rng.integers(len(pixels))])
    hsv = cv2.cvtColor(thing.image, cv2.COLOR_BGR2HSV)
    own = max(float(hsv[..., 2][thing.alpha > 127].mean()), 1.0)
    hsv[..., 0] = hue
    hsv[..., 1] = saturation
    hsv[..., 2] = np.clip(hsv[..., 2] * (0.5 * (1 + value / own)), 0, 255)
    return Cutout(np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR), np.uint8), thing.alpha, None)


def random_outline(rng: np.random.Generator, height: int, width: int) -> NDArray[np.uint8]:
    """A box, an ellipse or a lump that fills ``(height, width)``: 0 or 255."""
    alpha: NDArray[np.uint8] = np.zeros((height, width), np.uint8)
    kind = rng.choice(["box", "ellipse", "lump"])
    centre = (width // 2, height // 2)
    if kind == "ellipse":
        cv2.ellipse(
            alpha, centre, (max(width // 2 - 1, 1), max(height // 2 - 1, 1)), 0, 0, 360, 255, -1
        )
        return alpha
    corners = 4 if kind == "box" else int(rng.integers(5, 11))
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    if kind == "box":
        angles = np.array([0.25, 0.75, 1.25, 1.75]) * np.pi
    radius = np.sqrt(0.5) if kind == "box" else rng.uniform(0.3, 0.5, corners)
    points = np.stack([np.cos(angles) * radius + 0.5, np.sin(angles) * radius + 0.5], 1)
    cv2.fillPoly(alpha, [np.round(points * [width - 1, height - 1]).astype(np.int32)], 255)
    rounding = 2 * int(rng.integers(0, max(min(height, width) // 8, 1))) + 1
    if rounding >= 3:
        alpha = np.where(cv2.blur(alpha, (rounding, rounding)) > 127, 255, 0).astype(np.uint8)
    if not alpha.any():
        alpha[:] = 255
    return alpha


def _recoloured(rng: np.random.Generator, cutout: Cutout) -> Cutout | None:
    """`cutout` in another hue; None where that changes too little to be another object."""
    hsv = cv2.cvtColor(cutout.image, cv2.COLOR_BGR2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(np.int32) + int(rng.integers(30, 151))) % 180
    image = np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR), np.uint8)
    difference = np.abs(image.astype(np.int16) - cutout.image)[cutout.alpha > 127].max(1).mean()
    return Cutout(image, cutout.alpha, None) if difference > _OTHER_COLOUR else None


def _patch(rng: np.random.Generator, image: BGRImage, height: int, width: int) -> BGRImage:
    """A random window of `image`, brought to ``(height, width)``."""
    rows = min(height, image.shape[0] // 2)
    columns = min(width, image.shape[1] // 2)
    top = int(rng.integers(0, image.shape[0] - rows))
    left = int(rng.integers(0, image.shape[1] - columns))
    window = image[top : top + rows, left : left + columns]
    return np.asarray(cv2.resize(window, (width, height)), np.uint8)


def _rounded(rng: np.random.Generator, image: BGRImage) -> BGRImage:
    """`image` as if on a body that bends away from the light at its sides."""
    height, width = image.shape[:2]
    across: FloatImage = np.linspace(-1, 1, width, dtype=np.float32) - float(rng.uniform(-0.6, 0.6))
    light = 1.1 - float(rng.uniform(0, 0.6)) * across**2
    return np.clip(image * light[None, :, None], 0, 255).astype(np.uint8)
