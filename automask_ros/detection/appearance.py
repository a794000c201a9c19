"""What a thing looks like, straight from the frozen backbone, beside what the box head makes of it.

Start weights that only know "object" have a box head that has forgotten the difference between a
bottle and a can: it never needed it. The ImageNet features below still have it, those of strides 8
and 16 most: finer ones see no parts yet, coarser ones see the table as well. So the class scores
get two small layers of their own on those features, which learn a new label within a few steps.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.rpn import RPNHead
from torchvision.ops import MultiScaleRoIAlign, roi_align

CELLS = 3  # a box is looked at in 3 x 3 cells
HIDDEN = 128
_SEED = 20
_DROPOUT = 0.2
# Keeps a step of the optimiser on a thousand features as small as one on the box head's.
_GAIN = 0.3


_FIRST = 1  # stride 4 is for boxes and masks alone


class PyramidAnchors(AnchorGenerator):
    """Anchors for the pyramid's levels from stride 8 on; the pyramid comes first among features."""

    def forward(self, image_list: ImageList, feature_maps: list[Tensor]) -> list[Tensor]:
        anchors: list[Tensor] = super().forward(
            image_list, feature_maps[_FIRST : _FIRST + len(self.sizes)]
        )
        return anchors


class PyramidRPNHead(RPNHead):
    """Proposals from the pyramid's levels that have anchors."""

    def __init__(self, channels: int, anchors: PyramidAnchors) -> None:
        super().__init__(channels, anchors.num_anchors_per_location()[0])
        self._levels = len(anchors.sizes)

    def forward(self, x: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        outputs: tuple[list[Tensor], list[Tensor]] = super().forward(
            x[_FIRST : _FIRST + self._levels]
        )
        return outputs


class BoxPool(nn.Module):
    """RoI features of the pyramid, then of the backbone: ``(R, pyramid + appearance)``."""

    def __init__(self, pyramid: MultiScaleRoIAlign, levels: dict[str, tuple[int, int]]) -> None:
        """`levels` maps names of the backbone's feature maps to their strides and channels."""
        super().__init__()
        self.pyramid = pyramid
        self._levels = levels

    def forward(
        self,
        features: dict[str, Tensor],
        boxes: list[Tensor],
        image_shapes: list[tuple[int, int]],
    ) -> Tensor:
        parts = [self.pyramid(features, boxes, image_shapes).flatten(1)]
        for name, (stride, channels) in self._levels.items():
            # Outside autocast: RoIAlign takes boxes and features of one type.
            cells = roi_align(
                features[name].float(), boxes, (CELLS, CELLS), 1.0 / stride, sampling_ratio=2
            ).flatten(1)
            parts.append(_GAIN * functional.layer_norm(cells, [channels * CELLS**2]))
        return torch.cat([part.to(parts[0].dtype) for part in parts], 1)


class BoxHead(TwoMLPHead):
    """The usual two layers on the pyramid's part; the appearance passes through."""

    def __init__(self, pyramid_features: int, representation: int) -> None:
        super().__init__(pyramid_features, representation)
        self._split = pyramid_features

    def forward(self, x: Tensor) -> Tensor:
        seen, appearance = x[:, : self._split], x[:, self._split :]
        represented = super().forward(seen)
        return torch.cat([represented, appearance.to(represented.dtype)], 1)


class AppearanceScores(nn.Module):
    """What the appearance ``(R, features)`` adds to the class scores ``(R, classes)``.

    Nothing at first: the last layer starts at zero. The first starts the same in every network, so
    that weights without an appearance can be given one.
    """

    def __init__(self, features: int, num_classes: int) -> None:
        super().__init__()
        self.dropout = nn.Dropout(_DROPOUT)
        self.hidden = nn.Linear(features, HIDDEN)
        self.scores = nn.Linear(HIDDEN, num_classes, bias=False)
        generator = torch.Generator().manual_seed(_SEED)
        nn.init.normal_(self.hidden.weight, std=features**-0.5, generator=generator)
        nn.init.zeros_(self.hidden.bias)
        nn.init.zeros_(self.scores.weight)

    def forward(self, appearance: Tensor) -> Tensor:
        scores: Tensor = self.scores(functional.relu(self.hidden(self.dropout(appearance))))
        return scores


class BoxPredictor(FastRCNNPredictor):
    """Class scores from the box head and the appearance, box deltas from the box head alone."""

    def __init__(self, representation: int, appearance: int, num_classes: int) -> None:
        super().__init__(representation, num_classes)
        self.features = representation + appearance
        self.appearance = AppearanceScores(appearance, num_classes)
        self._split = representation

    def class_scores(self, x: Tensor) -> Tensor:
        """Logits ``(R, classes)``."""
        scores: Tensor = self.cls_score(x[:, : self._split])
        return scores + self.appearance(x[:, self._split :])

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.class_scores(x), self.bbox_pred(x[:, : self._split])
