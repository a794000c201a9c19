"""What a scene parsing network is trained for."""

from __future__ import annotations

import torch
from torch import Tensor

# Below this a class that should not be is as good as excluded, and its logarithm still finite.
_LEAST = 1e-6


def scene_loss(scores: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
    """The sum of each labelled pixel's negative log likelihood, and the number of those pixels.

    `scores` are (N, C, H, W) logits. `classes` is (N, H, W) int64: k > 0 is the class k, 0 is
    unlabelled and ignored, and -k says "anything but the class k": where only one object is drawn
    into a picture, the rest may be any of the others (Cermelli et al., "Modeling the Background
    for Incremental Learning in Semantic Segmentation", CVPR 2020).
    """
    logs = scores.float().log_softmax(dim=1)
    index = (classes.abs() - 1).clamp(min=0)
    chosen = logs.gather(1, index[:, None])[:, 0]
    excluded = (-torch.expm1(chosen.clamp(max=-_LEAST))).log()
    likelihood = torch.where(classes > 0, chosen, excluded)
    labelled = classes != 0
    return -(likelihood * labelled).sum(), labelled.sum()
