"""The two Mask R-CNN architectures: `lite` for a CPU, `resnet50` as in the paper.

Both are torchvision's `MaskRCNN`, so its training targets, losses and state names hold:
images go in as a list of ``(3, H, W) float32 RGB in 0..1``; targets carry ``boxes (N, 4) xyxy``,
``labels (N,) int64`` (0 is background) and ``masks (N, H, W) uint8``.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from urllib.parse import urlparse

import timm
import torch
from timm.layers.norm_act import freeze_batch_norm_2d
from torch import Tensor, nn
from torchvision.models.detection import MaskRCNN, MaskRCNN_ResNet50_FPN_Weights
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor
from torchvision.models.detection.mask_rcnn import MaskRCNNPredictor
from torchvision.ops import FrozenBatchNorm2d, MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import FeaturePyramidNetwork, LastLevelMaxPool

from automask_ros.detection.appearance import (
    CELLS,
    BoxHead,
    BoxPool,
    BoxPredictor,
    PyramidAnchors,
    PyramidRPNHead,
)
from automask_ros.detection.outlines import FINE_LEVEL, MaskHead, MaskPool, MaskPredictor
from automask_ros.detection.roi_heads import WindowedRoIHeads
from automask_ros.errors import AutomaskError
from automask_ros.library.files import one_line

LITE_CHANNELS = 128
_BODY_CHANNELS = (24, 40, 112, 320)  # of EfficientNet-Lite0 at strides 4, 8, 16 and 32
_APPEARANCE_LEVELS = {"body1": (8, 40), "body2": (16, 112)}  # strides and channels
APPEARANCE_FEATURES = (40 + 112) * CELLS**2
LITE_BOX_FEATURES = 512
# Sides in pixels, whatever the image size, at strides 8 to 64; stride 4 would have four times as
# many to look at.
_ANCHORS = ((16, 28), (48, 80), (112, 176), (256, 384))
LITE_IMAGE_SIZE = 480
RESNET50_IMAGE_SIZE = 480
COCO_CLASSES = 91
# Longer side allowed over the shorter one: 16:9 cameras fit without losing resolution.
LONGEST_ASPECT = 1.8


class LiteBackbone(nn.Module):
    """EfficientNet-Lite0 at strides 4, 8, 16 and 32 under a 128-channel FPN with a pool level."""

    def __init__(self) -> None:
        super().__init__()
        body = timm.create_model(
            "tf_efficientnet_lite0",
            features_only=True,
            pretrained=False,
            out_indices=(0, 1, 2, 3, 4),
        )
        # Statistics of two-image batches would only spoil ImageNet's: they are constants here.
        self.body = freeze_batch_norm_2d(body)
        self.fpn = FeaturePyramidNetwork(
            list(_BODY_CHANNELS), LITE_CHANNELS, extra_blocks=LastLevelMaxPool()
        )
        # At stride 4 the usual 3 x 3 convolution would cost as much as the whole backbone.
        self.fpn.layer_blocks[0] = nn.Sequential(
            nn.Conv2d(LITE_CHANNELS, LITE_CHANNELS, 3, padding=1, groups=LITE_CHANNELS),
            nn.Conv2d(LITE_CHANNELS, LITE_CHANNELS, 1),
        )
        self.out_channels = LITE_CHANNELS

    def forward(self, images: Tensor) -> OrderedDict[str, Tensor]:
        """``(N, 3, H, W)`` normalised RGB -> pyramid levels ``'0'..'3'`` (strides 4..32),
        ``'pool'``, and the backbone's own maps ``'body0'..'body3'`` and ``'fine'`` (stride 2)."""
        fine, *levels = self.body(images)
        features = self.fpn(OrderedDict((str(i), level) for i, level in enumerate(levels)))
        # The pyramid first: proposals count on it.
        features.update((f"body{i}", level) for i, level in enumerate(levels))
        features[FINE_LEVEL] = fine
        return features


def build_lite(num_classes: int, image_size: int = LITE_IMAGE_SIZE) -> MaskRCNN:
    """A small Mask R-CNN with random weights.

    `num_classes` counts the background; `image_size` is the shorter side in pixels that every
    image is brought to inside the network.
    """
    anchors = PyramidAnchors(_ANCHORS, ((0.5, 1.0, 2.0),) * len(_ANCHORS))
    levels = ["0", "1", "2", "3"]
    pool = MultiScaleRoIAlign(levels, output_size=7, sampling_ratio=2)
    model = MaskRCNN(
        LiteBackbone(),
        min_size=image_size,
        max_size=longest_side(image_size),
        image_mean=[0.5, 0.5, 0.5],
        image_std=[0.5, 0.5, 0.5],
        rpn_anchor_generator=anchors,
        rpn_head=PyramidRPNHead(LITE_CHANNELS, anchors),
        rpn_pre_nms_top_n_train=500,
        rpn_post_nms_top_n_train=256,
        rpn_pre_nms_top_n_test=300,
        rpn_post_nms_top_n_test=100,
        box_roi_pool=pool,
        box_head=BoxHead(LITE_CHANNELS * 7 * 7, LITE_BOX_FEATURES),
        box_predictor=BoxPredictor(LITE_BOX_FEATURES, APPEARANCE_FEATURES, num_classes),
        box_batch_size_per_image=96,
        box_detections_per_img=50,
        mask_roi_pool=MultiScaleRoIAlign(levels, output_size=14, sampling_ratio=2),
        mask_head=MaskHead(LITE_CHANNELS, (LITE_CHANNELS,) * 4, 1),
        mask_predictor=MaskPredictor(LITE_CHANNELS, LITE_CHANNELS, num_classes),
    )
    model.roi_heads = WindowedRoIHeads.replacing(model.roi_heads)
    model.roi_heads.mask_roi_pool = MaskPool(model.roi_heads.mask_roi_pool)
    model.roi_heads.box_roi_pool = BoxPool(pool, _APPEARANCE_LEVELS)
    return model


def build_resnet50(
    num_classes: int, image_size: int = RESNET50_IMAGE_SIZE, *, coco_weights: bool = True
) -> MaskRCNN:
    """torchvision's Mask R-CNN ResNet50-FPN, its predictors replaced for `num_classes`.

    With `coco_weights`, torchvision downloads its COCO checkpoint or takes it from its cache;
    AutomaskError when neither is possible.
    """
    model = MaskRCNN(
        resnet_fpn_backbone(backbone_name="resnet50", weights=None, trainable_layers=5),
        COCO_CLASSES,
        min_size=image_size,
        max_size=longest_side(image_size),
        rpn_pre_nms_top_n_train=1000,
        rpn_post_nms_top_n_train=512,
        rpn_pre_nms_top_n_test=500,
        rpn_post_nms_top_n_test=200,
        box_batch_size_per_image=128,
        box_detections_per_img=50,
    )
    for module in model.modules():
        if isinstance(module, FrozenBatchNorm2d):
            module.eps = 0.0  # the checkpoint was trained with it
    if coco_weights:
        model.load_state_dict(_coco_state())
    model.roi_heads.box_predictor = FastRCNNPredictor(1024, num_classes)
    model.roi_heads.mask_predictor = MaskRCNNPredictor(256, 256, num_classes)
    return model


def longest_side(image_size: int) -> int:
    """Pixels that the longer side may have when the shorter one is `image_size`."""
    return round(image_size * LONGEST_ASPECT)


def num_classes_of(model: MaskRCNN) -> int:
    """Classes of `model`'s predictors, the background counted."""
    return int(model.roi_heads.box_predictor.cls_score.out_features)


def _coco_state() -> dict[str, Tensor]:
    weights = MaskRCNN_ResNet50_FPN_Weights.COCO_V1
    cached = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(weights.url).path).name
    try:
        return dict(weights.get_state_dict(progress=False, check_hash=True, weights_only=True))
    except Exception as error:  # the network, a disk, a damaged file: all end the same way
        raise AutomaskError(
            f"base_model resnet50: no COCO weights ({one_line(error) or type(error).__name__}); "
            "connect to the network once, "
            f"or put {weights.url} at {cached}, or use base_model lite"
        ) from error
