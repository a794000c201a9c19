"""Trains the embedded lite Mask R-CNN, class-agnostic, from the backbone of the lite FCN, or on
from earlier weights.

    python train_mask_rcnn.py --data DATA --work WORK --out lite_mask_rcnn.safetensors
        (--fcn lite_fcn.safetensors | --start EARLIER.safetensors)

The FCN's backbone has seen the same kind of pictures and saves this one the first part of the
way. Stops and goes on: WORK/mask_rcnn.safetensors holds the state; every save also writes the
averaged weights to --out.
"""

from __future__ import annotations

import argparse
import copy
import logging
from pathlib import Path

import cv2
import numpy as np
import torch
from mask_rcnn_samples import batches
from measuring import held_out_ap
from pictures import Pictures
from torch import Tensor, nn
from torchvision.models.detection import MaskRCNN
from train_fcn import add_planned_scenes, planned_scenes

from automask_ros.detection.base_models import (
    CLASS_AGNOSTIC,
    load_checkpoint,
    save_checkpoint,
)
from automask_ros.detection.folding import folded
from automask_ros.detection.mask_rcnn import LITE_IMAGE_SIZE, build_lite
from automask_ros.segmentation.fcn import load_fcn
from automask_ros.segmentation.fcn_training import FcnStep, FcnTrainConfig, Trainer

# Edges and corners, which ImageNet taught and the FCN kept: learning them again only costs time.
FROZEN = ("conv_stem", "bn1", "blocks.0", "blocks.1", "blocks.2")
# The backbone ends in linear layers whose outputs spread over about 5; this brings them to about 1.
FEATURE_SCALE = 0.2


def main() -> None:
    """Reads the options and trains."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    begin = parser.add_mutually_exclusive_group(required=True)
    begin.add_argument("--fcn", type=Path, help="the lite FCN: trains from its backbone")
    begin.add_argument("--start", type=Path, help="a lite Mask R-CNN: trains on from it")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--iterations", type=int, default=1800)
    parser.add_argument("--batch-size", type=int, default=2)
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--freeze-backbone", action="store_true", help="learn all but it")
    add_planned_scenes(parser)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    torch.manual_seed(options.seed)
    config = FcnTrainConfig(
        iterations=options.iterations,
        learning_rate=options.learning_rate,
        backbone_share=0.2,
        save_seconds=400,
    )
    options.work.mkdir(parents=True, exist_ok=True)
    model = from_earlier(options.start) if options.start else _from_fcn(options.fcn)
    for name, parameter in model.backbone.body.named_parameters():
        if options.freeze_backbone or name.startswith(FROZEN):
            parameter.requires_grad_(False)
    # Nothing here tells things apart, so what they look like has nothing to learn.
    model.roi_heads.box_predictor.appearance.requires_grad_(False)
    model = model.train().to(memory_format=torch.channels_last)
    plain_body = model.backbone.body
    if options.freeze_backbone:  # folded it takes half the time
        model.backbone.body = folded(plain_body)
    _train(_trainer(model, config), plain_body, options)


def _from_fcn(fcn: Path) -> MaskRCNN:
    """The network with the FCN's backbone."""
    model = build_lite(2)
    body = model.backbone.body
    known = load_fcn(str(fcn)).backbone.state_dict()
    body.load_state_dict({name: known[name] for name in body.state_dict()})
    # Small features and mask logits at first: else hundreds of steps do nothing but shrink them.
    with torch.no_grad():
        for block in model.backbone.fpn.inner_blocks:
            block[0].weight.mul_(FEATURE_SCALE)
        torch.nn.init.normal_(model.roi_heads.mask_predictor.mask_fcn_logits.weight, std=0.01)
    return model


def from_earlier(path: Path) -> MaskRCNN:
    """The network with what of the weights at `path` still fits it."""
    model = build_lite(2)
    own = model.state_dict()
    fits = {
        name: tensor
        for name, tensor in load_checkpoint(path).state.items()
        if name in own and own[name].shape == tensor.shape
    }
    logging.info("start anew: %s", ", ".join(sorted(own.keys() - fits.keys())) or "nothing")
    model.load_state_dict(own | fits)
    return model


def _trainer(model: MaskRCNN, config: FcnTrainConfig) -> Trainer:
    def loss(images: list[Tensor], targets: list[dict[str, Tensor]]) -> Tensor:
        return torch.stack(list(model(images, targets).values())).sum()

    return Trainer(model, model.backbone.body, config, loss)


def _train(trainer: Trainer, plain_body: nn.Module, options: argparse.Namespace) -> None:
    pictures = Pictures(options.data, planned_scenes(options))
    logging.info("trains on %s", pictures.counts())
    checkpoint = options.work / "mask_rcnn.safetensors"
    if checkpoint.exists():
        trainer.restore(checkpoint)
        logging.info("goes on from step %d", trainer.step)
    losses: list[float] = []

    def on_step(step: FcnStep) -> None:
        losses.append(step.loss)
        if step.step % 20 == 0:
            mean = float(np.mean(losses[-20:]))
            logging.info("step %d loss %.4f %.0f s", step.step, mean, step.seconds)
            with (options.work / "mask_rcnn.csv").open("a") as file:
                file.write(f"{step.step},{mean:.5f},{step.seconds:.1f}\n")

    def on_save() -> None:
        averaged = copy.deepcopy(trainer.model)
        averaged.load_state_dict(trainer.averaged_state())
        if options.freeze_backbone:
            averaged.backbone.body = plain_body
        save_checkpoint(
            averaged,
            options.out,
            architecture="lite",
            labels={CLASS_AGNOSTIC: 1},
            image_size=LITE_IMAGE_SIZE,
        )
        figures = held_out_ap(averaged.eval(), pictures, limit=20)
        logging.info("saved at step %d, held-out mask AP50 %.4f AP %.4f", trainer.step, *figures)

    stream = batches(
        pictures,
        batch_size=options.batch_size,
        size=LITE_IMAGE_SIZE,
        seed=options.seed,
        start=trainer.step,
    )
    trainer.run(stream, checkpoint=checkpoint, on_step=on_step, on_save=on_save)


if __name__ == "__main__":
    main()
