"""Trains the embedded lite FCN from an ImageNet EfficientNet-Lite0.

    python train_fcn.py --data DATA --backbone efficientnet-lite0.pth --work WORK --out
    lite_fcn.safetensors

Stops and goes on: WORK/fcn.safetensors holds the state, and every save also writes the averaged
weights to --out. WORK/fcn.csv is the loss curve.
"""

from __future__ import annotations

import argparse
import logging
import math
from pathlib import Path

import cv2
import numpy as np
import torch
from backbone import load_backbone
from fcn_samples import batches, to_tensors
from pictures import Pictures, read_scene

from automask_ros.segmentation.fcn import LiteFCN, save_fcn
from automask_ros.segmentation.fcn_training import FcnStep, FcnTrainConfig, Trainer, fcn_trainer

SIZES = (224, 256, 256, 320)
# A pixel is object in about one of ten: the start says so, and the first steps are not lost on it.
PRIOR = 0.1


def main() -> None:
    """Reads the options and trains."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--backbone", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--iterations", type=int, default=1250)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--shows", type=int, default=3600, help="as given to render.py")
    parser.add_argument("--clutter", type=int, default=2600, help="as given to render.py")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    torch.manual_seed(options.seed)
    model = LiteFCN()
    load_backbone(model.backbone, options.backbone)
    torch.nn.init.constant_(model.get_parameter("classifier.bias"), math.log(PRIOR / (1 - PRIOR)))
    _channels_last(model)
    trainer = fcn_trainer(model, FcnTrainConfig(iterations=options.iterations))
    options.work.mkdir(parents=True, exist_ok=True)
    _train(trainer, options)


def _channels_last(model: torch.nn.Module) -> None:
    """In place: a quarter faster on a CPU."""
    for parameter in model.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def _train(trainer: Trainer, options: argparse.Namespace) -> None:
    pictures = Pictures(options.data, planned_shows=options.shows, planned_clutter=options.clutter)
    checkpoint = options.work / "fcn.safetensors"
    if checkpoint.exists():
        trainer.restore(checkpoint)
        logging.info("goes on from step %d", trainer.step)
    losses: list[float] = []

    def on_step(step: FcnStep) -> None:
        losses.append(step.loss)
        if step.step % 20 == 0:
            mean = float(np.mean(losses[-20:]))
            logging.info("step %d loss %.4f %.0f s", step.step, mean, step.seconds)
            with (options.work / "fcn.csv").open("a") as file:
                file.write(f"{step.step},{mean:.5f},{step.seconds:.1f}\n")

    def on_save() -> None:
        averaged = LiteFCN()
        averaged.load_state_dict(trainer.averaged_state())
        iou = held_out_iou(averaged.eval(), pictures)
        metadata = {
            "step": str(trainer.step),
            "seed": str(options.seed),
            "held_out_iou": f"{iou:.4f}",
        }
        save_fcn(averaged, options.out, metadata)
        logging.info("saved at step %d, held-out IoU %.4f", trainer.step, iou)

    stream = batches(
        pictures, batch_size=options.batch_size, sizes=SIZES, seed=options.seed, start=trainer.step
    )
    shaped = ((x.contiguous(memory_format=torch.channels_last), y) for x, y in stream)
    trainer.run(shaped, checkpoint=checkpoint, on_step=on_step, on_save=on_save)


@torch.no_grad()
def held_out_iou(model: LiteFCN, pictures: Pictures) -> float:
    """Mean IoU at threshold 0.5 over rendered shows that are never trained on; nan before they
    are there."""
    values = []
    for path in pictures.held_out("show")[:48]:
        image, ids = read_scene(path)
        wanted = ids == 1
        if wanted.sum() < 250:
            continue
        pixels, _ = to_tensors([(image, wanted)])
        found = model(pixels)[0, 0].numpy() > 0
        values.append((found & wanted).sum() / (found | wanted).sum())
    return float(np.mean(values)) if values else math.nan


if __name__ == "__main__":
    main()
