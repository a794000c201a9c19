"""The lite fully convolutional network: is this pixel part of the object that is shown?

After Long, Shelhamer, Darrell, "Fully Convolutional Networks for Semantic Segmentation" (CVPR
2015): a classification network without its head, 1x1 score layers on strides 32, 16, 8 and 4,
each coarser map upsampled by two with a learnable layer that starts as exact bilinear
interpolation and summed with the next finer one, and one last upsampling to the size of the
input. Two things differ from the paper: the backbone is EfficientNet-Lite0, and a score map has a
few channels instead of one per class, with a depthwise smoothing after each sum, so that what the
coarse maps know decides what the fine ones mean.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors
from torch import Tensor, nn
from torch.nn import functional

from automask_ros.errors import AutomaskError
from automask_ros.library.files import write_bytes
from automask_ros.resources import weights_path

BACKBONE = "tf_efficientnet_lite0"
STRIDES = (4, 8, 16, 32)
SCORE_CHANNELS = 48
# What the backbone was trained with: (pixel / 255 - MEAN) / STD, RGB.
MEAN = (0.5, 0.5, 0.5)
STD = (0.5, 0.5, 0.5)
_EMBEDDED = {"lite": "lite_fcn.safetensors"}


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


class Smoothing(nn.Module):
    """A residual depthwise 5x5 and a 1x1 layer over a summed score map: reads the neighbourhood
    of a pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.spatial = nn.Conv2d(channels, channels, 5, padding=2, groups=channels)
        self.mix = nn.Conv2d(channels, channels, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, h, w) -> the same shape."""
        return maps + self.mix(functional.relu(self.spatial(maps)))


class LiteFCN(nn.Module):
    """EfficientNet-Lite0 with skips: (N, 3, H, W) normalised RGB -> (N, 1, H, W) logits, any H
    and W."""

    mean = MEAN
    std = STD

    def __init__(self) -> None:
        super().__init__()
        backbone: Any = timm.create_model(
            BACKBONE, pretrained=False, features_only=True, out_indices=(1, 2, 3, 4)
        )
        self.backbone = backbone
        widths = backbone.feature_info.channels()
        self.scores = nn.ModuleList(nn.Conv2d(width, SCORE_CHANNELS, 1) for width in widths)
        self.smoothings = nn.ModuleList(Smoothing(SCORE_CHANNELS) for _ in widths)
        self.upsamplings = nn.ModuleList(BilinearUpsampling(SCORE_CHANNELS, 2) for _ in widths[1:])
        # What the whole picture holds: tells the thing that is shown from a surface full of
        # texture.
        self.context = nn.Conv2d(widths[-1], SCORE_CHANNELS, 1)
        self.classifier = nn.Conv2d(SCORE_CHANNELS, 1, 1)
        self.final_upsampling = BilinearUpsampling(1, STRIDES[0])

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) RGB, normalised with MEAN and STD -> (N, 1, H, W) logits of "object"."""
        height, width = images.shape[-2:]
        # Multiples of the coarsest stride keep every map exactly twice the next coarser one.
        bottom, right = -height % STRIDES[-1], -width % STRIDES[-1]
        if bottom or right:
            images = functional.pad(images, (0, right, 0, bottom), mode="replicate")
        features = self.backbone(images)
        maps = self.scores[-1](features[-1])
        maps = maps + self.context(features[-1].mean(dim=(2, 3), keepdim=True))
        maps = self.smoothings[-1](maps)
        for level in (2, 1, 0):
            maps = self.upsamplings[level](maps) + self.scores[level](features[level])
            maps = self.smoothings[level](maps)
        logits: Tensor = self.final_upsampling(self.classifier(maps))
        return logits[..., :height, :width]

    def object_logits(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) RGB, normalised with `mean` and `std` -> (N, 1, H, W) logits of "object"."""
        logits: Tensor = self(images)
        return logits


def load_fcn(fcn: str) -> LiteFCN:
    """The network named `fcn`, on the CPU, ready to predict.

    `fcn` is "lite" (the embedded weights) or the path of a .safetensors file that `save_fcn` wrote.
    Raises AutomaskError when there is no such network or its file does not fit.
    """
    if fcn in _EMBEDDED:
        path = weights_path(_EMBEDDED[fcn])
    elif fcn.endswith(".safetensors"):
        path = Path(fcn)
    else:
        known = ", ".join(sorted(_EMBEDDED))
        raise AutomaskError(
            f"no FCN is called {fcn!r}: give {known} or the path of a .safetensors file"
        )
    if not path.is_file():
        raise AutomaskError(
            f"the weights {path} are missing: reinstall the package or correct the path"
        )
    model = LiteFCN()
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        model.load_state_dict(_with_counters(model, tensors))
    except (SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise AutomaskError(
            f"{path} does not hold a lite FCN ({reason}): give a file of save_fcn"
        ) from error
    return model.eval()


def save_fcn(model: LiteFCN, path: Path, metadata: dict[str, str]) -> None:
    """Writes the weights at half precision, with `metadata` in the header, in one atomic step."""
    tensors = {
        name: tensor.detach().cpu().to(torch.float16).contiguous()
        for name, tensor in model.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    write_bytes(path, save_tensors(tensors, metadata={"architecture": "lite_fcn", **metadata}))


def _with_counters(model: nn.Module, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """`tensors` and the batch counters of the normalisation layers, which carry no meaning and
    are not stored."""
    counters = {
        name: tensor
        for name, tensor in model.state_dict().items()
        if name.endswith("num_batches_tracked")
    }
    return {**counters, **tensors}
