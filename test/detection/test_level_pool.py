"""RoI features gathered by level are those that torchvision pools."""

import torch
from torchvision.ops import MultiScaleRoIAlign

from automask_ros.detection.level_pool import STRIDES, LevelPool, with_level_pool
from automask_ros.detection.mask_rcnn import build_lite


def test_it_pools_what_torchvision_pools():
    torch.manual_seed(0)
    height, width = 256, 320
    features = {
        str(number): torch.randn(1, 8, height // stride, width // stride)
        for number, stride in enumerate(STRIDES)
    }
    corners = torch.rand(200, 2) * torch.tensor([width, height])
    sizes = 2 ** (torch.rand(200, 2) * 8)  # boxes of each level, and beyond the picture
    boxes = torch.cat([corners, corners + sizes], 1)
    theirs = MultiScaleRoIAlign(list(features), output_size=7, sampling_ratio=2)
    expected = theirs(features, [boxes], [(height, width)])
    got = LevelPool(theirs)(features, [boxes], [(height, width)])
    assert torch.equal(got, expected)
    none = LevelPool(theirs)(features, [boxes[:0]], [(height, width)])
    assert none.shape == (0, 8, 7, 7)


def test_the_networks_own_pools_stay_as_they_are():
    heads = build_lite(2).roi_heads
    for pool in (heads.box_roi_pool, heads.mask_roi_pool):
        assert isinstance(with_level_pool(pool).pyramid, LevelPool)
        assert isinstance(pool.pyramid, MultiScaleRoIAlign)
