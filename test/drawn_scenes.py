"""Small scenes drawn with OpenCV, with the true mask of the object that they show."""

import cv2
import numpy as np


def ellipse_mask(
    shape: tuple[int, int], centre: tuple[int, int], axes: tuple[int, int], angle: float = 0.0
) -> np.ndarray:
    """An ellipse as a mask (H, W) bool; `centre` is x, y and `axes` are half lengths."""
    pixels = np.zeros(shape, np.uint8)
    cv2.ellipse(pixels, centre, axes, angle, 0, 360, 1, -1)
    return pixels.astype(bool)


def cup_mask(shape: tuple[int, int] = (240, 320)) -> np.ndarray:
    """A cup seen from the side, with the hole of its handle open: (H, W) bool."""
    pixels = np.zeros(shape, np.uint8)
    cv2.ellipse(pixels, (205, 120), (34, 36), 0, 0, 360, 1, -1)
    cv2.ellipse(pixels, (205, 120), (22, 24), 0, 0, 360, 0, -1)
    cv2.rectangle(pixels, (110, 65), (195, 180), 1, -1)
    return pixels.astype(bool)


def soften(mask: np.ndarray, sigma: float = 3.0) -> np.ndarray:
    """What a network would say of a mask: (H, W) float32 in 0..1, blurred at its edge."""
    return cv2.GaussianBlur(mask.astype(np.float32), (0, 0), sigma)


def draw_scene(
    mask: np.ndarray, colour: tuple[int, int, int], seed: int, noise: float = 3.0
) -> np.ndarray:
    """An (H, W, 3) uint8 BGR image of an object `colour` with shading, on a wooden table."""
    random = np.random.default_rng(seed)
    height, width = mask.shape
    grain = cv2.GaussianBlur(random.normal(0, 60, (height, width)), (0, 0), 25, sigmaY=1.5)
    table = np.array([110, 150, 190]) + grain[..., None] * 2
    shading = np.broadcast_to(np.linspace(0.75, 1.15, width), mask.shape)
    shadow = 1 - 0.35 * cv2.GaussianBlur(np.roll(mask, (5, 8), (0, 1)).astype(float), (0, 0), 6)
    scene = table * shadow[..., None]
    scene[mask] = (np.array(colour) * shading[..., None])[mask]
    scene = cv2.GaussianBlur(scene, (0, 0), 0.8) + random.normal(0, noise, scene.shape)
    return np.clip(scene, 0, 255).astype(np.uint8)


def draw_red_and_dark(red: np.ndarray, dark: np.ndarray, seed: int) -> np.ndarray:
    """An (H, W, 3) uint8 BGR image of a red thing and, where they overlap before it, a dark one."""
    image = draw_scene(red | dark, (60, 60, 200), seed)
    image[dark] = draw_scene(dark, (50, 50, 50), seed)[dark]
    return image


def add_impulse_noise(image: np.ndarray, share: float, seed: int) -> np.ndarray:
    """The image with that share of its pixels black or white."""
    random = np.random.default_rng(seed)
    draw = random.random(image.shape[:2])
    noisy = image.copy()
    noisy[draw < share / 2] = 0
    noisy[draw > 1 - share / 2] = 255
    return noisy
