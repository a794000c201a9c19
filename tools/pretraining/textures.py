"""Procedural surfaces: (size, size, 3) uint8 RGB, each from a random generator."""

from __future__ import annotations

import string
from collections.abc import Callable

import cv2
import numpy as np

Texture = Callable[[np.random.Generator, int], np.ndarray]


def random_colour(rng: np.random.Generator) -> np.ndarray:
    """(3,) float in 0..255: half of them of any hue, the rest the greys, whites, blacks and
    browns of a house."""
    if rng.random() < 0.5:
        hsv = rng.integers([0, 40, 40], [180, 256, 256]).astype(np.uint8)[None, None]
        return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0].astype(float)
    grey = rng.choice([rng.uniform(200, 255), rng.uniform(0, 50), rng.uniform(60, 200)])
    return np.clip(grey * (1 + rng.normal(0, 0.06, 3) + np.array([0.04, 0, -0.06])), 0, 255)


def smooth_noise(
    rng: np.random.Generator, size: int, cells: int, stretch: float = 1.0
) -> np.ndarray:
    """(size, size) float32 in 0..1 with `cells` bumps across, `stretch` times as many along x."""
    shape = (max(2, cells), max(2, int(cells * stretch)))
    grid = rng.random(shape, dtype=np.float32)
    noise = cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC)
    return np.clip(noise, 0, 1)


def fractal(rng: np.random.Generator, size: int, stretch: float = 1.0) -> np.ndarray:
    """(size, size) float32 in 0..1: noise at several scales."""
    total = np.zeros((size, size), np.float32)
    for octave in range(2, 7):
        total += smooth_noise(rng, size, 2**octave, stretch) / 2 ** (octave - 1)
    return stretched(total)


def stretched(values: np.ndarray) -> np.ndarray:
    """The same values brought to 0..1."""
    low, high = values.min(), values.max()
    return (values - low) / max(float(high - low), 1e-6)


def mix(weight: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """`first` where the (H, W) weight is 0, `second` where it is 1."""
    return (first + weight[..., None] * (second - first)).clip(0, 255).astype(np.uint8)


def plain(rng: np.random.Generator, size: int) -> np.ndarray:
    colour = random_colour(rng)
    return mix(fractal(rng, size), colour, colour * rng.uniform(0.9, 1.1))


def wood(rng: np.random.Generator, size: int) -> np.ndarray:
    rings = fractal(rng, size, 0.08) * rng.uniform(4, 14)
    grain = 0.5 + 0.5 * np.sin(2 * np.pi * rings)
    fine = smooth_noise(rng, size, size // 3, 0.05)
    brown = np.array([rng.uniform(110, 225), rng.uniform(80, 170), rng.uniform(40, 120)])
    image = mix(0.6 * grain.astype(np.float32) + 0.4 * fine, brown, brown * rng.uniform(0.5, 0.85))
    planks = int(rng.integers(0, 6))
    for edge in range(planks):
        cv2.line(image, (0, edge * size // planks), (size, edge * size // planks), (40, 28, 18), 1)
    return image


def marble(rng: np.random.Generator, size: int) -> np.ndarray:
    veins = np.abs(np.sin(2 * np.pi * (fractal(rng, size) * rng.uniform(2, 5)))) ** rng.uniform(
        0.1, 0.5
    )
    base = random_colour(rng)
    return mix(veins.astype(np.float32), np.clip(base * 0.6, 0, 255), base)


def granite(rng: np.random.Generator, size: int) -> np.ndarray:
    speckle = rng.random((size, size), dtype=np.float32)
    speckle = np.asarray(cv2.GaussianBlur(speckle, (0, 0), rng.uniform(0.6, 2.5)))
    return mix(stretched(speckle), random_colour(rng), random_colour(rng))


def cloth(rng: np.random.Generator, size: int) -> np.ndarray:
    x, y = np.meshgrid(np.arange(size), np.arange(size))
    step = rng.uniform(2, 8)
    weave = 0.5 + 0.25 * np.sin(2 * np.pi * x / step) + 0.25 * np.sin(2 * np.pi * y / step)
    weave = 0.7 * weave.astype(np.float32) + 0.3 * fractal(rng, size)
    colour = random_colour(rng)
    return mix(weave, colour * rng.uniform(0.6, 0.9), colour)


def checker(rng: np.random.Generator, size: int) -> np.ndarray:
    cells = int(rng.integers(3, 24))
    x, y = np.meshgrid(np.arange(size) * cells // size, np.arange(size) * cells // size)
    kind = rng.integers(3)
    pattern = (x + y) % 2 if kind == 0 else (x % 2 if kind == 1 else ((x % 2) | (y % 2)))
    return mix(pattern.astype(np.float32), random_colour(rng), random_colour(rng))


def dots(rng: np.random.Generator, size: int) -> np.ndarray:
    image = plain(rng, size)
    for _ in range(int(rng.integers(8, 80))):
        centre = tuple(int(value) for value in rng.integers(0, size, 2))
        colour = tuple(float(value) for value in random_colour(rng))
        cv2.circle(image, centre, int(rng.integers(2, size // 8)), colour, -1, cv2.LINE_AA)
    return image


def text(rng: np.random.Generator, size: int) -> np.ndarray:
    """Printed words, as on labels, cards and newspapers."""
    image = plain(rng, size)
    letters = np.array(list(string.ascii_letters + string.digits + "  "))
    ink = tuple(float(value) for value in random_colour(rng))
    scale = rng.uniform(0.3, 2.5) * size / 256
    y = 0.0
    while y < size:
        y += 30 * scale * rng.uniform(1.0, 1.4)
        words = "".join(rng.choice(letters, int(rng.integers(3, 40))))
        place = (int(rng.uniform(-0.1, 0.4) * size), int(y))
        font = int(rng.integers(0, 8))
        cv2.putText(image, words, place, font, scale, ink, max(1, int(2 * scale)), cv2.LINE_AA)
    return image


def print_of_shapes(rng: np.random.Generator, size: int) -> np.ndarray:
    """Bands, discs and polygons, as on packages."""
    image = plain(rng, size)
    for _ in range(int(rng.integers(2, 8))):
        colour = tuple(float(value) for value in random_colour(rng))
        corners = rng.integers(0, size, (int(rng.integers(3, 6)), 2)).astype(np.int32)
        if rng.random() < 0.4:
            top = int(rng.integers(0, size))
            cv2.rectangle(
                image, (0, top), (size, top + int(rng.integers(4, size // 3))), colour, -1
            )
        else:
            cv2.fillPoly(image, [corners], colour, cv2.LINE_AA)
    if rng.random() < 0.6:
        words = "".join(rng.choice(list(string.ascii_uppercase), int(rng.integers(3, 9))))
        ink = tuple(float(value) for value in random_colour(rng))
        place = (size // 10, int(rng.uniform(0.3, 0.9) * size))
        cv2.putText(image, words, place, 4, size / 200, ink, max(2, size // 60), cv2.LINE_AA)
    return image


SURFACES: tuple[Texture, ...] = (plain, wood, wood, marble, granite, cloth, cloth, checker, text)
PRINTS: tuple[Texture, ...] = (
    plain,
    plain,
    checker,
    dots,
    text,
    print_of_shapes,
    print_of_shapes,
    marble,
)


def random_texture(
    rng: np.random.Generator, kinds: tuple[Texture, ...], size: int = 256
) -> np.ndarray:
    """One of `kinds`."""
    return kinds[int(rng.integers(len(kinds)))](rng, size)


def relief(rng: np.random.Generator, size: int) -> np.ndarray:
    """Embossed figures, rims and letters in one grey, lit from a side, as on struck metal."""
    drawn = np.zeros((size, size), np.uint8)
    for _ in range(int(rng.integers(3, 12))):
        centre = tuple(int(value) for value in rng.integers(size // 6, size * 5 // 6, 2))
        axes = tuple(int(value) for value in rng.integers(size // 30, size // 4, 2))
        angle = float(rng.uniform(0, 180))
        cv2.ellipse(drawn, (centre, axes, angle), float(rng.integers(256)), -1)
    for share in rng.uniform(0.3, 0.49, int(rng.integers(0, 4))):
        cv2.circle(drawn, (size // 2, size // 2), int(share * size), 255.0, int(rng.integers(1, 5)))
    letters = "".join(rng.choice(list(string.ascii_uppercase + string.digits), 4))
    place = (size // 4, int(rng.uniform(0.3, 0.8) * size))
    cv2.putText(drawn, letters, place, 3, size / 256, (255.0,), max(1, size // 80), cv2.LINE_AA)
    height = cv2.GaussianBlur(drawn.astype(np.float32) / 255, (0, 0), rng.uniform(0.8, 3))
    slope = cv2.Sobel(height, cv2.CV_32F, 1, 0) + cv2.Sobel(height, cv2.CV_32F, 0, 1)
    shade = 190 + rng.uniform(20, 160) * slope + 30 * (fractal(rng, size) - 0.5)
    return np.repeat(shade.clip(0, 255)[..., None], 3, axis=2).astype(np.uint8)
