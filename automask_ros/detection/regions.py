"""What the frozen part of a network makes of pictures, kept: heads learn from it within seconds."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.ops import box_iou, clip_boxes_to_image

from automask_ros.detection.composites import Composite, to_target
from automask_ros.detection.graph import DetectionGraph

_PROPOSALS = 80  # of a picture, the best ones
_SHIFTED = 3  # boxes beside each true one, as a box head leaves them
_SHIFT = 0.08  # spread of their corners, in sides of the box
_OVERLAP = 0.5  # IoU from which a box shows an object, as torchvision's heads take it
_LEAST_SIDE = 4.0  # pixels


@dataclass(frozen=True, eq=False)
class Regions:
    """Boxes of pictures as the box head sees them: ``features (N, F) float32``, and what they show,
    ``class_ids (N,) int64``, 0 where it is no taught object."""

    features: Tensor
    class_ids: Tensor

    def __len__(self) -> int:
        return len(self.class_ids)

    @classmethod
    def joined(cls, parts: list[Regions]) -> Regions:
        """All of `parts`, of which there must be one."""
        return cls(
            torch.cat([part.features for part in parts]),
            torch.cat([part.class_ids for part in parts]),
        )

    def to(self, device: torch.device) -> Regions:
        """The same on another device."""
        return Regions(self.features.to(device), self.class_ids.to(device))


@torch.no_grad()
def look(graph: DetectionGraph, composite: Composite, seed: int) -> Regions:
    """Proposals of one picture at the network's size, its true boxes, and boxes beside those."""
    device = graph.mean.device
    pixels = torch.from_numpy(composite.image).to(device)
    features, proposals, size = graph.look(pixels)
    true = to_target(composite)[1]["boxes"].to(device)
    generator = torch.Generator().manual_seed(seed)
    boxes = torch.cat([proposals[:_PROPOSALS], true, _beside(true, generator)])
    boxes = clip_boxes_to_image(boxes, size)
    boxes = boxes[((boxes[:, 2:] - boxes[:, :2]) > _LEAST_SIDE).all(1)]
    class_ids = torch.zeros(len(boxes), dtype=torch.int64)
    if len(true):
        overlaps, nearest = box_iou(boxes, true).max(1)
        found = torch.from_numpy(composite.class_ids)[nearest.cpu()]
        class_ids = torch.where(overlaps.cpu() >= _OVERLAP, found, class_ids)
    return Regions(graph.represent(features, boxes, size).cpu(), class_ids)


def _beside(boxes: Tensor, generator: torch.Generator) -> Tensor:
    """`_SHIFTED` boxes for each of `boxes` ``(N, 4)``, their corners moved by lot."""
    sides = (boxes[:, 2:] - boxes[:, :2]).repeat(_SHIFTED, 2)
    moves = torch.randn(sides.shape, generator=generator).to(boxes.device)
    return boxes.repeat(_SHIFTED, 1) + _SHIFT * sides * moves
