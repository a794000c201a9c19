"""Surfaces with a strong pattern, on which things are hard to find: each (size, size, 3) uint8
RGB."""

from __future__ import annotations

import string

import cv2
import numpy as np
from textures import (
    SURFACES,
    Texture,
    fractal,
    granite,
    marble,
    mix,
    print_of_shapes,
    random_colour,
    random_texture,
    text,
    wood,
)


def _ink(rng: np.random.Generator) -> tuple[float, ...]:
    return tuple(float(value) for value in random_colour(rng))


def grained(rng: np.random.Generator, size: int) -> np.ndarray:
    """Wood with knots and a strong grain."""
    x, y = np.meshgrid(np.linspace(0, 1, size), np.linspace(0, 1, size))
    field = y * rng.uniform(3, 12) + 0.8 * fractal(rng, size, 0.1)
    for _ in range(int(rng.integers(0, 4))):
        far = np.hypot((x - rng.random()) / rng.uniform(1.5, 4), y - rng.random())
        field = field + rng.uniform(0.5, 2.5) * np.exp(-((far / rng.uniform(0.03, 0.12)) ** 2))
    grain = (0.5 + 0.5 * np.sin(2 * np.pi * field * rng.uniform(1, 3))) ** rng.uniform(0.5, 3)
    brown = np.array([rng.uniform(90, 235), rng.uniform(60, 180), rng.uniform(30, 130)])
    dark = brown * rng.uniform(0.25, 0.75)
    return mix((0.75 * grain + 0.25 * fractal(rng, size, 0.03)).astype(np.float32), brown, dark)


def tiles(rng: np.random.Generator, size: int) -> np.ndarray:
    """Tiles, bricks or parquet of one or two materials with joints between them."""
    rows = int(rng.integers(2, 9))
    long = int(rng.choice([1, 2, 3]))
    base = random_texture(rng, (wood, marble, granite, grained), size)
    other = random_texture(rng, (wood, marble, granite), size) if rng.random() < 0.4 else base
    image = base.copy()
    high = size // rows
    for row in range(rows + 1):
        shift = (row % 2) * long * high // 2 if long > 1 else 0
        for left in range(-shift, size, long * high):
            gain = rng.uniform(0.75, 1.15)
            area = np.s_[row * high : (row + 1) * high, max(left, 0) : left + long * high]
            pick = other if rng.random() < 0.4 else base
            image[area] = (pick[area] * gain).clip(0, 255).astype(np.uint8)
            corner = (left + long * high, (row + 1) * high)
            cv2.rectangle(
                image, (left, row * high), corner, _JOINTS[int(rng.integers(3))], 1 + size // 200
            )
    return image


_JOINTS = ((60.0, 55.0, 50.0), (150.0, 145.0, 140.0), (30.0, 30.0, 30.0))


def keyboard(rng: np.random.Generator, size: int) -> np.ndarray:
    """Rows of keys with signs, some wider than others."""
    ground, key = random_colour(rng) * 0.6, random_colour(rng)
    image = np.full((size, size, 3), ground, np.uint8)
    ink = (20.0,) * 3 if key.mean() > 110 else (235.0,) * 3
    rows = int(rng.integers(5, 10))
    high = size / rows
    gap = max(1, int(high * rng.uniform(0.04, 0.15)))
    for row in range(rows):
        left = -high * rng.random()
        while left < size:
            wide = high * (1 if rng.random() < 0.8 else rng.uniform(1.3, 4))
            a, b = (
                (int(left) + gap, int(row * high) + gap),
                (int(left + wide) - gap, int((row + 1) * high) - gap),
            )
            colour = tuple(float(v) for v in (key * rng.uniform(0.95, 1.03)).clip(0, 255))
            cv2.rectangle(image, a, b, colour, -1, cv2.LINE_AA)
            sign = str(rng.choice(list(string.ascii_uppercase + string.digits)))
            cv2.putText(
                image, sign, (a[0] + gap, int(b[1] - high / 3)), 0, high / 70, ink, 1, cv2.LINE_AA
            )
            left += wide
    return image


def newspaper(rng: np.random.Generator, size: int) -> np.ndarray:
    """Columns of small print, headlines and grey pictures."""
    image = np.full((size, size, 3), rng.uniform(190, 250) * np.array([1, 0.99, 0.95]), np.uint8)
    columns = int(rng.integers(2, 5))
    wide = size // columns
    ink = float(rng.uniform(10, 80))
    for column in range(columns):
        y = 0.0
        while y < size:
            kind, left = rng.random(), column * wide + 3
            if kind < 0.12:
                high = int(rng.uniform(0.15, 0.35) * size)
                picture = cv2.resize(
                    random_texture(rng, (print_of_shapes, marble, text), 64), (wide - 6, high)
                )
                room = image[int(y) : int(y) + high, left : left + wide - 6]
                room[:] = picture[: room.shape[0], : room.shape[1]]
                y += high + 4
                continue
            scale = (rng.uniform(0.7, 1.3) if kind < 0.25 else rng.uniform(0.22, 0.3)) * size / 256
            for _ in range(1 if kind < 0.25 else int(rng.integers(4, 14))):
                y += 26 * scale
                words = "".join(
                    rng.choice(list(string.ascii_letters + "     "), int(wide / (17 * scale)))
                )
                weight = 2 if kind < 0.25 else 1
                cv2.putText(image, words, (left, int(y)), 2, scale, (ink,) * 3, weight, cv2.LINE_AA)
            y += 12 * scale
    return image


def plaid(rng: np.random.Generator, size: int) -> np.ndarray:
    """Stripes of several colours in one direction or two, woven."""
    image = np.full((size, size, 3), random_colour(rng), np.float32)
    for axis in range(2 if rng.random() < 0.7 else 1):
        for _ in range(int(rng.integers(2, 7))):
            place, wide = int(rng.integers(size)), int(rng.integers(2, size // 5))
            area = np.s_[place : place + wide] if axis == 0 else np.s_[:, place : place + wide]
            image[area] += rng.uniform(0.3, 0.9) * (random_colour(rng) - image[area])
    thread = 1 + 0.12 * np.sin(np.arange(size) * rng.uniform(0.5, 2.5))
    return (image * thread[:, None, None] * thread[None, :, None]).clip(0, 255).astype(np.uint8)


def repeated(rng: np.random.Generator, size: int) -> np.ndarray:
    """A printed cloth: one small figure again and again."""
    cell = int(size / rng.integers(2, 9))
    unit = np.full((cell, cell, 3), random_colour(rng), np.uint8)
    centre = np.array([cell / 2, cell / 2])
    petals = int(rng.integers(3, 9))
    for _ in range(int(rng.integers(1, 4))):
        angle = np.linspace(0, 2 * np.pi, 40)
        radius = cell * rng.uniform(0.12, 0.45) * (1 + rng.uniform(0, 0.6) * np.cos(petals * angle))
        points = centre + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        cv2.fillPoly(unit, [points.astype(np.int32)], _ink(rng), cv2.LINE_AA)
    rows = [
        np.roll(np.tile(unit, (1, size // cell + 2, 1)), (row % 2) * (cell // 2), axis=1)
        for row in range(size // cell + 1)
    ]
    return np.ascontiguousarray(np.vstack(rows)[:size, :size])


def poster(rng: np.random.Generator, size: int) -> np.ndarray:
    """Large soft and hard shapes of many colours, pictures within pictures, words."""
    first, second = random_colour(rng), random_colour(rng)
    image = mix(fractal(rng, size), first, second)
    for _ in range(int(rng.integers(4, 16))):
        kind = rng.random()
        centre = tuple(int(value) for value in rng.integers(0, size, 2))
        if kind < 0.4:
            axes = tuple(int(value) for value in rng.integers(4, size // 3, 2))
            cv2.ellipse(
                image, (centre, axes, float(rng.uniform(0, 180))), _ink(rng), -1, cv2.LINE_AA
            )
        elif kind < 0.6:
            corners = rng.integers(0, size, (int(rng.integers(3, 7)), 2)).astype(np.int32)
            cv2.fillPoly(image, [corners], _ink(rng), cv2.LINE_AA)
        elif kind < 0.8:
            w, h = (int(value) for value in rng.integers(size // 8, size // 2, 2))
            inset = random_texture(rng, (*SURFACES, print_of_shapes), 96)
            room = image[centre[1] : centre[1] + h, centre[0] : centre[0] + w]
            room[:] = cv2.resize(inset, (w, h))[: room.shape[0], : room.shape[1]]
        else:
            words = "".join(rng.choice(list(string.ascii_letters), int(rng.integers(2, 10))))
            scale = rng.uniform(0.4, 3) * size / 256
            cv2.putText(
                image, words, centre, int(rng.integers(8)), scale, _ink(rng), 2, cv2.LINE_AA
            )
    return image


def pebbles(rng: np.random.Generator, size: int) -> np.ndarray:
    """Cells of many shades: terrazzo, mosaic, gravel."""
    count = int(rng.integers(15, 250))
    points = rng.random((count, 2)) * size
    seeds = np.zeros((size, size), np.uint8) + 255
    for x, y in points.astype(int):
        seeds[y, x] = 0
    far, labels = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5)
    first, second = random_colour(rng), random_colour(rng)
    share = rng.random(int(labels.max()) + 1).astype(np.float32)[labels]
    image = mix(share, first, second).astype(np.float32)
    fall = np.clip(far / max(float(far.max()), 1) * 1.6, 0, 1) ** 2
    return (image * (1 - rng.uniform(0, 0.7) * fall[..., None])).clip(0, 255).astype(np.uint8)


DESKS: tuple[Texture, ...] = (
    grained,
    grained,
    tiles,
    keyboard,
    newspaper,
    plaid,
    repeated,
    poster,
    poster,
    pebbles,
    marble,
)
