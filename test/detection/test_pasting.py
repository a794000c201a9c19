"""Masks come back to the pixels they were sampled from."""

import numpy as np
import pytest
import torch
from torchvision.models.detection.roi_heads import paste_masks_in_image
from torchvision.ops import roi_align

from automask_ros.detection.pasting import fit_image, network_size, paste_mask
from automask_ros.detection.thresholds import iou


def blob(height: int = 240, width: int = 320) -> np.ndarray:
    """A bent shape, (H, W) bool."""
    rows, columns = np.mgrid[0:height, 0:width]
    ellipse = ((columns - 150) / 90.0) ** 2 + ((rows - 110) / 60.0) ** 2 < 1
    bite = (columns - 210) ** 2 + (rows - 100) ** 2 < 30**2
    return ellipse & ~bite


def sampled(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """28x28 as torchvision samples a mask target, and its box."""
    rows, columns = np.where(mask.any(1))[0], np.where(mask.any(0))[0]
    box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)
    roi = torch.tensor([[0.0, *box.tolist()]])
    target = roi_align(torch.from_numpy(mask)[None, None].float(), roi, (28, 28), 1.0)
    return target[0, 0].numpy(), box


def test_pasting_inverts_the_sampling_better_than_torchvision() -> None:
    mask = blob()
    probability, box = sampled(mask)
    placed = paste_mask(probability, box, (240, 320))
    ours = np.zeros_like(mask)
    ours[placed.window] = placed.pixels
    theirs = paste_masks_in_image(
        torch.from_numpy(probability)[None, None], torch.from_numpy(box)[None], (240, 320)
    )[0, 0].numpy()
    assert iou(ours, mask) > 0.985
    assert iou(ours, mask) > iou(theirs > 0.5, mask)
    assert iou(ours, theirs > 0.5) > 0.97
    assert placed.pixels.size < 1.2 * (box[2] - box[0]) * (box[3] - box[1])


@pytest.mark.parametrize("scale", [2.0, 0.5])
def test_masks_follow_the_image_to_its_own_size(scale: float) -> None:
    mask = blob()
    probability, box = sampled(mask)
    size = (int(240 * scale), int(320 * scale))
    placed = paste_mask(probability, box * np.float32(scale), size, (scale, scale))
    ours = np.zeros(size, bool)
    ours[placed.window] = placed.pixels
    if scale > 1:
        expected = np.kron(mask, np.ones((2, 2), bool))
    else:
        expected = mask.reshape(120, 2, 160, 2).mean((1, 3)) > 0.5
    assert iou(ours, expected) > 0.975


def test_masks_at_the_border_are_clipped_and_outside_are_empty() -> None:
    full = np.ones((28, 28), np.float32)
    placed = paste_mask(full, np.array([-20, -10, 30, 20], np.float32), (100, 120))
    assert (placed.top, placed.left) == (0, 0)
    assert placed.pixels[:20, :30].all()
    assert placed.pixels.sum() == pytest.approx(600, abs=60)
    outside = paste_mask(full, np.array([300, 10, 340, 40], np.float32), (100, 120))
    assert outside.pixels.size == 0


def test_network_size_keeps_aspect_and_bounds() -> None:
    assert network_size(480, 640, 320) == (320, 427)
    assert network_size(1080, 1920, 320) == (320, 569)
    assert network_size(100, 1000, 320) == (58, 576)
    image = np.zeros((480, 640, 3), np.uint8)
    assert fit_image(image, 320).shape == (320, 427, 3)
    assert fit_image(image[:320, :427], 320).shape == (320, 427, 3)
