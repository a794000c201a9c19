"""Upsampling that is learnt and starts as bilinear interpolation."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def bilinear_kernel(factor: int) -> Tensor:
    """The (2 * factor, 2 * factor) kernel that makes a transposed convolution of that stride
    bilinear."""
    size = 2 * factor
    distance = (torch.arange(size, dtype=torch.float32) - (size - 1) / 2).abs() / factor
    weights = 1 - distance
    return torch.outer(weights, weights)


class BilinearUpsampling(nn.ConvTranspose2d):
    """Upsampling of each channel by `factor`, learnable, that starts as exact bilinear
    interpolation.

    The border is replicated by one pixel before and cut off after, so that the border too is
    exactly that of `interpolate(..., mode="bilinear", align_corners=False)`.
    """

    def __init__(self, channels: int, factor: int) -> None:
        super().__init__(
            channels,
            channels,
            kernel_size=2 * factor,
            stride=factor,
            padding=factor // 2 + factor,
            groups=channels,
            bias=False,
        )
        with torch.no_grad():
            self.weight.copy_(bilinear_kernel(factor).expand_as(self.weight))

    def forward(self, maps: Tensor, output_size: list[int] | None = None) -> Tensor:  # noqa: ARG002
        """(N, C, h, w) -> (N, C, factor * h, factor * w)."""
        return super().forward(functional.pad(maps, (1, 1, 1, 1), mode="replicate"))
