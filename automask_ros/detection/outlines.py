"""Masks with sharp outlines: the mask head, and beside it the backbone's finest features.

A mask head looks at its window in 14 x 14 cells of the pyramid: it knows what belongs to the
object, and its edge only roughly. At stride 2 the edge itself can still be seen. So a few small
layers on those features, sampled four times as densely, correct the mask before it is cut at a
half; they are the same for every class.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.ops import MultiScaleRoIAlign, roi_align

FINE_LEVEL, FINE_STRIDE, FINE_CHANNELS = "fine", 2, 16
_FINE_CELLS = 56  # of a window, across and down
_HIDDEN = 32
_SEED = 21

Pooled = tuple[Tensor, Tensor]
"""RoI features of the pyramid ``(R, C, 14, 14)``, and fine ones ``(R, 16, 56, 56)``."""


class MaskPool(nn.Module):
    """Looks at windows in the pyramid and in the fine features."""

    def __init__(self, pyramid: MultiScaleRoIAlign) -> None:
        super().__init__()
        self.pyramid = pyramid

    def forward(
        self,
        features: dict[str, Tensor],
        boxes: list[Tensor],
        image_shapes: list[tuple[int, int]],
    ) -> Pooled:
        seen = self.pyramid(features, boxes, image_shapes)
        # Outside autocast: RoIAlign takes boxes and features of one type.
        fine = roi_align(
            features[FINE_LEVEL].float(),
            boxes,
            (_FINE_CELLS, _FINE_CELLS),
            1.0 / FINE_STRIDE,
            sampling_ratio=1,
        )
        return seen, fine.to(seen.dtype)


class MaskHead(MaskRCNNHeads):
    """The usual layers on the pyramid's part; the fine features pass through."""

    def forward(self, x: Pooled) -> Pooled:
        seen: Tensor = super().forward(x[0])
        return seen, x[1]


class Outline(nn.Module):
    """What the fine features add to the mask's logits: ``(R, 1, 28, 28)``.

    Nothing at first: the last layer starts at zero. The others start the same in every network, so
    that weights without an outline can be given one.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fine = nn.Conv2d(FINE_CHANNELS, _HIDDEN, 3, stride=2, padding=1)
        self.coarse = nn.Conv2d(channels, _HIDDEN, 1)
        self.both = nn.Conv2d(2 * _HIDDEN, _HIDDEN, 3, padding=1)
        self.hidden = nn.Conv2d(_HIDDEN, _HIDDEN, 3, padding=1)
        self.logits = nn.Conv2d(_HIDDEN, 1, 1)
        generator = torch.Generator().manual_seed(_SEED)
        for layer in (self.fine, self.coarse, self.both, self.hidden):
            spread = (2.0 / layer.weight[0].numel()) ** 0.5
            nn.init.normal_(layer.weight, std=spread, generator=generator)
        nn.init.zeros_(self.logits.weight)
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        x = torch.cat([functional.relu(self.coarse(coarse)), functional.relu(self.fine(fine))], 1)
        x = functional.relu(self.hidden(functional.relu(self.both(x))))
        logits: Tensor = self.logits(x)
        return logits


class MaskPredictor(MaskRCNNPredictor):
    """Mask logits of each class ``(R, classes, 28, 28)``, their outlines corrected."""

    def __init__(self, channels: int, hidden: int, num_classes: int) -> None:
        super().__init__(channels, hidden, num_classes)
        self.outline = Outline(hidden)

    def forward(self, x: Pooled) -> Tensor:
        coarse = self.relu(self.conv5_mask(x[0]))
        logits: Tensor = self.mask_fcn_logits(coarse) + self.outline(coarse, x[1])
        return logits
