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

import mask_rcnn_samples
import torch
import training_run
from measuring import held_out_ap
from pictures import Pictures
from torch import Tensor, nn
from torchvision.models.detection import MaskRCNN

from automask_ros.detection.base_models import (
    CLASS_AGNOSTIC,
    load_checkpoint,
    save_checkpoint,
)
from automask_ros.detection.folding import folded
from automask_ros.detection.mask_rcnn import LITE_IMAGE_SIZE, build_lite
from automask_ros.segmentation.fcn import load_fcn
from automask_ros.segmentation.fcn_training import Batches, FcnTrainConfig, Trainer

# Edges and corners, which ImageNet taught and the FCN kept: learning them again only costs time.
FROZEN = ("conv_stem", "bn1", "blocks.0", "blocks.1", "blocks.2")
# The backbone ends in linear layers whose outputs spread over about 5; this brings them to about 1.
FEATURE_SCALE = 0.2


def main() -> None:
    """Reads the options and trains."""
    parser = argparse.ArgumentParser(description=__doc__)
    begin = parser.add_mutually_exclusive_group(required=True)
    begin.add_argument("--fcn", type=Path, help="the lite FCN: trains from its backbone")
    begin.add_argument("--start", type=Path, help="a lite Mask R-CNN: trains on from it")
    training_run.add_options(parser, iterations=1800, learning_rate=5e-4, batch_size=2, seed=0)
    parser.add_argument("--freeze-backbone", action="store_true", help="learn all but it")
    options = parser.parse_args()
    training_run.set_up(options)
    config = FcnTrainConfig(
        iterations=options.iterations,
        learning_rate=options.learning_rate,
        backbone_share=0.2,
        save_seconds=400,
    )
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
    def batches(pictures: Pictures, start: int) -> Batches:
        return scene_batches(pictures, options, start)

    def save(pictures: Pictures) -> str:
        averaged = copy.deepcopy(trainer.model)
        averaged.load_state_dict(trainer.averaged_state())
        if options.freeze_backbone:
            averaged.backbone.body = plain_body
        return save_and_measure(averaged, pictures, options.out)

    training_run.run(trainer, options, "mask_rcnn", batches=batches, save=save)


def scene_batches(pictures: Pictures, options: argparse.Namespace, start: int) -> Batches:
    """Pictures of the network's size with every thing as an instance, from a step on."""
    size, seed = LITE_IMAGE_SIZE, options.seed
    return mask_rcnn_samples.batches(
        pictures, batch_size=options.batch_size, size=size, seed=seed, start=start
    )


def save_and_measure(model: MaskRCNN, pictures: Pictures, out: Path) -> str:
    """Write the start weights; how well they find things in held-out clutter, in words."""
    save_checkpoint(
        model, out, architecture="lite", labels={CLASS_AGNOSTIC: 1}, image_size=LITE_IMAGE_SIZE
    )
    figures = held_out_ap(model.eval(), pictures, limit=20)
    return "held-out mask AP50 {:.4f} AP {:.4f}".format(*figures)


if __name__ == "__main__":
    main()
