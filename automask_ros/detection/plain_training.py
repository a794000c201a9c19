"""What a user would otherwise run: torchvision's recipe of fine-tuning, on views as they are.

Its settings are those of torchvision's tutorial on fine-tuning a Mask R-CNN: batches of two, SGD
with momentum, mirrored pictures, a rate that warms up during the first epoch and falls to a tenth
after every third.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import islice

import numpy as np
import torch
from torchvision.models.detection import MaskRCNN

from automask_ros.detection.batches import Batch, Picture, made_ahead
from automask_ros.detection.composites import Composite, to_target
from automask_ros.detection.pasting import fit_image, network_size
from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.types import Progress, ProgressCallback, View

_RATE = 5e-3
_MOMENTUM = 0.9
_DECAY = 5e-4
_BATCH = 2
_FALL = 0.1
_FALL_AFTER = 3  # epochs
_WARM_UP = 1000  # steps at most, of the first epoch
_WARM_UP_FROM = 1e-3


def plain_fine_tuning(
    model: MaskRCNN,
    library: Library,
    views: Sequence[View],
    labels: dict[str, int],
    *,
    epochs: int,
    device: str,
    seed: int = 0,
    progress: ProgressCallback | None = None,
) -> None:
    """Fine-tune every layer of `model` in place on `views` with their masks, one object in each.

    AutomaskError when the loss diverges.
    """
    torch.manual_seed(seed)
    place = torch.device(device)
    model.to(place).train()
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.SGD(parameters, lr=_RATE, momentum=_MOMENTUM, weight_decay=_DECAY)
    image_size = int(model.transform.min_size[0])
    order = np.random.default_rng(seed)
    shown = [views[n] for _ in range(epochs) for n in order.permutation(len(views))]

    def make(number: int) -> Picture:
        mirrored = np.random.default_rng((seed, number)).random() < 0.5
        return _picture(library, shown[number], labels, image_size, mirrored)

    per_epoch = math.ceil(len(views) / _BATCH)
    with made_ahead(make, range(len(shown))) as pictures:
        for step in range(epochs * per_epoch):
            left = len(views) - step % per_epoch * _BATCH
            batch = list(islice(pictures, min(_BATCH, left)))
            for group in optimiser.param_groups:
                group["lr"] = _RATE * _factor(step, per_epoch)
            loss = _step(model, optimiser, batch, place)
            if progress is not None:
                progress(Progress("plain training", step + 1, epochs * per_epoch, loss))
    model.eval()


def _factor(step: int, per_epoch: int) -> float:
    """Of the learning rate."""
    warm_up = min(_WARM_UP, per_epoch - 1)
    if step < warm_up:
        return _WARM_UP_FROM + (1 - _WARM_UP_FROM) * step / warm_up
    return float(_FALL ** (step // per_epoch // _FALL_AFTER))


def _picture(
    library: Library,
    view: View,
    labels: dict[str, int],
    image_size: int,
    mirrored: bool,
) -> Picture:
    """A view at the network's size, and its object."""
    image = library.read_image(view)
    mask = library.read_mask(view)
    if mask is None:
        raise AutomaskError(f"view {view.id} of {view.label} has no mask; make it first")
    height, width = network_size(image.shape[0], image.shape[1], image_size)
    rows = (np.arange(height) * mask.shape[0] // height)[:, None]
    small = mask[rows, np.arange(width) * mask.shape[1] // width]
    image = fit_image(image, image_size)
    if mirrored:
        image, small = np.ascontiguousarray(image[:, ::-1]), np.ascontiguousarray(small[:, ::-1])
    return to_target(Composite(image, small[None], np.array([labels[view.label]], np.int64)))


def _step(
    model: MaskRCNN,
    optimiser: torch.optim.Optimizer,
    pictures: Sequence[Picture],
    device: torch.device,
) -> float:
    batch: Batch = (
        [image.to(device) for image, _ in pictures],
        [{name: value.to(device) for name, value in target.items()} for _, target in pictures],
    )
    loss = torch.stack(list(model(*batch).values())).sum()
    value = float(loss.detach())
    if not math.isfinite(value):
        raise AutomaskError("plain training diverged: its loss is not finite")
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
    return value
