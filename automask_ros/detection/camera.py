"""What light, lens and sensor do to a picture; all ``(H, W, 3) uint8 BGR`` in and out."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from automask_ros.types import BGRImage


def relight(
    rng: np.random.Generator, image: BGRImage, strength: float, tint: float = 0.06
) -> BGRImage:
    """Another brightness, gamma, saturation and colour of light; `strength` 1 changes it a lot."""
    gain = float(np.exp(rng.normal(0, 0.22 * strength)))
    gamma = float(np.exp(rng.normal(0, 0.18 * strength)))
    channels = gain * np.exp(rng.normal(0, tint * strength, 3))
    levels = (np.arange(256) / 255.0) ** gamma
    table = np.clip(255 * levels[:, None] * channels, 0, 255).astype(np.uint8)
    lit = cv2.LUT(image, np.ascontiguousarray(table[None]))
    saturation = float(np.clip(1 + rng.normal(0, 0.15 * strength), 0.5, 1.5))
    grey = cv2.cvtColor(cv2.cvtColor(lit, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    return np.asarray(cv2.addWeighted(lit, saturation, grey, 1 - saturation, 0), np.uint8)


def shade(rng: np.random.Generator, image: BGRImage, strength: float = 0.35) -> BGRImage:
    """Light that falls from one side: a ramp of brightness in a random direction."""
    height, width = image.shape[:2]
    angle = rng.uniform(0, 2 * np.pi)
    across = np.linspace(-1, 1, width, dtype=np.float32) * np.cos(angle)
    down = np.linspace(-1, 1, height, dtype=np.float32) * np.sin(angle)
    ramp = 1 + rng.uniform(0, strength) * (across[None] + down[:, None])
    return np.clip(image * ramp[..., None], 0, 255).astype(np.uint8)


def blur(rng: np.random.Generator, image: BGRImage, largest: float) -> BGRImage:
    """Out of focus, or moved: a Gaussian or a line of up to `largest` pixels."""
    if rng.random() < 0.65:
        sigma = float(rng.uniform(0.2, largest))
        return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)
    length = 2 * int(rng.integers(1, max(2, round(largest * 2)))) + 1
    kernel = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, np.pi)
    for offset in np.linspace(-(length // 2), length // 2, 4 * length):
        row = round(length // 2 + offset * np.sin(angle))
        column = round(length // 2 + offset * np.cos(angle))
        kernel[row, column] = 1
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)


class Sensor:
    """Noise and compression. The noise is drawn once and looked at through random windows."""

    _TILE = 1024

    def __init__(self, seed: int) -> None:
        tile = np.random.default_rng(seed).normal(0, 1, (self._TILE, self._TILE, 3))
        self._noise: NDArray[np.float32] = tile.astype(np.float32)

    def __call__(self, rng: np.random.Generator, image: BGRImage) -> BGRImage:
        """`image` as a random sensor, sometimes through JPEG, would deliver it."""
        height, width = image.shape[:2]
        if rng.random() < 0.7 and max(height, width) < self._TILE:
            top = int(rng.integers(0, self._TILE - height))
            left = int(rng.integers(0, self._TILE - width))
            noise = self._noise[top : top + height, left : left + width]
            noisy = image + float(rng.uniform(0.5, 8)) * noise
            image = np.clip(noisy, 0, 255).astype(np.uint8)
        if rng.random() < 0.3:
            quality = [int(cv2.IMWRITE_JPEG_QUALITY), int(rng.integers(45, 95))]
            encoded = cv2.imencode(".jpg", image, quality)[1]
            image = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
        return image
