"""What every training here has: options, set-up, log, and a checkpoint to go on from."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from pictures import Pictures, add_planned_scenes, planned_scenes

from automask_ros.segmentation.fcn_training import Batches, FcnStep, Trainer

_STEPS_BETWEEN_LINES = 20


def add_options(
    parser: argparse.ArgumentParser,
    *,
    iterations: int,
    learning_rate: float,
    batch_size: int,
    seed: int,
) -> None:
    """The options that all trainings share, with these defaults."""
    parser.add_argument("--data", type=Path, required=True, help="what render.py made")
    parser.add_argument("--work", type=Path, required=True, help="for the checkpoint and the log")
    parser.add_argument("--out", type=Path, required=True, help="the averaged weights")
    parser.add_argument("--iterations", type=int, default=iterations)
    parser.add_argument("--learning-rate", type=float, default=learning_rate)
    parser.add_argument("--batch-size", type=int, default=batch_size)
    add_planned_scenes(parser)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=seed)


def set_up(options: argparse.Namespace) -> None:
    """Log, threads, seed, and the folder of the run."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    torch.manual_seed(options.seed)
    options.work.mkdir(parents=True, exist_ok=True)


def run(
    trainer: Trainer,
    options: argparse.Namespace,
    name: str,
    *,
    batches: Callable[[Pictures, int], Batches],
    save: Callable[[Pictures], str],
) -> None:
    """Train to the end, or on from WORK/`name`.safetensors; WORK/`name`.csv is the loss curve.

    `batches` are those from a step on; `save` writes the averaged weights and tells how good they
    are.
    """
    pictures = Pictures(options.data, planned_scenes(options))
    logging.info("trains on %s", pictures.counts())
    checkpoint = options.work / f"{name}.safetensors"
    if checkpoint.exists():
        trainer.restore(checkpoint)
        logging.info("goes on from step %d", trainer.step)
    losses: list[float] = []

    def on_step(step: FcnStep) -> None:
        losses.append(step.loss)
        if step.step % _STEPS_BETWEEN_LINES == 0:
            mean = float(np.mean(losses[-_STEPS_BETWEEN_LINES:]))
            logging.info("step %d loss %.4f %.0f s", step.step, mean, step.seconds)
            with (options.work / f"{name}.csv").open("a") as file:
                file.write(f"{step.step},{mean:.5f},{step.seconds:.1f}\n")

    def on_save() -> None:
        figures = save(pictures)
        pictures.refresh()
        logging.info("saved at step %d, %s, %s", trainer.step, figures, pictures.counts())

    stream = batches(pictures, trainer.step)
    trainer.run(stream, checkpoint=checkpoint, on_step=on_step, on_save=on_save)
