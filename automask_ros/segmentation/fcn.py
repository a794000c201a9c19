"""The lite fully convolutional network: is this pixel part of the object that is shown?

After Long, Shelhamer, Darrell, "Fully Convolutional Networks for Semantic Segmentation" (CVPR
2015): a classification network without its head, 1x1 score layers on strides 32, 16, 8 and 4,
each coarser map upsampled by two with a learnable layer that starts as exact bilinear
interpolation and summed with the next finer one, and one last upsampling to the size of the
input. Three things differ from the paper: the backbone is EfficientNet-Lite0; a score map has a
few channels instead of one per class, with a depthwise smoothing after each sum, so that what the
coarse maps know decides what the fine ones mean; and a last skip at stride 2 reads the pixels
themselves, for thin parts and small holes.
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
from automask_ros.library.files import one_line, write_bytes
from automask_ros.resources import weights_path
from automask_ros.segmentation.upsampling import BilinearUpsampling
from automask_ros.segmentation.vgg_fcn import VggFCN

BACKBONE = "tf_efficientnet_lite0"
STRIDES = (4, 8, 16, 32)
SCORE_CHANNELS = 48
FINE_CHANNELS = 16
# What the backbone was trained with: (pixel / 255 - MEAN) / STD, RGB.
MEAN = (0.5, 0.5, 0.5)
STD = (0.5, 0.5, 0.5)
VGG16 = "vgg16"
_EMBEDDED = {"lite": "lite_fcn.safetensors"}


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


class FineSkip(nn.Module):
    """The skip at stride 2: edges of the pixels, read with what stride 4 knows. Starts as nothing
    but upsampling."""

    def __init__(self) -> None:
        super().__init__()
        self.pixels = nn.Conv2d(3, FINE_CHANNELS, 5, stride=2, padding=2)
        self.score = nn.Conv2d(SCORE_CHANNELS, FINE_CHANNELS, 1)
        self.upsampling = BilinearUpsampling(FINE_CHANNELS, 2)
        self.smoothing = Smoothing(FINE_CHANNELS)
        self.classifier = nn.Conv2d(FINE_CHANNELS, 1, 1)
        nn.init.zeros_(self.classifier.weight)
        nn.init.zeros_(self.classifier.bias)  # type: ignore[arg-type]
        self.logit_upsampling = BilinearUpsampling(1, 2)

    def forward(self, images: Tensor, maps: Tensor, logits: Tensor) -> Tensor:
        """(N, 3, H, W) pixels, (N, C, H/4, W/4) maps and their (N, 1, H/4, W/4) logits -> logits
        (N, 1, H/2, W/2)."""
        fine = self.upsampling(self.score(maps)) + functional.relu(self.pixels(images))
        out: Tensor = self.logit_upsampling(logits) + self.classifier(self.smoothing(fine))
        return out


class LiteFCN(nn.Module):
    """EfficientNet-Lite0 with skips: (N, 3, H, W) normalised RGB -> (N, 1, H, W) logits, any H
    and W."""

    mean = MEAN
    std = STD
    architecture = "lite_fcn"

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
        self.fine = FineSkip()
        self.final_upsampling = BilinearUpsampling(1, 2)

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
        logits: Tensor = self.final_upsampling(self.fine(images, maps, self.classifier(maps)))
        return logits[..., :height, :width]

    def object_logits(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) RGB, normalised with `mean` and `std` -> (N, 1, H, W) logits of "object"."""
        logits: Tensor = self(images)
        return logits

    def header(self) -> dict[str, str]:
        """What a file has to say, beside the weights, to build this network again."""
        return {"architecture": self.architecture}


Network = LiteFCN | VggFCN
"""Either architecture: both have `mean`, `std`, `backbone`, and `object_logits(images)`."""


def load_fcn(fcn: str) -> Network:
    """The network named `fcn`, on the CPU, ready to predict.

    `fcn` is "lite" (the embedded weights) or the path of a .safetensors file that `save_fcn` wrote.
    Raises AutomaskError when there is no such network or its file does not fit.
    """
    path = _path_of(fcn)
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        model = _build(header)
        model.load_state_dict(_with_counters(model, tensors))
    except (SafetensorError, RuntimeError, KeyError, ValueError, TypeError) as error:
        reason = one_line(error)
        raise AutomaskError(f"{path} does not hold an FCN of this package ({reason})") from error
    return model.eval()


def save_fcn(model: Network, path: Path, metadata: dict[str, str]) -> None:
    """Writes the weights at half precision, with `metadata` in the header, in one atomic step."""
    tensors = {
        name: tensor.detach().cpu().to(torch.float16).contiguous()
        for name, tensor in model.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    write_bytes(path, save_tensors(tensors, metadata={**metadata, **model.header()}))


def _path_of(fcn: str) -> Path:
    if fcn == VGG16:
        raise AutomaskError(
            "fcn vgg16 has no embedded weights: train it (automask train-fcn DATA -o OUT) and give "
            "the path OUT/fcn8s.safetensors"
        )
    if fcn not in _EMBEDDED and not fcn.endswith(".safetensors"):
        known = ", ".join(sorted(_EMBEDDED))
        raise AutomaskError(
            f"no FCN is called {fcn!r}: give {known} or the path of a .safetensors file"
        )
    path = weights_path(_EMBEDDED[fcn]) if fcn in _EMBEDDED else Path(fcn)
    if not path.is_file():
        raise AutomaskError(
            f"the weights {path} are missing: reinstall the package or correct the path"
        )
    return path


def _build(header: dict[str, str]) -> Network:
    """An untrained network of the architecture that a file's header names."""
    architecture = header.get("architecture")
    if architecture == VggFCN.architecture:
        return VggFCN.from_header(header)
    if architecture == LiteFCN.architecture:
        return LiteFCN()
    raise ValueError("its header names no known architecture")


def _with_counters(model: nn.Module, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """`tensors` and the batch counters of the normalisation layers, which carry no meaning and
    are not stored."""
    counters = {
        name: tensor
        for name, tensor in model.state_dict().items()
        if name.endswith("num_batches_tracked")
    }
    return {**counters, **tensors}
