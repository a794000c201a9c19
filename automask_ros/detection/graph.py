"""What runs per frame: Mask R-CNN from pixels to 28x28 masks, without torchvision's wrapping.

torchvision resizes in float, keeps every class of every proposal and pastes each mask into a full
image. Here resizing and pasting happen outside, a proposal speaks for its best class alone, and
the mask head sees only what passes its label's threshold. The same module is what gets exported.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import batched_nms, clip_boxes_to_image, nms

from automask_ros.detection.folding import folded

SAME_LABEL_OVERLAP = 0.5
# Two labels on one object: the better one stays. Boxes of neighbours that hide each other reach
# higher overlaps than those of one label, so this bar is higher.
ANY_LABEL_OVERLAP = 0.7
SIZE_DIVISOR = 32


class DetectionGraph(nn.Module):
    """A Mask R-CNN as a function of one image.

    forward(image, minimum): `image` is ``(H, W, 3) uint8 BGR`` at the network's size, `minimum`
    is ``(classes,) float32``, the least score that counts for each class (the background's is
    ignored). Returns ``boxes (N, 4) float32 xyxy`` in pixels of `image`, ``scores (N,)``
    descending, ``class_ids (N,) int64`` and ``masks (N, 28, 28)`` probabilities.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, model: MaskRCNN) -> None:
        super().__init__()
        self.backbone = folded(model.backbone)
        self.rpn = model.rpn
        self.heads = model.roi_heads
        self.detections = model.roi_heads.detections_per_img
        self.register_buffer("mean", torch.tensor(model.transform.image_mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(model.transform.image_std).view(1, 3, 1, 1))

    def forward(self, image: Tensor, minimum: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        height, width = image.shape[0], image.shape[1]
        pixels = (self._normalised(image) - self.mean) / self.std
        pixels = functional.pad(pixels, (0, -width % SIZE_DIVISOR, 0, -height % SIZE_DIVISOR))
        features = self.backbone(pixels)
        sizes = [(height, width)]
        proposals, _ = self.rpn(ImageList(pixels, sizes), features)
        boxes, scores, class_ids = self._boxes(features, proposals, sizes, minimum)
        return boxes, scores, class_ids, self._masks(features, boxes, class_ids, sizes)

    def _normalised(self, image: Tensor) -> Tensor:
        return image.flip(2).permute(2, 0, 1)[None].to(self.mean.dtype) / 255.0

    def _boxes(
        self,
        features: dict[str, Tensor],
        proposals: list[Tensor],
        sizes: list[tuple[int, int]],
        minimum: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Boxes, scores and class ids that pass their class's minimum, overlaps removed."""
        pooled = self.heads.box_roi_pool(features, proposals, sizes)
        logits, deltas = self.heads.box_predictor(self.heads.box_head(pooled))
        scores, best = functional.softmax(logits.float(), -1)[:, 1:].max(1)
        class_ids = best + 1
        every = self.heads.box_coder.decode(deltas.float(), proposals)
        boxes = every.gather(1, class_ids[:, None, None].expand(-1, 1, 4))[:, 0]
        boxes = clip_boxes_to_image(boxes, sizes[0])
        sides = boxes[:, 2:] - boxes[:, :2]
        kept = torch.where((scores >= minimum[class_ids]) & (sides.amin(1) >= 1.0))[0]
        boxes, scores, class_ids = boxes[kept], scores[kept], class_ids[kept]
        kept = batched_nms(boxes, scores, class_ids, SAME_LABEL_OVERLAP)
        boxes, scores, class_ids = boxes[kept], scores[kept], class_ids[kept]
        kept = nms(boxes, scores, ANY_LABEL_OVERLAP)[: self.detections]
        return boxes[kept], scores[kept], class_ids[kept]

    def _masks(
        self,
        features: dict[str, Tensor],
        boxes: Tensor,
        class_ids: Tensor,
        sizes: list[tuple[int, int]],
    ) -> Tensor:
        """``(N, 28, 28)`` probabilities of each box's own class."""
        pooled = self.heads.mask_roi_pool(features, [boxes], sizes)
        logits = self.heads.mask_predictor(self.heads.mask_head(pooled))
        own = logits.gather(1, class_ids[:, None, None, None].expand(-1, 1, 28, 28))[:, 0]
        return own.float().sigmoid()
