"""Outlines: fine features are sampled where the window lies, and sharpen what the head found."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from torchvision.models.detection.mask_rcnn import MaskRCNNPredictor
from torchvision.ops import MultiScaleRoIAlign

from automask_ros.detection.base_models import load_base_model
from automask_ros.detection.composites import boxes_of
from automask_ros.detection.graph import DetectionGraph
from automask_ros.detection.outlines import (
    FINE_CHANNELS,
    FINE_LEVEL,
    FINE_STRIDE,
    MaskPool,
    MaskPredictor,
    Outline,
)
from automask_ros.detection.pasting import paste_mask
from automask_ros.detection.roi_heads import window
from automask_ros.library.coco import annotation_mask, read_coco
from automask_ros.library.recording import Recording
from automask_ros.segmentation.evaluation import mask_iou

SAMPLE = Path(__file__).parents[2] / "sample"


def test_fine_features_are_those_of_the_windows_own_cells() -> None:
    """A ramp says of each place where it is: cell centres must come back in pixels."""
    height, width = 96, 128
    columns = (torch.arange(width // FINE_STRIDE) + 0.5) * FINE_STRIDE
    rows = (torch.arange(height // FINE_STRIDE) + 0.5) * FINE_STRIDE
    fine = torch.zeros(1, FINE_CHANNELS, len(rows), len(columns))
    fine[:, 0], fine[:, 1] = columns[None, None], rows[None, :, None]
    features = {FINE_LEVEL: fine, "0": torch.zeros(1, 8, height // 4, width // 4)}
    pool = MaskPool(MultiScaleRoIAlign(["0"], output_size=14, sampling_ratio=2))
    box = torch.tensor([[20.0, 10.0, 104.0, 66.0]])
    seen, sampled = pool(features, [box], [(height, width)])
    assert seen.shape == (1, 8, 14, 14)
    assert sampled.shape == (1, FINE_CHANNELS, 56, 56)
    cells = (torch.arange(56) + 0.5) / 56
    # RoIAlign of torchvision's Mask R-CNN takes a pixel's value as that of its corner.
    shift = FINE_STRIDE / 2
    assert torch.allclose(sampled[0, 0, 30], 20 + 84 * cells + shift, atol=0.1)
    assert torch.allclose(sampled[0, 1, :, 30], 10 + 56 * cells + shift, atol=0.1)


def test_a_fresh_outline_adds_nothing() -> None:
    torch.manual_seed(0)
    ours = MaskPredictor(8, 8, 3)
    plain = MaskRCNNPredictor(8, 8, 3)
    plain.load_state_dict({n: t for n, t in ours.state_dict().items() if "outline" not in n})
    seen, fine = torch.randn(2, 8, 14, 14), torch.randn(2, FINE_CHANNELS, 56, 56)
    assert torch.equal(ours((seen, fine)), plain(seen))


def test_an_outline_learns_edges_that_the_head_does_not_see() -> None:
    """Discs of which the coarse features know the place but not the size."""
    torch.manual_seed(0)

    def discs(count: int, cells: int, radii: torch.Tensor) -> torch.Tensor:
        at = (torch.arange(cells) + 0.5) / cells - 0.5
        distance = (at[None, :] ** 2 + at[:, None] ** 2).sqrt()
        return (distance[None, None] < radii.view(count, 1, 1, 1)).float()

    def batch(count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        radii = 0.2 + 0.2 * torch.rand(count)
        fine = discs(count, 56, radii).repeat(1, FINE_CHANNELS, 1, 1)
        coarse = discs(count, 28, torch.full((count,), 0.3)).repeat(1, 8, 1, 1)
        return coarse, fine, discs(count, 28, radii)

    def overlap(found: torch.Tensor, wanted: torch.Tensor) -> float:
        both, either = (found & wanted).sum((1, 2, 3)), (found | wanted).sum((1, 2, 3))
        return float((both / either).mean())

    outline = Outline(8)
    optimiser = torch.optim.Adam(outline.parameters(), 3e-3)
    for _ in range(60):
        coarse, fine, wanted = batch(8)
        loss = functional.binary_cross_entropy_with_logits(
            outline(coarse, fine) + 4 * coarse[:, :1] - 2, wanted
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    coarse, fine, wanted = batch(32)
    before = overlap(coarse[:, :1] > 0.5, wanted > 0.5)
    after = overlap(outline(coarse, fine) + 4 * coarse[:, :1] - 2 > 0, wanted > 0.5)
    assert before < 0.8
    assert after > 0.95


def test_the_embedded_weights_outline_objects_that_they_never_saw() -> None:
    """In the true boxes of every eleventh of the sample's scenes. Before they had outlines of their
    own, the weights reached 0.84 there."""
    model, _ = load_base_model("lite", {"object": 1})
    graph = DetectionGraph(model).eval()
    truth = read_coco(SAMPLE / "scenes.json")
    overlaps = []
    frames = zip(truth.images.values(), Recording(SAMPLE / "scenes"), strict=True)
    for entry, frame in islice(frames, 0, None, 11):
        there = [each for each in truth.by_image[entry.id] if not each.iscrowd]
        wanted = [annotation_mask(each, entry) for each in there]
        windows = window(torch.from_numpy(boxes_of(np.stack(wanted))))
        with torch.inference_mode():
            features, _, size = graph.look(torch.from_numpy(frame.image))
            classes = torch.ones(len(windows), dtype=torch.int64)
            found = graph._masks(features, windows, classes, size)
        for mask, box, true in zip(found.numpy(), windows.numpy(), wanted, strict=True):
            placed = paste_mask(mask, box, true.shape)
            drawn = np.zeros_like(true)
            drawn[placed.window] = placed.pixels
            overlaps.append(mask_iou(drawn, true))
    assert len(overlaps) > 15
    assert np.mean(overlaps) > 0.88
