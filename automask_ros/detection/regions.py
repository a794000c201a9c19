"""What the frozen part of a network makes of pictures, kept: heads learn from it within seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.ops import box_iou, clip_boxes_to_image

from automask_ros.detection.composites import Composite, boxes_of
from automask_ros.detection.export import traced
from automask_ros.detection.graph import DetectionGraph
from automask_ros.detection.onnx_session import CPU, session
from automask_ros.types import BGRImage

_PROPOSALS = 80  # of a picture, the best ones
_SHIFTED = 3  # boxes beside each true one, as a box head leaves them
_SHIFT = 0.08  # spread of their corners, in sides of the box
_OVERLAP = 0.5  # IoU from which a box shows an object, as torchvision's heads take it
_LEAST_SIDE = 4.0  # pixels


@dataclass(frozen=True, eq=False)
class Regions:
    """Boxes of pictures as the box head sees them: ``features (N, F)``, in half precision where
    many are kept, and what they show, ``class_ids (N,) int64``, 0 where it is no taught object."""

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


class Eye(Protocol):
    """Looks at ``image (H, W, 3) uint8 BGR`` at the network's size with its frozen part."""

    def __call__(
        self, image: BGRImage, boxes: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The network's own best boxes and then `boxes` ``(K, 4)``, without those that are next to
        nothing, and what the box head sees of each: ``(N, 4)`` and ``(N, F)``."""


class TorchEye:
    """Looks by torch, on the device of `graph`."""

    def __init__(self, graph: DetectionGraph) -> None:
        self._frozen = _Frozen(graph)
        self._device = graph.scale.device

    @torch.no_grad()
    def __call__(
        self, image: BGRImage, boxes: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        seen, features = self._frozen(
            torch.from_numpy(image).to(self._device), torch.from_numpy(boxes).to(self._device)
        )
        return seen.cpu().numpy(), features.cpu().numpy()


class OnnxEye:
    """Looks by ONNX Runtime with one thread for each that calls: two thirds of torch's time."""

    def __init__(self, graph: DetectionGraph, image: BGRImage) -> None:
        """`graph` is on the CPU; `image` is what it is traced on."""
        height, width = image.shape[:2]
        boxes = torch.tensor([[0.0, 0.0, width / 2, height / 2]])
        data = traced(
            _Frozen(graph).eval(),
            {"image": torch.from_numpy(image), "boxes": boxes},
            ("seen", "features"),
            {
                "image": {0: "height", 1: "width"},
                "boxes": {0: "given"},
                "seen": {0: "count"},
                "features": {0: "count"},
            },
        )
        self._session = session(data, [CPU], threads=1)

    def __call__(
        self, image: BGRImage, boxes: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        seen, features = self._session.run(None, {"image": image, "boxes": boxes})
        return seen, features


def look(eye: Eye, composite: Composite, seed: int) -> Regions:
    """Proposals of one picture at the network's size, its true boxes, and boxes beside those."""
    true = boxes_of(composite.masks)
    boxes = np.concatenate([true, _beside(true, np.random.default_rng(seed))])
    seen, features = eye(composite.image, boxes)
    class_ids = torch.zeros(len(seen), dtype=torch.int64)
    if len(true):
        overlaps, nearest = box_iou(torch.from_numpy(seen), torch.from_numpy(true)).max(1)
        found = torch.from_numpy(composite.class_ids)[nearest]
        class_ids = torch.where(overlaps >= _OVERLAP, found, class_ids)
    return Regions(torch.from_numpy(features), class_ids)


class _Frozen(nn.Module):
    """The frozen part of a DetectionGraph as a function of an image and of boxes to look at."""

    def __init__(self, graph: DetectionGraph) -> None:
        super().__init__()
        self.graph = graph

    def forward(self, image: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
        features, proposals, size = self.graph.look(image)
        boxes = clip_boxes_to_image(torch.cat([proposals[:_PROPOSALS], boxes]), size)
        boxes = boxes[((boxes[:, 2:] - boxes[:, :2]) > _LEAST_SIDE).all(1)]
        return boxes, self.graph.represent(features, boxes, size)


def _beside(boxes: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """`_SHIFTED` boxes for each of `boxes` ``(N, 4)``, their corners moved by lot."""
    sides = np.tile(boxes[:, 2:] - boxes[:, :2], (_SHIFTED, 2))
    moves = rng.standard_normal(sides.shape, np.float32)
    return np.tile(boxes, (_SHIFTED, 1)) + np.float32(_SHIFT) * sides * moves
