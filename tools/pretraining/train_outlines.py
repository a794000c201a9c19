"""Trains the masks of the embedded lite Mask R-CNN: the mask head and its outline, nothing else.

    python train_outlines.py --data DATA --work WORK --start EARLIER.safetensors --out NEW

Backbone, pyramid, proposals and boxes stay as they are, so a picture is looked at once, without
gradients, and the masks learn in windows around its true boxes. Stops and goes on as
train_mask_rcnn.py does.
"""

from __future__ import annotations

import argparse
import copy
from pathlib import Path

import numpy as np
import torch
import training_run
from mask_rcnn_samples import to_tensors, without_specks
from pictures import Pictures, read_scene
from torch import Tensor
from torch.nn import functional
from torchvision.models.detection import MaskRCNN
from torchvision.ops import roi_align
from train_mask_rcnn import from_earlier, save_and_measure, scene_batches

from automask_ros.detection.folding import folded
from automask_ros.detection.roi_heads import window
from automask_ros.segmentation.fcn_training import (
    Batches,
    FcnTrainConfig,
    Trainer,
    segmentation_loss,
)

LEARNING = ("roi_heads.mask_head", "roi_heads.mask_predictor")
# Corners of a box are off by so much of its sides, as the box head leaves them.
SHIFT = 0.04
MASKS = 14  # of a picture, by lot
SIZE = 28
OBJECT = 1


def main() -> None:
    """Reads the options and trains."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--start", type=Path, required=True, help="a lite Mask R-CNN")
    training_run.add_options(parser, iterations=2000, learning_rate=6e-4, batch_size=4, seed=11)
    options = parser.parse_args()
    training_run.set_up(options)
    config = FcnTrainConfig(
        iterations=options.iterations, learning_rate=options.learning_rate, save_seconds=600
    )
    model = from_earlier(options.start)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith(LEARNING))
    _train(model, config, options)


def _train(model: MaskRCNN, config: FcnTrainConfig, options: argparse.Namespace) -> None:
    backbone = folded(model.backbone).to(memory_format=torch.channels_last).eval()

    def loss(images: list[Tensor], targets: list[dict[str, Tensor]]) -> Tensor:
        return torch.stack(
            [_loss(model, backbone, *pair) for pair in zip(images, targets, strict=True)]
        ).mean()

    trainer = Trainer(model, model.backbone, config, loss)

    def batches(pictures: Pictures, start: int) -> Batches:
        return scene_batches(pictures, options, start)

    def save(pictures: Pictures) -> str:
        averaged = copy.deepcopy(model)
        averaged.load_state_dict(trainer.averaged_state())
        found = save_and_measure(averaged, pictures, options.out)
        return f"{found}, IoU in true boxes {mean_iou(averaged, backbone, pictures):.4f}"

    training_run.run(trainer, options, "outlines", batches=batches, save=save)


def _loss(
    model: MaskRCNN, backbone: torch.nn.Module, image: Tensor, target: dict[str, Tensor]
) -> Tensor:
    rows = torch.randperm(len(target["boxes"]))[:MASKS]
    boxes = target["boxes"][rows]
    sides = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
    windows = window(boxes + SHIFT * sides * torch.randn(boxes.shape))
    wanted = _at(windows, target["masks"][rows])
    return segmentation_loss(_logits(model, backbone, image, windows), wanted, 0.0)


def _logits(model: MaskRCNN, backbone: torch.nn.Module, image: Tensor, windows: Tensor) -> Tensor:
    """Of the masks in `windows` ``(N, 4)``: ``(N, 1, 28, 28)``."""
    with torch.no_grad():
        pixels = (image[None] - 0.5) / 0.5
        height, width = image.shape[1:]
        pixels = functional.pad(pixels, (0, -width % 32, 0, -height % 32))
        features = backbone(pixels.to(memory_format=torch.channels_last))
        seen = model.roi_heads.mask_roi_pool(features, [windows], [(height, width)])
    logits = model.roi_heads.mask_predictor(model.roi_heads.mask_head(seen))
    return logits[:, OBJECT : OBJECT + 1]


def _at(windows: Tensor, masks: Tensor) -> Tensor:
    """What of each mask ``(N, H, W)`` lies in its window, as shares: ``(N, 1, 28, 28)``."""
    numbered = torch.cat([torch.arange(len(windows))[:, None].float(), windows], 1)
    return roi_align(masks[:, None].float(), numbered, (SIZE, SIZE), 1.0, -1, False)


@torch.no_grad()
def mean_iou(model: MaskRCNN, backbone: torch.nn.Module, pictures: Pictures) -> float:
    """Of the masks in windows around the true boxes, in 28 x 28 cells, over 40 crowds."""
    overlaps = []
    for path in pictures.held_out("crowd")[:40]:
        image, target = to_tensors(*_scene(path))
        if not len(target["boxes"]):
            continue
        windows = window(target["boxes"])
        found = _logits(model, backbone, image, windows) > 0
        wanted = _at(windows, target["masks"]) > 0.5
        both, either = (found & wanted).sum((1, 2, 3)), (found | wanted).sum((1, 2, 3))
        overlaps += (both / either.clamp(min=1)).tolist()
    return float(np.mean(overlaps))


def _scene(path: Path) -> tuple[np.ndarray, np.ndarray]:
    image, ids = read_scene(path)
    return image, without_specks(ids)


if __name__ == "__main__":
    main()
