"""Light from real places: the CC0 environment pictures of the npm package @pmndrs/assets."""

from __future__ import annotations

import base64
import re
import tempfile
from pathlib import Path

import cv2
import numpy as np
import OpenEXR


def read_environments(package: Path) -> list[np.ndarray]:
    """Every hdri/*.exr.js of the unpacked package: (256, 512, 3) float32 linear, median brought
    to 0.4."""
    return [_decode(path.read_text()) for path in sorted((package / "hdri").glob("*.exr.js"))]


def _decode(script: str) -> np.ndarray:
    match = re.search(r"base64,([A-Za-z0-9+/=]+)", script)
    if match is None:
        raise ValueError("no picture in the script")
    with tempfile.NamedTemporaryFile(suffix=".exr") as file:
        file.write(base64.b64decode(match.group(1)))
        file.flush()
        with OpenEXR.File(file.name) as picture:
            pixels = np.array(picture.channels()["RGB"].pixels, np.float32)
    return np.clip(pixels * 0.4 / max(float(np.median(pixels)), 1e-3), 0, 12)


def studio(rng: np.random.Generator) -> np.ndarray:
    """A made-up room: bright above, darker below, a few lamps and windows. (128, 256, 3) float32
    linear."""
    height, width = 128, 256
    fall = np.linspace(rng.uniform(0.5, 1.1), rng.uniform(0.1, 0.5), height, dtype=np.float32)
    tint = 1 + rng.normal(0, 0.06, 3)
    image = np.repeat(fall[:, None, None] * tint[None, None], width, axis=1).astype(np.float32)
    for _ in range(int(rng.integers(1, 6))):
        x, y = int(rng.integers(width)), int(rng.integers(0, height // 2))
        w, h = (int(value) for value in rng.integers(4, 40, 2))
        light = tuple(float(value) for value in rng.uniform(1.5, 8) * tint)
        cv2.rectangle(image, (x, y), (x + w, y + h), light, -1)
    return cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 4))
