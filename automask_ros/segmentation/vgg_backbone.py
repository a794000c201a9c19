"""VGG16 with its fully connected layers turned into convolutions.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition"
(ICLR 2015), made fully convolutional as in Long, Shelhamer, Darrell (CVPR 2015): fc6 becomes a 7x7
and fc7 a 1x1 convolution, the last layer, that of ImageNet's classes, is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional

CONVOLUTIONS = (2, 2, 3, 3, 3)
"""Convolutions in each block of VGG16; a pooling by two ends each block."""
FC6_SIZE = 7


@dataclass(frozen=True)
class VggLayout:
    """How wide VGG16 is: channels of its five blocks, and of fc6 and fc7. The default is the
    original."""

    blocks: tuple[int, ...] = (64, 128, 256, 512, 512)
    fully_connected: int = 4096


class VggFeatures(NamedTuple):
    """What the score layers read, at strides 8, 16 and 32; each map is twice the next one."""

    pool3: Tensor
    pool4: Tensor
    fc7: Tensor


class VggBackbone(nn.Module):
    """conv1_1 to fc7: (N, 3, H, W) normalised RGB, H and W multiples of 32, -> VggFeatures.

    `features` counts its layers as torchvision's VGG16 does. fc6 is padded by three, so that its
    map has pool5's size; the paper padded the image by 100 pixels instead and cropped the scores.
    In training, half of what fc6 and fc7 say is dropped; `dropout.p` is that share.
    """

    def __init__(self, layout: VggLayout) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        self._pools = []
        channels = 3
        for width, convolutions in zip(layout.blocks, CONVOLUTIONS, strict=True):
            for _ in range(convolutions):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
                channels = width
            self._pools.append(len(layers))
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        wide = layout.fully_connected
        self.fc6 = nn.Conv2d(channels, wide, FC6_SIZE, padding=FC6_SIZE // 2)
        self.fc7 = nn.Conv2d(wide, wide, 1)
        self.dropout = nn.Dropout(0.5)

    def forward(self, images: Tensor) -> VggFeatures:
        """Features of `images`."""
        maps = []
        for number, layer in enumerate(self.features):
            images = layer(images)
            if number in self._pools:
                maps.append(images)
        fc6 = self.dropout(functional.relu(self.fc6(maps[4])))
        fc7 = self.dropout(functional.relu(self.fc7(fc6)))
        return VggFeatures(maps[2], maps[3], fc7)
