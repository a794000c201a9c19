"""What a network says of an image of any size, pixel by pixel."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch

from automask_ros.segmentation.normalisation import normalise


def predict_logits(network: Any, image: np.ndarray, input_size: int) -> np.ndarray:
    """(H, W) float32 logits of "object" for an image (H, W, 3) uint8 BGR.

    `network` has `mean`, `std` and `object_logits(images)`; it sees the image with its longer side
    at `input_size` pixels.
    """
    height, width = image.shape[:2]
    scale = input_size / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    interpolation = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
    resized = cv2.resize(image, size, interpolation=interpolation)
    device = next(network.parameters()).device
    with torch.inference_mode():
        logits = network.object_logits(normalise(resized, network).to(device))
        pixels = logits[0, 0].float().cpu().numpy()
    # Logits, not probabilities: then a boundary keeps its place between two pixels.
    full: np.ndarray = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR)
    return full


def to_probability(logits: np.ndarray) -> np.ndarray:
    """Logits as probabilities in 0..1."""
    probability: np.ndarray = 1.0 / (1.0 + np.exp(-logits))
    return probability
