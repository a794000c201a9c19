"""The paper's fully convolutional network for scene parsing: FCN-32s, FCN-16s and FCN-8s.

Long, Shelhamer, Darrell, "Fully Convolutional Networks for Semantic Segmentation" (CVPR 2015):
1x1 score layers on VGG16's fc7, pool4 and pool3, the coarser score map upsampled by two with a
learnable layer that starts as bilinear interpolation and summed with the next finer one, and one
last upsampling by 32, 16 or 8 to the size of the input. New score layers start at zero, so that a
finer network begins with the predictions of the coarser one that it is made from.

Two things are solved in another way than in the authors' code, with the same result. Sizes: the
image is filled up to a multiple of 32 and the scores cut back, where they padded by 100 pixels and
cropped at each sum. Upsampling: each class by itself, where they had a kernel from every class to
every class, all zero but the diagonal.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

import torch
from torch import Tensor, nn
from torch.nn import functional

from automask_ros.errors import AutomaskError
from automask_ros.segmentation.scene_classes import SceneClasses
from automask_ros.segmentation.upsampling import BilinearUpsampling
from automask_ros.segmentation.vgg_backbone import VggBackbone, VggLayout

STAGES = (32, 16, 8)
"""Strides of the finest score map, in the order in which the networks are trained."""


class VggFCN(nn.Module):
    """FCN-32s, -16s or -8s (`stage`) over VGG16, one score per class of `classes`."""

    mean = (0.485, 0.456, 0.406)
    std = (0.229, 0.224, 0.225)
    architecture = "vgg16_fcn"

    def __init__(
        self,
        classes: SceneClasses,
        stage: int = 8,
        layout: VggLayout | None = None,
    ) -> None:
        super().__init__()
        if stage not in STAGES:
            raise ValueError(f"stage {stage}: there are FCN-32s, FCN-16s and FCN-8s")
        self.classes, self.stage, self.layout = classes, stage, layout or VggLayout()
        self.backbone = VggBackbone(self.layout)
        count = len(classes.names)
        self.scores = nn.ModuleDict()
        self.upsamplings = nn.ModuleDict()
        for stride in self.strides:
            score = nn.Conv2d(self._width(stride), count, 1)
            nn.init.zeros_(score.weight)
            nn.init.zeros_(score.bias)  # type: ignore[arg-type]  # it has one
            self.scores[str(stride)] = score
            factor = stride if stride == stage else 2
            self.upsamplings[str(stride)] = BilinearUpsampling(count, factor)

    @property
    def strides(self) -> tuple[int, ...]:
        """Strides of the score maps, coarse to fine."""
        return tuple(stride for stride in STAGES if stride >= self.stage)

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) RGB, normalised with `mean` and `std` -> (N, classes, H, W) scores, the
        logits of a softmax; any H and W."""
        height, width = images.shape[-2:]
        # Multiples of the coarsest stride keep every map exactly twice the next coarser one.
        bottom, right = -height % STAGES[0], -width % STAGES[0]
        if bottom or right:
            images = functional.pad(images, (0, right, 0, bottom), mode="replicate")
        features = self.backbone(images)
        maps = dict(zip(STAGES, reversed(features), strict=True))
        scores: Tensor | None = None
        for stride in self.strides:
            own = self.scores[str(stride)](maps[stride])
            scores = self.upsamplings[str(stride)](own if scores is None else scores + own)
        assert scores is not None
        return scores[..., :height, :width]

    def object_logits(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) normalised RGB -> (N, 1, H, W) logits of "object": what a softmax says of
        all classes that are objects, taken together."""
        if not any(self.classes.objects) or all(self.classes.objects):
            raise AutomaskError(
                "no class of this FCN sets objects apart from the rest: train it with --objects"
            )
        scores = self(images).float()
        objects = torch.tensor(self.classes.objects, device=scores.device)
        inside = scores[:, objects].logsumexp(dim=1, keepdim=True)
        outside = scores[:, ~objects].logsumexp(dim=1, keepdim=True)
        return inside - outside

    def header(self) -> dict[str, str]:
        """What a file has to say, beside the weights, to build this network again."""
        return {
            "architecture": self.architecture,
            "stage": str(self.stage),
            "layout": json.dumps(asdict(self.layout)),
            "classes": json.dumps(self.classes.names),
            "objects": json.dumps(self.classes.objects),
        }

    @classmethod
    def from_header(cls, header: dict[str, str]) -> VggFCN:
        """An untrained network as `header` describes it.

        Raises KeyError or ValueError when something is missing or makes no sense.
        """
        layout = json.loads(header["layout"])
        classes = SceneClasses(
            tuple(json.loads(header["classes"])), tuple(json.loads(header["objects"]))
        )
        sizes = VggLayout(tuple(layout["blocks"]), layout["fully_connected"])
        return cls(classes, int(header["stage"]), sizes)

    def _width(self, stride: int) -> int:
        widths = self.layout
        return {32: widths.fully_connected, 16: widths.blocks[3], 8: widths.blocks[2]}[stride]


def refined(coarse: VggFCN, stage: int) -> VggFCN:
    """The finer network `stage` made from a coarser one, at its side.

    It gives the same scores, but for the upsampling, which takes one more step: the score layer of
    the new skip is zero, and upsamplings that are new or of another factor are bilinear.
    """
    if stage >= coarse.stage:
        raise ValueError(f"FCN-{stage}s is not finer than FCN-{coarse.stage}s")
    fine = VggFCN(coarse.classes, stage, coarse.layout)
    own = fine.state_dict()
    known = {
        name: tensor
        for name, tensor in coarse.state_dict().items()
        if own[name].shape == tensor.shape
    }
    fine.load_state_dict({**own, **known})
    return fine.train(coarse.training)


def with_classes(network: VggFCN, labels: Sequence[str]) -> VggFCN:
    """A copy of `network` in which each label is a class, and an object.

    A new class starts as the mean of the objects that are known: it says "an object", and training
    makes the difference.
    """
    classes = network.classes.extended(labels)
    wider = VggFCN(classes, network.stage, network.layout)
    new = len(classes.names) - len(network.classes.names)
    objects = torch.tensor(network.classes.objects)
    state = {}
    for name, tensor in network.state_dict().items():
        if new and not name.startswith("backbone."):
            template = tensor[objects].mean(dim=0) if objects.any() else torch.zeros_like(tensor[0])
            if name.startswith("upsamplings."):
                template = tensor.mean(dim=0)
            tensor = torch.cat([tensor, template.expand(new, *template.shape)])
        state[name] = tensor
    wider.load_state_dict(state)
    return wider.train(network.training)
