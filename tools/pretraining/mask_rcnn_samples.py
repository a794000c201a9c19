"""Training pictures of the lite Mask R-CNN: every thing on the table is an instance of one
class, object."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import torch
from composites import Canvas, background, fitted, lay
from degradation import degrade
from pictures import Pictures
from torch import Tensor

Sample = tuple[np.ndarray, np.ndarray]
# How often each kind of rendered scene is looked at, of those that were rendered.
RENDERED = {"crowd": 0.5, "clutter": 0.25, "table": 0.12, "desk": 0.08, "show": 0.05}
SMALLEST_INSTANCE = 60
LEAST_VISIBLE = 0.2


def sample(rng: np.random.Generator, pictures: Pictures, size: int) -> Sample:
    """A picture of `size` rows, (size, W, 3) uint8 BGR, and its ids (size, W): 0 background,
    1... things."""
    composed = rng.random() < 0.3
    while True:
        if composed:
            image, ids = _composed(rng, pictures, size)
        else:
            kind = pictures.any_kind(rng, RENDERED)
            image, ids = _window(rng, *pictures.scene(rng, kind), size)
        ids = without_specks(ids)
        if ids.any():
            return degrade(rng, image), ids


def without_specks(ids: np.ndarray) -> np.ndarray:
    """The ids less those of fewer than SMALLEST_INSTANCE pixels."""
    areas = np.bincount(ids.ravel(), minlength=256)
    keep = np.arange(256) * (areas >= SMALLEST_INSTANCE)
    return keep.astype(np.uint8)[ids]


def _window(rng: np.random.Generator, image: np.ndarray, ids: np.ndarray, size: int) -> Sample:
    """A random part of the picture, whole or square, mirrored by chance."""
    height, width = ids.shape
    share = rng.uniform(0.5, 1.0) if rng.random() < 0.6 else 1.0
    aspect = rng.choice([1.0, width / height])
    rows = int(height * share)
    columns = min(int(rows * aspect), width)
    top, left = int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))
    image = image[top : top + rows, left : left + columns]
    ids = ids[top : top + rows, left : left + columns]
    if rng.random() < 0.5:
        image, ids = image[:, ::-1], ids[:, ::-1]
    target = (round(size * columns / rows), size)
    image = cv2.resize(np.ascontiguousarray(image), target, interpolation=cv2.INTER_LINEAR)
    return image, cv2.resize(np.ascontiguousarray(ids), target, interpolation=cv2.INTER_NEAREST)


def _composed(rng: np.random.Generator, pictures: Pictures, size: int) -> Sample:
    """One to ten sprites on a surface; those that the others hide almost wholly do not count."""
    canvas = Canvas(background(rng, pictures, size), np.zeros((size, size), np.uint8))
    drawn = {}
    for number in range(1, 1 + int(rng.integers(1, 11))):
        side = size * float(np.exp(rng.uniform(np.log(0.08), np.log(0.55))))
        thing = pictures.sprite(rng, "sprite" if rng.random() < 0.55 else "piece")
        sprite = fitted(rng, thing, side, float(rng.choice([12.0, 180.0])))
        lay(rng, canvas, sprite, rng.uniform(0.0, 1.0, 2) * size, number)
        drawn[number] = int((sprite[..., 3] > 127).sum())
    ids = canvas.ids
    for number, area in drawn.items():
        if (ids == number).sum() < LEAST_VISIBLE * area:
            ids[ids == number] = 0
    return canvas.image.clip(0, 255).astype(np.uint8), ids


def to_tensors(image: np.ndarray, ids: np.ndarray) -> tuple[Tensor, dict[str, Tensor]]:
    """(3, H, W) RGB in 0..1 and torchvision's target: boxes, labels (all 1), masks."""
    numbers = np.unique(ids)
    masks = ids[None] == numbers[numbers > 0][:, None, None]
    boxes = [cv2.boundingRect(mask.astype(np.uint8)) for mask in masks]
    corners = np.array([(x, y, x + w, y + h) for x, y, w, h in boxes], np.float32)
    pixels = np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1), np.float32) / 255
    target = {
        "boxes": torch.from_numpy(corners.reshape(-1, 4)),
        "labels": torch.ones(len(masks), dtype=torch.int64),
        "masks": torch.from_numpy(masks.astype(np.uint8)),
    }
    return torch.from_numpy(pixels), target


def batches(
    pictures: Pictures, *, batch_size: int, size: int, seed: int, start: int = 0
) -> Iterator[tuple[list[Tensor], list[dict[str, Tensor]]]]:
    """Endless batches; batch `n` depends on the seed, on `n`, and on which pictures are there."""
    number = start
    while True:
        if number % 50 == 0:
            pictures.refresh()
        rng = np.random.default_rng([seed, number, 2])
        pairs = [to_tensors(*sample(rng, pictures, size)) for _ in range(batch_size)]
        images, targets = zip(*pairs, strict=True)
        yield list(images), list(targets)
        number += 1
