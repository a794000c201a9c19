"""VGG16 made small: few channels, everything else as it is."""

import math

import torch
from torch import Tensor

from automask_ros.segmentation.scene_classes import SceneClasses
from automask_ros.segmentation.vgg_backbone import CONVOLUTIONS, VggLayout
from automask_ros.segmentation.vgg_fcn import VggFCN

SMALL = VggLayout(blocks=(8, 12, 16, 16, 16), fully_connected=32)
CLASSES = SceneClasses(("wall", "floor", "cup"), (False, False, True))


def vgg16_state(layout: VggLayout = SMALL, seed: int = 0) -> dict[str, Tensor]:
    """Tensors under the names, and in the shapes, of torchvision's VGG16, drawn at random (He)."""
    generator = torch.Generator().manual_seed(seed)
    state: dict[str, Tensor] = {}

    def add(name: str, *shape: int) -> None:
        scale = math.sqrt(2 / math.prod(shape[1:]))
        state[f"{name}.weight"] = torch.randn(shape, generator=generator) * scale
        state[f"{name}.bias"] = torch.randn(shape[0], generator=generator) * 0.01

    layer, channels = 0, 3
    for width, convolutions in zip(layout.blocks, CONVOLUTIONS, strict=True):
        for _ in range(convolutions):
            add(f"features.{layer}", width, channels, 3, 3)
            layer, channels = layer + 2, width
        layer += 1
    wide = layout.fully_connected
    add("classifier.0", wide, channels * 49)
    add("classifier.3", wide, wide)
    add("classifier.6", 1000, wide)
    return state


def small_fcn(stage: int, seed: int = 0, classes: SceneClasses = CLASSES) -> VggFCN:
    """A small network in evaluation mode, with everything random but the upsampling."""
    torch.manual_seed(seed)
    network = VggFCN(classes, stage, SMALL).eval()
    for score in network.scores.values():
        torch.nn.init.normal_(score.weight, std=0.5)
        torch.nn.init.normal_(score.bias)
    return network
