"""Folded backbones compute what the originals do, and the originals stay as they are."""

import copy

import torch
from torch import nn

from automask_ros.detection.folding import folded
from automask_ros.detection.mask_rcnn import build_lite, build_resnet50


def scrambled(body: nn.Module) -> nn.Module:
    """`body` with batch statistics as training leaves them."""
    for module in body.modules():
        if hasattr(module, "running_var"):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            module.weight.uniform_(0.5, 1.5)
            module.bias.normal_(0, 0.1)
    return body.eval()


def test_both_backbones_fold_without_a_trace() -> None:
    torch.manual_seed(0)
    image = torch.rand(1, 3, 64, 96)
    for model in (build_lite(2), build_resnet50(2, coco_weights=False)):
        body = scrambled(model.backbone.body)
        before = copy.deepcopy(body.state_dict())
        with torch.no_grad():
            expected = body(image)
            got = folded(body)(image)
        if isinstance(expected, dict):
            expected, got = list(expected.values()), list(got.values())
        for one, two in zip(expected, got, strict=True):
            scale = float(one.abs().max())
            torch.testing.assert_close(one, two, atol=1e-4 * scale, rtol=1e-3)
        assert not any(hasattr(m, "running_var") for m in folded(body).modules())
        after = body.state_dict()
        assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
