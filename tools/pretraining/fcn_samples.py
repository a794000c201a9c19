"""Training pictures of the lite FCN: one thing is shown, the rest is not it.

What counts as shown is near the middle, whole, and larger than the other whole things; table,
prints on it, mats, shadows, the room, what the border cuts, small things farther out and the black
corners of turned pictures are not object.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import torch
from composites import Canvas, background, fitted, lay
from degradation import degrade
from pictures import Pictures
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from automask_ros.segmentation.fcn import MEAN, STD

Sample = tuple[np.ndarray, np.ndarray]
# Share of the picture that the thing shown takes at least.
SMALLEST = 0.001
# How often each kind is shown, of those that were rendered.
SHOWN = {"show": 0.2, "desk": 0.3, "table": 0.5}


def sample(rng: np.random.Generator, pictures: Pictures, size: int) -> Sample:
    """A (size, size, 3) uint8 BGR picture and the (size, size) bool mask of what it shows."""
    kind = rng.random()
    while True:
        if kind < 0.5:
            image, ids = _framed(rng, *_shown(rng, pictures), size)
        elif kind < 0.93:
            image, ids = _composed(rng, pictures, size)
        else:
            image, ids = _over_clutter(rng, pictures, size)
        mask = ids == 1
        if mask.mean() > SMALLEST and stands_out(ids):
            break
    if rng.random() < 0.15:
        image, mask = _turned(rng, image, mask)
    return degrade(rng, image), mask


def stands_out(ids: np.ndarray) -> bool:
    """Whether thing 1 is larger than every other one that the border does not cut."""
    areas = np.bincount(ids.ravel(), minlength=2)
    border = np.concatenate([ids[0], ids[-1], ids[:, 0], ids[:, -1]])
    areas[np.unique(border[border > 1])] = 0
    return bool(areas[1] > 1.2 * areas[2:].max(initial=0))


def _shown(rng: np.random.Generator, pictures: Pictures) -> Sample:
    """A rendered show, many on desks that are hard or in broad light, and the ids of its things."""
    while True:
        image, ids = pictures.scene(rng, pictures.any_kind(rng, SHOWN))
        if (ids == 1).sum() > 120:
            return image, ids


def _framed(rng: np.random.Generator, image: np.ndarray, ids: np.ndarray, size: int) -> Sample:
    """A window on the picture in which thing 1 takes a random share, inside the picture if
    possible."""
    rows, columns = np.nonzero(ids == 1)
    low = np.array([columns.min(), rows.min()], float)
    high = np.array([columns.max() + 1, rows.max() + 1], float)
    side = float((high - low).max())
    share = np.exp(rng.uniform(np.log(0.08), np.log(0.9)))
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
    mode = cv2.BORDER_REFLECT_101
    image = cv2.warpAffine(image, matrix, (size, size), flags=flags, borderMode=mode)
    others = cv2.warpAffine(ids, matrix, (size, size), flags=cv2.INTER_NEAREST)
    solid = cv2.warpAffine((ids == 1).astype(np.float32), matrix, (size, size)) > 0.5
    return image, np.where(solid, 1, np.where(others == 1, 0, others)).astype(np.uint8)


def _composed(rng: np.random.Generator, pictures: Pictures, size: int) -> Sample:
    """A sprite on a surface, with smaller ones farther out and any at the border."""
    canvas = Canvas(background(rng, pictures, size), np.zeros((size, size), np.uint8))
    return _with_main(rng, pictures, canvas, distractors=rng.random() < 0.6, smallest=0.06)


def _over_clutter(rng: np.random.Generator, pictures: Pictures, size: int) -> Sample:
    """A sprite in front of a table full of smaller things."""
    image, _ = pictures.scene(rng, "clutter")
    height, width = image.shape[:2]
    left = int(rng.integers(0, width - height + 1))
    square = cv2.resize(image[:, left : left + height], (size, size), interpolation=cv2.INTER_AREA)
    square = cv2.GaussianBlur(square, (0, 0), rng.uniform(0.3, 3))
    canvas = Canvas(square.astype(np.float32), np.zeros((size, size), np.uint8))
    return _with_main(rng, pictures, canvas, distractors=False, smallest=0.45)


def _sprite(rng: np.random.Generator, pictures: Pictures) -> np.ndarray:
    return pictures.sprite(rng, "sprite" if rng.random() < 0.55 else "piece")


def _with_main(
    rng: np.random.Generator,
    pictures: Pictures,
    canvas: Canvas,
    *,
    distractors: bool,
    smallest: float,
) -> Sample:
    size = len(canvas.image)
    side = size * float(np.exp(rng.uniform(np.log(smallest), np.log(0.95))))
    turn = rng.choice([12.0, 180.0])
    main = fitted(rng, _sprite(rng, pictures), side, turn)
    slack = max(size - side, 0.0) / 2
    middle = size / 2 + rng.uniform(-0.75, 0.75, 2) * slack
    if not distractors and rng.random() < 0.35:
        # Alone it is what is shown, even where the border cuts it.
        middle[int(rng.integers(2))] += rng.choice([-1, 1]) * (
            0.25 * slack + rng.uniform(0, 0.6) * side
        )
    if distractors:
        _lay_distractors(rng, pictures, canvas, side, middle)
        if rng.random() < 0.5:
            _lay_at_border(rng, pictures, canvas, side, middle)
    lay(rng, canvas, main, middle, 1)
    return canvas.image.clip(0, 255).astype(np.uint8), canvas.ids


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
            sprite = fitted(rng, _sprite(rng, pictures), other, 180)
            lay(rng, canvas, sprite, where, number + 2)


def _lay_at_border(
    rng: np.random.Generator, pictures: Pictures, canvas: Canvas, side: float, middle: np.ndarray
) -> None:
    """Things of any size that the border cuts, clear of what is shown or just behind it."""
    size = len(canvas.image)
    for number in range(int(rng.integers(1, 4))):
        other = size * float(rng.uniform(0.15, 0.6))
        where = rng.uniform(0, size, 2)
        edge = int(rng.integers(4))
        where[edge % 2] = rng.uniform(-0.3, 0.3) * other + (size if edge > 1 else 0)
        if np.linalg.norm(where - middle) > 0.5 * side + 0.4 * other:
            sprite = fitted(rng, _sprite(rng, pictures), other, 180)
            lay(rng, canvas, sprite, where, number + 20)


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
    """Endless batches; batch `n` depends on the seed, on `n`, and on which pictures are there.

    A batch holds as many pixels as `batch_size` pictures of 256 x 256, whatever its size.
    """
    number = start
    while True:
        if number % 50 == 0:
            pictures.refresh()
        rng = np.random.default_rng([seed, number])
        size = int(rng.choice(sizes))
        count = max(1, round(batch_size * (256 / size) ** 2))
        yield to_tensors([sample(rng, pictures, size) for _ in range(count)])
        number += 1


class _Batches(IterableDataset):
    def __init__(self, pictures: Pictures, **options: Any) -> None:
        self.pictures, self.options = pictures, options

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return batches(self.pictures, **self.options)


def prepared_batches(pictures: Pictures, **options: Any) -> Iterator[tuple[Tensor, Tensor]]:
    """The same as `batches`, made ahead by a process beside the training."""
    loader = DataLoader(
        _Batches(pictures, **options),
        batch_size=None,
        num_workers=1,
        prefetch_factor=4,
        worker_init_fn=lambda _: cv2.setNumThreads(1),
    )
    return iter(loader)
