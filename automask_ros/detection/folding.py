"""What a network computes, with fewer steps: made once, saved in each frame.

Frozen batch norm is a scale and a shift per channel, which move into the convolutions; so does the
order of an image's channels. Padding after TensorFlow's 'same' becomes a constant.
"""

from __future__ import annotations

import copy
from typing import TypeVar, cast

import torch
from timm.layers.conv2d_same import Conv2dSame
from timm.layers.norm_act import FrozenBatchNormAct2d
from torch import nn
from torchvision.ops import FrozenBatchNorm2d

ModuleType = TypeVar("ModuleType", bound=nn.Module)


def folded(module: ModuleType) -> ModuleType:
    """A copy of `module` that computes the same with fewer steps; the original stays as it is.

    Every frozen batch norm that directly follows a convolution in its parent is taken in.
    """
    result = copy.deepcopy(module)
    for parent in result.modules():
        before: nn.Module | None = None
        for name, child in parent.named_children():
            if isinstance(before, nn.Conv2d) and isinstance(
                child, FrozenBatchNorm2d | FrozenBatchNormAct2d
            ):
                _take_in(before, child)
                act = child.act if isinstance(child, FrozenBatchNormAct2d) else nn.Identity()
                setattr(parent, name, act)
            before = child
    return result


def for_bgr(module: ModuleType) -> ModuleType:
    """`module`, changed in place to take images BGR in place of RGB."""
    first = next(m for m in module.modules() if isinstance(m, nn.Conv2d))
    weight = first.weight.detach().flip(1).contiguous()
    first.weight = nn.Parameter(weight, requires_grad=first.weight.requires_grad)
    return module


def with_fixed_padding(module: ModuleType) -> ModuleType:
    """`module`, changed in place to pad by constants.

    The same for images whose sides its strides divide; then a runtime can take the padding into the
    convolution, in place of copying each feature map.
    """
    for parent in module.modules():
        for name, child in parent.named_children():
            if isinstance(child, Conv2dSame):
                setattr(parent, name, _padded(child))
    return module


def _padded(same: Conv2dSame) -> nn.Module:
    plain = nn.Conv2d(
        same.in_channels,
        same.out_channels,
        cast(tuple[int, int], same.kernel_size),
        cast(tuple[int, int], same.stride),
        groups=same.groups,
        bias=same.bias is not None,
    )
    plain.weight, plain.bias = same.weight, same.bias
    down, across = (
        max(kernel - stride, 0)
        for kernel, stride in zip(same.kernel_size, same.stride, strict=True)
    )
    padding = (across // 2, across - across // 2, down // 2, down - down // 2)
    return nn.Sequential(nn.ZeroPad2d(padding), plain)


def _take_in(convolution: nn.Conv2d, norm: FrozenBatchNorm2d | FrozenBatchNormAct2d) -> None:
    weight, bias, mean, variance = (
        cast(torch.Tensor, getattr(norm, name))
        for name in ("weight", "bias", "running_mean", "running_var")
    )
    with torch.no_grad():
        factor = weight / torch.sqrt(variance + norm.eps)
        shift = bias - mean * factor
        if convolution.bias is not None:
            shift = shift + convolution.bias * factor
        scaled = convolution.weight * factor[:, None, None, None]
    trainable = convolution.weight.requires_grad
    convolution.weight = nn.Parameter(scaled, requires_grad=trainable)
    convolution.bias = nn.Parameter(shift, requires_grad=trainable)
