"""The camera's intrinsics and its sensor: linear light in, a webcam's 8-bit picture out."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

WIDTH, HEIGHT = 640, 480
FOCAL = 600.0  # pixels
CENTRE = ((WIDTH - 1) / 2, (HEIGHT - 1) / 2)  # pixel centres at whole numbers


def intrinsics() -> np.ndarray:
    """(3, 3) of a pinhole without distortion."""
    return np.array([[FOCAL, 0, CENTRE[0]], [0, FOCAL, CENTRE[1]], [0, 0, 1.0]])


def project(points: np.ndarray, world_from_camera: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """World points (N, 3) to pixels (N, 2) and depths (N,) in metres."""
    turn, position = world_from_camera[:3, :3], world_from_camera[:3, 3]
    local = (points - position) @ turn
    pixels = local[:, :2] / np.maximum(local[:, 2:], 1e-6) * FOCAL + CENTRE
    return pixels, local[:, 2]


@dataclass(frozen=True)
class Exposure:
    """How the sensor took one frame.

    stops: off the automatic exposure; red, blue: white balance gains left over;
    noise: 1 = a bright room; shake: length in pixels and direction in degrees of the blur by
    motion; softness: sigma of the lens in pixels.
    """

    stops: float
    red: float
    blue: float
    noise: float
    shake: tuple[float, float]
    softness: float


def _shake(image: np.ndarray, length: float, degrees: float) -> np.ndarray:
    if length < 0.3:
        return image
    half = int(np.ceil(length / 2)) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    step = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))]) * length / 2
    shift = 6
    ends = [tuple(int(round((half + sign * s) * (1 << shift))) for s in step) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1, cv2.LINE_8, shift)
    return cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)


def _lateral_colour(image: np.ndarray) -> np.ndarray:
    """Red a little larger and blue a little smaller than green: at most 0.4 px in the corners."""
    result = image.copy()
    for channel, zoom in ((0, 1.0009), (2, 0.9992)):
        matrix = np.float32([[zoom, 0, CENTRE[0] * (1 - zoom)], [0, zoom, CENTRE[1] * (1 - zoom)]])
        result[..., channel] = cv2.warpAffine(
            image[..., channel],
            matrix,
            (WIDTH, HEIGHT),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT,
        )
    return result


def _vignette() -> np.ndarray:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    tangent = ((x - CENTRE[0]) ** 2 + (y - CENTRE[1]) ** 2) / FOCAL**2
    return (1 / (1 + tangent) ** 1.4)[..., None]


def _bayer(image: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """One colour a pixel, shot and read noise, and back to three: (H, W, 3) linear RGB."""
    mosaic = image[..., 1].copy()
    mosaic[0::2, 0::2] = image[0::2, 0::2, 0]
    mosaic[1::2, 1::2] = image[1::2, 1::2, 2]
    sigma = np.sqrt(np.maximum(mosaic, 0) * 2.2e-4 * noise + (0.0022 * noise) ** 2)
    mosaic = mosaic + rng.standard_normal(mosaic.shape, dtype=np.float32) * sigma
    words = np.clip((mosaic + 0.02) * 48000, 0, 65535).astype(np.uint16)
    rgb = cv2.cvtColor(words, cv2.COLOR_BayerBG2RGB_EA)
    return rgb.astype(np.float32) / 48000 - 0.02


def _tone(image: np.ndarray) -> np.ndarray:
    """Soft shoulder over 0.8, then the sRGB curve."""
    image = np.maximum(image, 0)
    over = np.maximum(image - 0.8, 0)
    image = np.minimum(image, 0.8) + 0.2 * (1 - np.exp(-over / 0.25))
    return np.where(
        image <= 0.0031308, 12.92 * image, 1.055 * np.maximum(image, 1e-6) ** (1 / 2.4) - 0.055
    )


def expose(linear: np.ndarray, exposure: Exposure, rng: np.random.Generator) -> np.ndarray:
    """Linear RGB (H, W, 3) float32 to the camera's picture (H, W, 3) uint8 BGR."""
    light = np.clip(linear.astype(np.float32), 0, 50)
    luminance = light @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    metered = 0.6 * float(luminance.mean()) + 0.4 * float(luminance[120:360, 160:480].mean())
    light = light * (0.235 / max(metered, 1e-4)) * 2**exposure.stops
    light = light * np.array([exposure.red, 1.0, exposure.blue], np.float32)
    light = _lateral_colour(
        cv2.GaussianBlur(_shake(light, *exposure.shake), (0, 0), exposure.softness)
    )
    light = _bayer(light * _vignette(), exposure.noise, rng)
    picture = cv2.GaussianBlur(_tone(light).astype(np.float32), (0, 0), 0.45)
    picture = picture + 0.55 * (picture - cv2.GaussianBlur(picture, (0, 0), 1.1))
    return np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8)[..., ::-1].copy()
