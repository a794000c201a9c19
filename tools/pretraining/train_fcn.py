"""Trains the embedded lite FCN from an ImageNet EfficientNet-Lite0, or on from earlier weights.

    python train_fcn.py --data DATA --work WORK --out lite_fcn.safetensors
        (--backbone efficientnet-lite0.pth | --start EARLIER.safetensors)

Stops and goes on: WORK/fcn.safetensors holds the state, and every save also writes the averaged
weights to --out. WORK/fcn.csv is the loss curve.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import torch
import training_run
from backbone import load_backbone, load_lite
from fcn_samples import prepared_batches, stands_out, to_tensors
from pictures import Pictures, read_scene
from torch import Tensor, nn

from automask_ros.segmentation.fcn import LiteFCN, save_fcn
from automask_ros.segmentation.fcn_training import (
    Batches,
    FcnTrainConfig,
    Trainer,
    segmentation_loss,
)

SIZES = (224, 256, 320, 320, 384)
# A pixel is object in about one of ten: the start says so, and the first steps are not lost on it.
PRIOR = 0.1
# Pixels of a thing that is measured, at least.
SMALLEST_WANTED = 200


def main() -> None:
    """Reads the options and trains."""
    parser = argparse.ArgumentParser(description=__doc__)
    begin = parser.add_mutually_exclusive_group(required=True)
    begin.add_argument("--backbone", type=Path, help="ImageNet weights: trains from these")
    begin.add_argument("--start", type=Path, help="weights of save_fcn: trains on from these")
    training_run.add_options(parser, iterations=4000, learning_rate=7e-4, batch_size=8, seed=0)
    parser.add_argument(
        "--frozen-stages",
        type=int,
        default=0,
        help="so many first stages of the backbone stay as they are: a third less time with 2",
    )
    parser.add_argument(
        "--bfloat16",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="twice as fast where the processor has it (avx512_bf16), five times slower elsewhere",
    )
    options = parser.parse_args()
    training_run.set_up(options)
    model = load_lite(options.start) if options.start else _from_imagenet(options.backbone)
    _channels_last(model)
    _train(_trainer(model, options), options)


def _from_imagenet(backbone: Path) -> LiteFCN:
    model = LiteFCN()
    load_backbone(model.backbone, backbone)
    nn.init.constant_(model.get_parameter("classifier.bias"), math.log(PRIOR / (1 - PRIOR)))
    return model


def _trainer(model: LiteFCN, options: argparse.Namespace) -> Trainer:
    """Half precision (bfloat16), if wanted, but for the depthwise layers, whose gradients are slow
    in it on a CPU."""
    config = FcnTrainConfig(
        iterations=options.iterations,
        learning_rate=options.learning_rate,
        backbone_share=0.4,
        boundary_weight=3.0,
        save_seconds=480,
    )
    _freeze(model, options.frozen_stages)
    if options.bfloat16:
        for module in model.modules():
            if isinstance(module, nn.Conv2d) and module.groups > 1:
                _in_single_precision(module)

    def loss(images: Tensor, targets: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=options.bfloat16):
            logits = model(images)
        return segmentation_loss(logits.float(), targets, config.boundary_weight)

    return Trainer(model, model.backbone, config, loss)


def _freeze(model: LiteFCN, stages: int) -> None:
    """In place: the stem and so many stages of the backbone after it learn nothing, if any."""
    if stages:
        model.backbone.conv_stem.requires_grad_(False)
        model.backbone.bn1.requires_grad_(False)
    for stage in list(model.backbone.blocks)[:stages]:
        stage.requires_grad_(False)


def _in_single_precision(layer: nn.Conv2d) -> None:
    """In place: the layer computes in float32 inside autocast, and gives bfloat16."""
    inner = layer.forward

    def forward(maps: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            out = inner(maps.float())
        return out.bfloat16()

    layer.forward = forward  # type: ignore[method-assign, assignment]


def _channels_last(model: torch.nn.Module) -> None:
    """In place: a quarter faster on a CPU."""
    for parameter in model.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def _train(trainer: Trainer, options: argparse.Namespace) -> None:
    def batches(pictures: Pictures, start: int) -> Batches:
        """Fewer than --batch-size above 256 pixels."""
        stream = prepared_batches(
            pictures, batch_size=options.batch_size, sizes=SIZES, seed=options.seed, start=start
        )
        return ((x.contiguous(memory_format=torch.channels_last), y) for x, y in stream)

    def save(pictures: Pictures) -> str:
        averaged = LiteFCN()
        averaged.load_state_dict(trainer.averaged_state())
        figures = held_out_figures(averaged.eval(), pictures)
        metadata = {"step": str(trainer.step), "seed": str(options.seed), **figures}
        save_fcn(averaged, options.out, metadata)
        return str(figures)

    training_run.run(trainer, options, "fcn", batches=batches, save=save)


def held_out_figures(model: LiteFCN, pictures: Pictures) -> dict[str, str]:
    """Mean IoU on 48 scenes of each held-out set."""
    return {
        f"iou_{name}": f"{held_out_iou(model, paths[:48]):.4f}"
        for name, paths in held_out_sets(pictures).items()
    }


def held_out_sets(pictures: Pictures) -> dict[str, list[Path]]:
    """Rendered scenes that are never trained on: new arrangements of known things; new things,
    large and alone; new things, often small, on desks that are hard; new things in broad light."""
    desks = pictures.held_out("desk")
    return {
        "shows": pictures.held_out("show"),
        "new_things": [path for path in desks if int(path.stem) % 2],
        "hard_desks": [path for path in desks if int(path.stem) % 2 == 0],
        "tables": pictures.held_out("table"),
    }


@torch.no_grad()
def held_out_iou(model: LiteFCN, paths: list[Path]) -> float:
    """Mean IoU at threshold 0.5 with thing 1 of the scenes; nan before they are there."""
    values = []
    for path in paths:
        image, ids = read_scene(path)
        wanted = ids == 1
        if wanted.sum() < SMALLEST_WANTED or not stands_out(ids):
            continue
        pixels, _ = to_tensors([(image, wanted)])
        found = model(pixels)[0, 0].numpy() > 0
        values.append((found & wanted).sum() / (found | wanted).sum())
    return float(np.mean(values)) if values else math.nan


if __name__ == "__main__":
    main()
