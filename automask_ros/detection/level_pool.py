"""RoIAlign over the levels of a pyramid, put together by gathering rows.

torchvision's export writes each level's part into the whole by an index for every single number,
which takes a third of the time of RoIAlign itself.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torchvision.ops import MultiScaleRoIAlign, box_area, roi_align

STRIDES = (4, 8, 16, 32)
# Feature Pyramid Networks (Lin et al. 2017): a box of 224 pixels belongs to level 4, stride 16.
_CANONICAL_SIZE, _CANONICAL_LEVEL, _FIRST_LEVEL = 224, 4, 2
_ROUNDING = 1e-6


class LevelPool(nn.Module):
    """What a MultiScaleRoIAlign of pyramid levels with STRIDES computes, for one image."""

    def __init__(self, pooler: MultiScaleRoIAlign) -> None:
        super().__init__()
        self._names = list(pooler.featmap_names)
        self._output_size = pooler.output_size
        self._sampling_ratio = pooler.sampling_ratio

    def forward(
        self, features: dict[str, Tensor], boxes: list[Tensor], _: list[tuple[int, int]]
    ) -> Tensor:
        """``(N, C, S, S)`` of ``boxes[0] (N, 4)``."""
        level = _level(boxes[0])
        rows, parts = [], []
        for number, (name, stride) in enumerate(zip(self._names, STRIDES, strict=True)):
            of_level = torch.where(level == number)[0]
            rows.append(of_level)
            parts.append(
                roi_align(
                    features[name],
                    [boxes[0][of_level]],
                    self._output_size,
                    1.0 / stride,
                    self._sampling_ratio,
                )
            )
        return torch.cat(parts)[torch.argsort(torch.cat(rows))]


def with_level_pool(pool: nn.Module) -> nn.Module:
    """A copy of `pool`, which is a MultiScaleRoIAlign or has one as its `pyramid`, with LevelPool
    in its place."""
    if isinstance(pool, MultiScaleRoIAlign):
        return LevelPool(pool)
    result = copy.deepcopy(pool)
    result.pyramid = LevelPool(result.pyramid)
    return result


def _level(boxes: Tensor) -> Tensor:
    """The level that each of `boxes` ``(N, 4)`` is looked at in, ``(N,) int64`` from 0."""
    size = torch.sqrt(box_area(boxes))
    level = torch.floor(_CANONICAL_LEVEL + torch.log2(size / _CANONICAL_SIZE) + _ROUNDING)
    last = _FIRST_LEVEL + len(STRIDES) - 1
    return level.clamp(_FIRST_LEVEL, last).to(torch.int64) - _FIRST_LEVEL
