"""What runs per frame: Mask R-CNN from pixels to 28x28 masks, without torchvision's wrapping.

torchvision resizes in float, keeps every class of every proposal and pastes each mask into a full
image. Here resizing and pasting happen outside, a proposal speaks for its best class alone, and
the mask head sees only what passes its label's threshold. The same module is what gets exported.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import batched_nms, clip_boxes_to_image, nms

from automask_ros.detection.folding import folded, for_bgr, with_fixed_padding
from automask_ros.detection.level_pool import with_level_pool
from automask_ros.detection.roi_heads import window

SAME_LABEL_OVERLAP = 0.5
# Two labels on one object: the better one stays. Boxes of neighbours that hide each other reach
# higher overlaps than those of one label, so this bar is higher.
ANY_LABEL_OVERLAP = 0.7
SIZE_DIVISOR = 32
_WORTH_A_SECOND_LOOK = 0.02  # least chance of any label

Found = tuple[Tensor, Tensor, Tensor, Tensor]
"""Windows, scores, class ids and masks of one image."""


class DetectionGraph(nn.Module):
    """A copy of a Mask R-CNN as a function of one image.

    forward(image, minimum): `image` is ``(H, W, 3) uint8 BGR`` at the network's size, `minimum`
    is ``(classes,) float32``, the least score that counts for each class (the background's is
    ignored). Returns ``windows (N, 4) float32 xyxy`` in pixels of `image`, ``scores (N,)``
    descending, ``class_ids (N,) int64`` and ``masks (N, 28, 28)``, probabilities in the windows.
    The windows are the boxes, or wider where the heads look for masks beyond them.

    Nothing is shared with the model, so the graph moves between devices without it, and does not
    learn what the model learns later.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, model: MaskRCNN) -> None:
        super().__init__()
        self.backbone = for_bgr(with_fixed_padding(folded(model.backbone)))
        self.rpn = copy.deepcopy(model.rpn)
        self.heads = copy.deepcopy(model.roi_heads)
        self.box_pool = with_level_pool(model.roi_heads.box_roi_pool)
        self.mask_pool = with_level_pool(model.roi_heads.mask_roi_pool)
        self.detections = model.roi_heads.detections_per_img
        self.mask_window = float(getattr(model.roi_heads, "mask_window", 1.0))
        self.second_look = bool(getattr(model.roi_heads, "second_look", False))
        mean, std = (
            torch.tensor(model.transform.image_mean),
            torch.tensor(model.transform.image_std),
        )
        self.register_buffer("scale", (1.0 / (255.0 * std)).flip(0).view(1, 3, 1, 1))
        self.register_buffer("shift", (-mean / std).flip(0).view(1, 3, 1, 1))

    def forward(self, image: Tensor, minimum: Tensor) -> Found:
        features, proposals, size = self.look(image)
        return self._find(features, proposals, size, minimum)

    def many(self, images: Tensor, minimum: Tensor) -> list[Found]:
        """The same for ``images (B, H, W, 3)``, which go through the backbone together."""
        features, proposals, size = self._look(images)
        return [
            self._find(
                {name: level[number : number + 1] for name, level in features.items()},
                proposals[number],
                size,
                minimum,
            )
            for number in range(len(images))
        ]

    def look(self, image: Tensor) -> tuple[dict[str, Tensor], Tensor, tuple[int, int]]:
        """Feature maps, proposals ``(P, 4)`` and (height, width) of `image` ``(H, W, 3)``."""
        features, proposals, size = self._look(image[None])
        return features, proposals[0], size

    def _look(self, images: Tensor) -> tuple[dict[str, Tensor], list[Tensor], tuple[int, int]]:
        height, width = images.shape[1], images.shape[2]
        pixels = images.permute(0, 3, 1, 2).to(self.scale.dtype) * self.scale + self.shift
        pixels = functional.pad(pixels, (0, -width % SIZE_DIVISOR, 0, -height % SIZE_DIVISOR))
        features = self.backbone(pixels)
        sizes = [(height, width)] * int(images.shape[0])
        proposals, _ = self.rpn(ImageList(pixels, sizes), features)
        return features, proposals, (height, width)

    def _find(
        self,
        features: dict[str, Tensor],
        proposals: Tensor,
        size: tuple[int, int],
        minimum: Tensor,
    ) -> Found:
        boxes, scores, class_ids = self._boxes(features, proposals, size, minimum)
        windows = window(boxes, self.mask_window)
        return windows, scores, class_ids, self._masks(features, windows, class_ids, size)

    def represent(
        self, features: dict[str, Tensor], boxes: Tensor, size: tuple[int, int]
    ) -> Tensor:
        """What the box predictor sees of each of `boxes` ``(N, 4)``: ``(N, F)``."""
        seen: Tensor = self.heads.box_head(self.box_pool(features, [boxes], [size]))
        return seen

    def _boxes(
        self,
        features: dict[str, Tensor],
        proposals: Tensor,
        size: tuple[int, int],
        minimum: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Boxes, scores and class ids that pass their class's minimum, overlaps removed."""
        logits, deltas = self.heads.box_predictor(self.represent(features, proposals, size))
        chances = functional.softmax(logits.float(), -1)
        every = self.heads.box_coder.decode(deltas.float(), [proposals])
        best = chances[:, 1:].argmax(1) + 1
        boxes = every.gather(1, best[:, None, None].expand(-1, 1, 4))[:, 0]
        boxes = clip_boxes_to_image(boxes, size)
        large = (boxes[:, 2:] - boxes[:, :2]).amin(1) >= 1.0
        if self.second_look:
            boxes, chances = self._again(features, boxes, chances, size, large)
            large = torch.ones_like(chances[:, 0], dtype=torch.bool)
        scores, best = chances[:, 1:].max(1)
        class_ids = best + 1
        kept = torch.where((scores >= minimum[class_ids]) & large)[0]
        boxes, scores, class_ids = boxes[kept], scores[kept], class_ids[kept]
        kept = batched_nms(boxes, scores, class_ids, SAME_LABEL_OVERLAP)
        boxes, scores, class_ids = boxes[kept], scores[kept], class_ids[kept]
        kept = nms(boxes, scores, ANY_LABEL_OVERLAP)[: self.detections]
        return boxes[kept], scores[kept], class_ids[kept]

    def _again(
        self,
        features: dict[str, Tensor],
        boxes: Tensor,
        chances: Tensor,
        size: tuple[int, int],
        large: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """The boxes that may show something, and the mean of the chances of before and of now that
        the box sits better."""
        kept = torch.where((chances[:, 1:].amax(1) >= _WORTH_A_SECOND_LOOK) & large)[0]
        boxes = boxes[kept]
        logits, _ = self.heads.box_predictor(self.represent(features, boxes, size))
        return boxes, (chances[kept] + functional.softmax(logits.float(), -1)) / 2

    def _masks(
        self,
        features: dict[str, Tensor],
        boxes: Tensor,
        class_ids: Tensor,
        size: tuple[int, int],
    ) -> Tensor:
        """``(N, 28, 28)`` probabilities of each box's own class."""
        pooled = self.mask_pool(features, [boxes], [size])
        logits = self.heads.mask_predictor(self.heads.mask_head(pooled))
        own = logits.gather(1, class_ids[:, None, None, None].expand(-1, 1, 28, 28))[:, 0]
        return own.float().sigmoid()
