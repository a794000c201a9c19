"""The door between images, which are BGR bytes, and networks, which want normalised RGB."""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np
import torch
from torch import Tensor


class Normalised(Protocol):
    """What says how its images are to be normalised: (pixel / 255 - mean) / std, RGB."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


def normalise(image: np.ndarray, network: Normalised) -> Tensor:
    """An (H, W, 3) uint8 BGR image as the (1, 3, H, W) float32 RGB batch that `network` wants."""
    pixels = cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.float32) / 255.0
    normalised = (pixels - np.array(network.mean, np.float32)) / np.array(network.std, np.float32)
    return torch.from_numpy(np.ascontiguousarray(normalised.transpose(2, 0, 1)))[None]
