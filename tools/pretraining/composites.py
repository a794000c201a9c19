"""Sprites laid on surfaces, with made-up shadows: the half of the pretraining pictures that
costs nothing."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from desks import DESKS
from pictures import Pictures
from textures import SURFACES, random_texture


@dataclass(frozen=True)
class Canvas:
    """A picture under construction: `image` (H, W, 3) float32 BGR, `ids` (H, W) uint8, 0 =
    background."""

    image: np.ndarray
    ids: np.ndarray


def background(rng: np.random.Generator, pictures: Pictures, size: int) -> np.ndarray:
    """(size, size, 3) float32 BGR: a surface seen at a slant, sometimes with a wall or a mat."""
    image = _slanted(rng, _texture(rng, pictures), size)
    if rng.random() < 0.2:
        horizon = int(rng.uniform(0.05, 0.45) * size)
        wall = cv2.GaussianBlur(
            _slanted(rng, _texture(rng, pictures), size), (0, 0), rng.uniform(0.5, 6)
        )
        image[:horizon] = wall[:horizon]
    if rng.random() < 0.2:
        image = _with_mat(rng, image, pictures)
    if rng.random() < 0.3:
        image = _with_stray_shadow(rng, image)
    if rng.random() < 0.3:
        image = _plain(rng, image.astype(np.float32))
    return image.astype(np.float32)


def _plain(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """The surface with little contrast and colour left, mostly pale: an ordinary table."""
    mean = image.mean(axis=(0, 1))
    pale = rng.uniform(110, 230) * np.exp(rng.normal(0, 0.06, 3))
    target = mean + rng.uniform(0.3, 1.0) * (pale - mean)
    return target + rng.uniform(0.03, 0.4) * (image - mean)


def _texture(rng: np.random.Generator, pictures: Pictures) -> np.ndarray:
    kind = rng.random()
    if kind < 0.3:
        return pictures.surface(rng)
    if kind < 0.65:
        return random_texture(rng, DESKS)[..., ::-1]
    texture = random_texture(rng, SURFACES, 192)[..., ::-1]
    share = rng.choice([0.0, rng.random()], p=[0.4, 0.6])
    grey = texture.mean(axis=2, keepdims=True)
    return (texture + share * (grey - texture)).astype(np.uint8)


def _slanted(rng: np.random.Generator, texture: np.ndarray, size: int) -> np.ndarray:
    """The texture, repeated, turned, scaled and in perspective."""
    height, width = texture.shape[:2]
    scale = np.exp(rng.uniform(np.log(0.5), np.log(3.0))) * size / max(height, width)
    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / scale
    matrix = np.eye(3)
    matrix[:2, :2] = turn
    matrix[:2, 2] = rng.uniform(0, max(height, width), 2)
    slant = np.eye(3)
    slant[2, :2] = rng.uniform(-0.6, 0.6, 2) / size
    slant[2, 2] = 1.6
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warp = matrix @ slant
    return cv2.warpPerspective(
        texture, warp, (size, size), flags=flags, borderMode=cv2.BORDER_REFLECT_101
    )


def _with_mat(rng: np.random.Generator, image: np.ndarray, pictures: Pictures) -> np.ndarray:
    """A large flat thing under all others, cut by the border: it is surface, not object."""
    size = len(image)
    centre = rng.uniform(0.3, 0.7, 2) * size
    corners = cv2.boxPoints(
        (tuple(centre), tuple(rng.uniform(0.8, 1.6, 2) * size), rng.uniform(0, 90))
    )
    region = np.zeros((size, size), np.uint8)
    cv2.fillConvexPoly(region, corners.astype(np.int32), 1)
    return np.where(region[..., None] > 0, _slanted(rng, _texture(rng, pictures), size), image)


def _with_stray_shadow(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """The shadow of something outside the picture."""
    size = len(image)
    shade = np.zeros((size, size), np.float32)
    corners = rng.uniform(-0.5, 1.5, (4, 2)) * size
    cv2.fillConvexPoly(shade, cv2.convexHull(corners.astype(np.int32)), 1.0)
    soft = cv2.GaussianBlur(shade, (0, 0), rng.uniform(1, 20))
    return image * (1 - rng.uniform(0.15, 0.5) * soft[..., None])


def fitted(rng: np.random.Generator, sprite: np.ndarray, side: float, turn: float) -> np.ndarray:
    """The sprite turned by about `turn` degrees, mirrored by chance, its longer side `side`
    pixels."""
    height, width = sprite.shape[:2]
    scale = side / max(height, width)
    if rng.random() < 0.5:
        sprite = sprite[:, ::-1]
    if scale < 0.6:
        shrunk = scale * 1.6
        shape = (max(1, round(width * shrunk)), max(1, round(height * shrunk)))
        sprite = cv2.resize(sprite, shape, interpolation=cv2.INTER_AREA)
        height, width = sprite.shape[:2]
        scale = side / max(height, width)
    angle = rng.uniform(-turn, turn)
    matrix = np.array(cv2.getRotationMatrix2D((width / 2, height / 2), angle, scale), float)
    c, s = abs(matrix[0, 0]), abs(matrix[0, 1])
    w, h = int(width * c + height * s) + 3, int(width * s + height * c) + 3
    matrix[:, 2] += np.array([w / 2 - width / 2, h / 2 - height / 2])
    solid = sprite.astype(np.float32)
    solid[..., :3] *= solid[..., 3:] / 255
    solid = np.asarray(cv2.warpAffine(solid, matrix, (w, h), flags=cv2.INTER_LINEAR), np.float32)
    solid[..., :3] /= np.maximum(solid[..., 3:], 1) / 255
    return solid[_filled(solid[..., 3])]


def _filled(alpha: np.ndarray) -> tuple[slice, slice]:
    """Where there is something: a turned sprite leaves empty corners."""
    rows, columns = np.nonzero(alpha > 8)
    if len(rows) == 0:
        return slice(None), slice(None)
    return slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)


def lay(
    rng: np.random.Generator, canvas: Canvas, sprite: np.ndarray, centre: np.ndarray, number: int
) -> None:
    """Draws shadow and sprite (h, w, 4) float32 in place, so that `ids` holds `number` where it
    is seen."""
    size = len(canvas.image)
    alpha = _on_canvas(sprite[..., 3] / 255, centre, size)
    if rng.random() < 0.88:
        _cast(rng, canvas, alpha, max(sprite.shape[:2]))
    colour = _on_canvas(sprite[..., :3], centre, size)
    solid = alpha > 0.5
    if not solid.any():
        return
    colour = _blended(rng, colour, canvas.image, solid)
    share = alpha
    if rng.random() < 0.06:
        # Glass and thin plastic: the surface is seen through it, the rim more than the middle.
        inside = cv2.GaussianBlur(alpha, (0, 0), max(1.0, 0.05 * max(sprite.shape[:2])))
        share = alpha * (1 - rng.uniform(0.3, 0.65) * inside)
    canvas.image[:] += share[..., None] * (colour - canvas.image)
    canvas.ids[solid] = number


def _on_canvas(layer: np.ndarray, centre: np.ndarray, size: int) -> np.ndarray:
    """The (h, w[, c]) layer on an empty (size, size[, c]) one, its middle at `centre` (x, y)."""
    h, w = layer.shape[:2]
    left, top = int(centre[0] - w / 2), int(centre[1] - h / 2)
    out = np.zeros((size, size, *layer.shape[2:]), np.float32)
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + w, size), min(top + h, size)
    if x0 < x1 and y0 < y1:
        out[y0:y1, x0:x1] = layer[y0 - top : y1 - top, x0 - left : x1 - left]
    return out


def _cast(rng: np.random.Generator, canvas: Canvas, alpha: np.ndarray, side: int) -> None:
    """A contact shadow close by, and by chance a thrown one."""
    size = len(alpha)
    spread = max(0.8, side * rng.uniform(0.01, 0.05))
    near = cv2.GaussianBlur(cv2.dilate(alpha, np.ones((3, 3))), (0, 0), spread)
    near = _moved(near, rng.normal(0, 0.02 * side), abs(rng.normal(0, 0.03 * side)), size)
    dark = rng.uniform(0.2, 0.75) * near
    if rng.random() < 0.6:
        across, along = rng.normal(0, 0.18 * side, 2)
        far = _moved(alpha, across, along, size)
        far = cv2.GaussianBlur(
            far, (0, 0), np.exp(rng.uniform(np.log(0.8), np.log(0.15 * side + 1)))
        )
        dark = np.maximum(dark, rng.uniform(0.1, 0.6) * far)
    if rng.random() < 0.6:
        dark = np.maximum(dark, _hugging(rng, alpha, side))
    canvas.image[:] *= 1 - dark[..., None]


def _hugging(rng: np.random.Generator, alpha: np.ndarray, side: int) -> np.ndarray:
    """The shadow of diffuse light, from several sides: soft, and wider than a contact shadow."""
    size = len(alpha)
    shade = np.zeros_like(alpha)
    for _ in range(int(rng.integers(1, 4))):
        reach = side * np.exp(rng.uniform(np.log(0.03), np.log(0.14)))
        angle = rng.uniform(0, 2 * np.pi)
        moved = _moved(alpha, reach * np.cos(angle), reach * np.sin(angle), size)
        soft = cv2.GaussianBlur(moved, (0, 0), max(0.8, reach * rng.uniform(0.3, 0.9)))
        shade = np.maximum(shade, rng.uniform(0.12, 0.5) * soft)
    return shade


def _moved(layer: np.ndarray, x: float, y: float, size: int) -> np.ndarray:
    return cv2.warpAffine(layer, np.array([[1, 0, x], [0, 1, y]]), (size, size))


def _blended(
    rng: np.random.Generator, colour: np.ndarray, image: np.ndarray, solid: np.ndarray
) -> np.ndarray:
    """Colours jittered; by chance brought close to those of the surface below."""
    gain = rng.uniform(0.7, 1.25) * (1 + rng.normal(0, 0.08, 3))
    colour = colour * gain + rng.normal(0, 8)
    if rng.random() < 0.15:
        difference = image[solid].mean(axis=0) - colour[solid].mean(axis=0)
        colour = colour + rng.uniform(0.5, 0.97) * difference
    elif rng.random() < 0.2:
        colour = _with_matched_part(rng, colour, image, solid)
    return colour.clip(0, 255)


def _with_matched_part(
    rng: np.random.Generator, colour: np.ndarray, image: np.ndarray, solid: np.ndarray
) -> np.ndarray:
    """All of the thing that has about the colour of one of its pixels, brought close to the
    surface: what looks like the table through a hole can be a part."""
    rows, columns = np.nonzero(solid)
    place = int(rng.integers(len(rows)))
    away = np.abs(colour - colour[rows[place], columns[place]]).max(axis=2)
    share = np.clip(1.5 - away / rng.uniform(12, 40), 0, 1)[..., None]
    part = solid & (share[..., 0] > 0.5)
    difference = image[solid].mean(axis=0) - colour[part].mean(axis=0)
    return colour + rng.uniform(0.6, 0.97) * share * difference
