"""The heads of the lite architecture: a mask is looked for in a window wider than its box.

Boxes are a few pixels off, and a mask that ends where its box ends is cut there. In a wider window
the mask itself finds where the object ends; its bounds make a better box than the regression did.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.models.detection.roi_heads import RoIHeads, fastrcnn_loss, maskrcnn_loss

WINDOW = 1.25
"""Sides of a mask's window over those of its box."""
_MASKS = 8
"""Masks of a picture that a training step looks at: they are most of its work."""


def window(boxes: Tensor, factor: float = WINDOW) -> Tensor:
    """`boxes` ``(N, 4) xyxy``, each widened around its centre; they may reach out of the image."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    halves = (boxes[:, 2:] - boxes[:, :2]) * (factor / 2)
    return torch.cat([centres - halves, centres + halves], 1)


class WindowedRoIHeads(RoIHeads):
    """torchvision's heads, but for the windows and for how many masks are trained on.

    Only for training: a picture is predicted by DetectionGraph.
    """

    mask_window = WINDOW
    second_look = True
    """Whether class scores are looked up again where the box regression put the box."""

    @classmethod
    def replacing(cls, heads: RoIHeads) -> WindowedRoIHeads:
        """The same parts and settings as `heads`."""
        result = cls.__new__(cls)
        result.__dict__ = heads.__dict__
        return result

    def forward(
        self,
        features: dict[str, Tensor],
        proposals: list[Tensor],
        image_shapes: list[tuple[int, int]],
        targets: list[dict[str, Tensor]] | None = None,
    ) -> tuple[list[dict[str, Tensor]], dict[str, Tensor]]:
        """No detections, and the losses of class, box and mask."""
        if targets is None:
            raise TypeError("WindowedRoIHeads train; DetectionGraph predicts")
        proposals, matched, labels, wanted = self.select_training_samples(proposals, targets)
        pooled = self.box_roi_pool(features, proposals, image_shapes)
        logits, deltas = self.box_predictor(self.box_head(pooled))
        class_loss, box_loss = fastrcnn_loss(logits, deltas, labels, wanted)
        chosen = [_some(torch.where(label > 0)[0]) for label in labels]
        windows = [
            window(p[rows], self.mask_window) for p, rows in zip(proposals, chosen, strict=True)
        ]
        seen = self.mask_roi_pool(features, windows, image_shapes)
        mask_loss = maskrcnn_loss(
            self.mask_predictor(self.mask_head(seen)),
            windows,
            [target["masks"] for target in targets],
            [target["labels"] for target in targets],
            [rows[some] for rows, some in zip(matched, chosen, strict=True)],
        )
        return [], {
            "loss_classifier": class_loss,
            "loss_box_reg": box_loss,
            "loss_mask": mask_loss,
        }


def _some(rows: Tensor) -> Tensor:
    """At most _MASKS of `rows`, by lot."""
    return rows[torch.randperm(len(rows), device=rows.device)[:_MASKS]]
