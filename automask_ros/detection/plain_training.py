"""What a user would otherwise run: torchvision's recipe of fine-tuning, on views as they are.

Its settings are those of torchvision's reference training of detectors for one worker: SGD with
momentum, mirrored pictures, a rate that falls to a tenth every third of the epochs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torchvision.models.detection import MaskRCNN

from automask_ros.detection.batches import Batch, Picture
from automask_ros.detection.composites import Composite, to_target
from automask_ros.detection.pasting import fit_image, network_size
from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.types import Progress, ProgressCallback, View

_RATE = 5e-3  # for batches of two pictures
_MOMENTUM = 0.9
_DECAY = 5e-4
_WARM_UP = 100  # steps


def plain_fine_tuning(
    model: MaskRCNN,
    library: Library,
    views: Sequence[View],
    labels: dict[str, int],
    *,
    epochs: int,
    device: str,
    seed: int = 0,
    batch_size: int = 2,
    progress: ProgressCallback | None = None,
) -> None:
    """Fine-tune every layer of `model` in place on `views` with their masks, one object in each.

    AutomaskError when the loss diverges.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    place = torch.device(device)
    model.to(place).train()
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.SGD(parameters, lr=_RATE, momentum=_MOMENTUM, weight_decay=_DECAY)
    image_size = int(model.transform.min_size[0])
    steps = epochs * math.ceil(len(views) / batch_size)
    done = 0
    for epoch in range(epochs):
        order = rng.permutation(len(views))
        for start in range(0, len(order), batch_size):
            chosen = [views[number] for number in order[start : start + batch_size]]
            pictures = [_picture(library, v, labels, image_size, rng) for v in chosen]
            for group in optimiser.param_groups:
                group["lr"] = _RATE * min(1.0, (done + 1) / _WARM_UP) * 0.1 ** (3 * epoch // epochs)
            loss = _step(model, optimiser, pictures, place)
            done += 1
            if progress is not None:
                progress(Progress("plain training", done, steps, loss))
    model.eval()


def _picture(
    library: Library,
    view: View,
    labels: dict[str, int],
    image_size: int,
    rng: np.random.Generator,
) -> Picture:
    """A view at the network's size, mirrored half of the time, and its object."""
    image = library.read_image(view)
    mask = library.read_mask(view)
    if mask is None:
        raise AutomaskError(f"view {view.id} of {view.label} has no mask; make it first")
    height, width = network_size(image.shape[0], image.shape[1], image_size)
    rows = (np.arange(height) * mask.shape[0] // height)[:, None]
    small = mask[rows, np.arange(width) * mask.shape[1] // width]
    image = fit_image(image, image_size)
    if rng.random() < 0.5:
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
