"""Trains the masks of the embedded lite Mask R-CNN: the mask head and its outline, nothing else.

    python train_outlines.py --data DATA --work WORK --start EARLIER.safetensors --out NEW

Backbone, pyramid, proposals and boxes stay as they are, so a picture is looked at once, without
gradients, and the masks learn in windows around its true boxes. Stops and goes on as
train_mask_rcnn.py does.
"""

from __future__ import annotations

import argparse
import copy
import logging
from pathlib import Path

import cv2
import numpy as np
import torch
from mask_rcnn_samples import batches, to_tensors, without_specks
from measuring import held_out_ap
from pictures import Pictures, read_scene
from torch import Tensor
from torch.nn import functional
from torchvision.models.detection import MaskRCNN
from torchvision.ops import roi_align
from train_fcn import add_planned_scenes, planned_scenes
from train_mask_rcnn import from_earlier

from automask_ros.detection.base_models import CLASS_AGNOSTIC, save_checkpoint
from automask_ros.detection.folding import folded
from automask_ros.detection.mask_rcnn import LITE_IMAGE_SIZE
from automask_ros.detection.roi_heads import window
from automask_ros.segmentation.fcn_training import (
    FcnStep,
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
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--start", type=Path, required=True, help="a lite Mask R-CNN")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--iterations", type=int, default=3000)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--learning-rate", type=float, default=6e-4)
    add_planned_scenes(parser)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    torch.manual_seed(options.seed)
    options.work.mkdir(parents=True, exist_ok=True)
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
    pictures = Pictures(options.data, planned_scenes(options))
    logging.info("trains on %s", pictures.counts())
    checkpoint = options.work / "outlines.safetensors"
    if checkpoint.exists():
        trainer.restore(checkpoint)
        logging.info("goes on from step %d", trainer.step)
    losses: list[float] = []

    def on_step(step: FcnStep) -> None:
        losses.append(step.loss)
        if step.step % 20 == 0:
            mean = float(np.mean(losses[-20:]))
            logging.info("step %d loss %.4f %.0f s", step.step, mean, step.seconds)

    def on_save() -> None:
        averaged = copy.deepcopy(model)
        averaged.load_state_dict(trainer.averaged_state())
        save_checkpoint(
            averaged,
            options.out,
            architecture="lite",
            labels={CLASS_AGNOSTIC: OBJECT},
            image_size=LITE_IMAGE_SIZE,
        )
        logging.info(
            "saved at step %d, held-out AP50 %.4f AP %.4f, IoU in true boxes %.4f, pictures %s",
            trainer.step,
            *held_out_ap(averaged.eval(), pictures, limit=20),
            _mean_iou(averaged, backbone, pictures),
            pictures.counts(),
        )

    stream = batches(
        pictures,
        batch_size=options.batch_size,
        size=LITE_IMAGE_SIZE,
        seed=options.seed,
        start=trainer.step,
    )
    trainer.run(stream, checkpoint=checkpoint, on_step=on_step, on_save=on_save)


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
def _mean_iou(model: MaskRCNN, backbone: torch.nn.Module, pictures: Pictures) -> float:
    """Of the masks in windows around the true boxes, in 28 x 28 cells, over 40 crowds."""
    overlaps = []
    for path in pictures.held_out("crowd")[:40]:
        image, target = to_tensors(*_first_ids(path))
        if not len(target["boxes"]):
            continue
        windows = window(target["boxes"])
        found = _logits(model, backbone, image, windows) > 0
        wanted = _at(windows, target["masks"]) > 0.5
        both, either = (found & wanted).sum((1, 2, 3)), (found | wanted).sum((1, 2, 3))
        overlaps += (both / either.clamp(min=1)).tolist()
    return float(np.mean(overlaps))


def _first_ids(path: Path) -> tuple[np.ndarray, np.ndarray]:
    image, ids = read_scene(path)
    return image, without_specks(ids)


if __name__ == "__main__":
    main()
