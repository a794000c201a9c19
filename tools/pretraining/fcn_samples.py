"""Training pictures of the lite FCN: one thing is shown, the rest is not it.

What counts as shown is near the middle and larger than the others; table, prints on it, mats,
shadows, the room, small things farther out and the black corners of turned pictures are not object.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import torch
from composites import Canvas, background, fitted, lay
from degradation import degrade
from pictures import Pictures
from torch import Tensor

from automask_ros.segmentation.fcn import MEAN, STD

Sample = tuple[np.ndarray, np.ndarray]


def sample(rng: np.random.Generator, pictures: Pictures, size: int) -> Sample:
    """A (size, size, 3) uint8 BGR picture and the (size, size) bool mask of what it shows."""
    kind = rng.random()
    while True:
        if kind < 0.5:
            image, mask = _framed(rng, *_shown(rng, pictures), size)
        elif kind < 0.9:
            image, mask = _composed(rng, pictures, size)
        else:
            image, mask = _over_clutter(rng, pictures, size)
        if mask.mean() > 0.002:
            break
    if rng.random() < 0.15:
        image, mask = _turned(rng, image, mask)
    return degrade(rng, image), mask


def _shown(rng: np.random.Generator, pictures: Pictures) -> Sample:
    """A rendered show in which the thing shown is large enough and the largest."""
    while True:
        image, ids = pictures.scene(rng, "show")
        areas = np.bincount(ids.ravel(), minlength=2)
        if areas[1] > 250 and areas[1] > 0.8 * areas[2:].max(initial=0):
            return image, ids == 1


def _framed(rng: np.random.Generator, image: np.ndarray, mask: np.ndarray, size: int) -> Sample:
    """A window on the picture in which the thing takes a random share, inside the picture if
    possible."""
    rows, columns = np.nonzero(mask)
    low = np.array([columns.min(), rows.min()], float)
    high = np.array([columns.max() + 1, rows.max() + 1], float)
    side = float((high - low).max())
    share = np.exp(rng.uniform(np.log(0.15), np.log(0.9)))
    window = float(np.clip(side / share, size / 2.2, min(image.shape[:2])))
    slack = max(window - side, 0.0) / 2
    middle = (low + high) / 2 + rng.uniform(-0.8, 0.8, 2) * slack
    limit = np.array([image.shape[1], image.shape[0]]) - window
    corner = np.clip(middle - window / 2, 0, limit)
    scale = size / window
    matrix = np.array([[scale, 0, -scale * corner[0]], [0, scale, -scale * corner[1]]])
    if rng.random() < 0.5:
        matrix[0] = [-scale, 0, size + scale * corner[0]]
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image = cv2.warpAffine(
        image, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REFLECT_101
    )
    solid = cv2.warpAffine(mask.astype(np.float32), matrix, (size, size))
    return image, solid > 0.5


def _composed(rng: np.random.Generator, pictures: Pictures, size: int) -> Sample:
    """A sprite on a surface, with smaller ones farther out."""
    canvas = Canvas(background(rng, pictures, size), np.zeros((size, size), np.uint8))
    return _with_main(rng, pictures, canvas, distractors=rng.random() < 0.5)


def _over_clutter(rng: np.random.Generator, pictures: Pictures, size: int) -> Sample:
    """A sprite in front of a table full of smaller things."""
    image, _ = pictures.scene(rng, "clutter")
    height, width = image.shape[:2]
    left = int(rng.integers(0, width - height + 1))
    square = cv2.resize(image[:, left : left + height], (size, size), interpolation=cv2.INTER_AREA)
    square = cv2.GaussianBlur(square, (0, 0), rng.uniform(0.3, 3))
    canvas = Canvas(square.astype(np.float32), np.zeros((size, size), np.uint8))
    return _with_main(rng, pictures, canvas, distractors=False, smallest=0.45)


def _with_main(
    rng: np.random.Generator,
    pictures: Pictures,
    canvas: Canvas,
    *,
    distractors: bool,
    smallest: float = 0.13,
) -> Sample:
    size = len(canvas.image)
    side = size * float(np.exp(rng.uniform(np.log(smallest), np.log(0.95))))
    turn = rng.choice([12.0, 180.0])
    main = fitted(rng, pictures.sprite(rng), side, turn)
    slack = max(size - side, 0.0) / 2
    middle = size / 2 + rng.uniform(-0.75, 0.75, 2) * slack
    if distractors:
        _lay_distractors(rng, pictures, canvas, side, middle)
    lay(rng, canvas, main, middle, 1)
    return canvas.image.clip(0, 255).astype(np.uint8), canvas.ids == 1


def _lay_distractors(
    rng: np.random.Generator, pictures: Pictures, canvas: Canvas, side: float, middle: np.ndarray
) -> None:
    size = len(canvas.image)
    for number in range(int(rng.integers(1, 6))):
        other = side * rng.uniform(0.2, 0.65)
        where = rng.uniform(-0.05, 1.05, 2) * size
        away = np.linalg.norm(where - middle)
        centred = np.linalg.norm(where - size / 2) < np.linalg.norm(middle - size / 2) + 0.15 * size
        if away > 0.5 * side + 0.4 * other and not centred:
            sprite = fitted(rng, pictures.sprite(rng), other, 180)
            lay(rng, canvas, sprite, where, number + 2)


def _turned(rng: np.random.Generator, image: np.ndarray, mask: np.ndarray) -> Sample:
    """Turned as a whole: the corners are black."""
    size = len(image)
    matrix = cv2.getRotationMatrix2D(
        (size / 2, size / 2), rng.uniform(-45, 45), rng.uniform(0.9, 1.1)
    )
    solid = cv2.warpAffine(mask.astype(np.float32), matrix, (size, size))
    return cv2.warpAffine(image, matrix, (size, size)), solid > 0.5


def to_tensors(samples: list[Sample]) -> tuple[Tensor, Tensor]:
    """(N, 3, H, W) normalised RGB, channels last, and (N, 1, H, W) targets of 0 or 1."""
    images = np.stack([image[..., ::-1] for image, _ in samples]).astype(np.float32) / 255
    images = (images - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
    masks = np.stack([mask for _, mask in samples]).astype(np.float32)
    pixels = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2)
    return pixels, torch.from_numpy(masks)[:, None]


def batches(
    pictures: Pictures, *, batch_size: int, sizes: tuple[int, ...], seed: int, start: int = 0
) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches; batch `n` depends on the seed, on `n`, and on which pictures are there."""
    number = start
    while True:
        if number % 50 == 0:
            pictures.refresh()
        rng = np.random.default_rng([seed, number])
        size = int(rng.choice(sizes))
        yield to_tensors([sample(rng, pictures, size) for _ in range(batch_size)])
        number += 1
