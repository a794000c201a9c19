"""What a camera and a file format do to a picture. All functions take and give (H, W, 3) uint8."""

from __future__ import annotations

import cv2
import numpy as np


def degrade(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Colour, light, blur, noise and compression, each by chance."""
    image = _light(rng, _colour(rng, image))
    if rng.random() < 0.2:
        image = _small_and_large(rng, image)
    if rng.random() < 0.35:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.8))
    if rng.random() < 0.08:
        image = _shaken(rng, image)
    if rng.random() < 0.5:
        image = _noisy(rng, image)
    if rng.random() < 0.15:
        image = _salted(rng, image)
    if rng.random() < 0.5:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 95))]
        data = cv2.imencode(".jpg", image, quality)[1]
        image = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
    return image


def _colour(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    if rng.random() < 0.06:
        image = np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2)
    gain = rng.uniform(0.75, 1.3) * (1 + rng.normal(0, 0.07, 3))
    offset = rng.normal(0, 14)
    if rng.random() < 0.15:
        # Hazy: everything close to one grey.
        gain = gain * rng.uniform(0.35, 0.7)
        offset += rng.uniform(0, 110)
    levels = np.arange(256, dtype=np.float32)[:, None] / 255
    curve = 255 * levels ** np.exp(rng.normal(0, 0.2)) * gain + offset
    table = curve.clip(0, 255).astype(np.uint8)
    return cv2.LUT(image.astype(np.uint8), table[:, None])


def _light(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """A gradient over the picture, as from a window or a lamp."""
    if rng.random() > 0.35:
        return image
    corners = rng.uniform(0.55, 1.3, (2, 2)).astype(np.float32)
    field = cv2.resize(corners, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_CUBIC)
    return (image * field[..., None]).clip(0, 255).astype(np.uint8)


def _small_and_large(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    size = (image.shape[1], image.shape[0])
    share = rng.uniform(0.4, 0.85)
    small = cv2.resize(image, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)


def _shaken(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    length = int(rng.integers(3, 9))
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1 / length
    turn = cv2.getRotationMatrix2D((length / 2 - 0.5, length / 2 - 0.5), rng.uniform(0, 180), 1)
    turned = cv2.warpAffine(kernel, turn, (length, length))
    weights = np.asarray(turned, np.float32)
    return cv2.filter2D(image, -1, weights / max(float(weights.sum()), 1e-6))


def _noisy(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    sigma = rng.uniform(1, 16)
    noise = np.empty(image.shape, np.int16)
    cv2.setRNGSeed(int(rng.integers(2**31 - 1)))
    # One value a channel: a plain number would reach the first channel alone.
    cv2.randn(noise, np.zeros(3), np.full(3, sigma))
    return cv2.add(image, noise, dtype=cv2.CV_8U)


def _salted(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    share = rng.uniform(0.002, 0.05)
    chance = rng.random(image.shape[:2], dtype=np.float32)
    image = image.copy()
    image[chance < share / 2] = 0
    image[chance > 1 - share / 2] = 255
    return image
