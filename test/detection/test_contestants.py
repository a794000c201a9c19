"""Who takes part in the benchmark, on which device, and that torchvision's stages are its own."""

import logging

import numpy as np
import pytest
import torch

from automask_ros.detection.contestants import (
    DEFAULTS,
    OURS,
    OURS_TORCH,
    TORCHVISION,
    contestants,
)
from automask_ros.detection.mask_rcnn import build_resnet50
from automask_ros.detection.plain_prediction import TorchvisionStages
from automask_ros.detection.speed import ENCODINGS, as_message, spread_scores


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 255, (96, 128, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def model(image):
    torch.manual_seed(0)
    made = build_resnet50(2, 96, coco_weights=False).eval()
    spread_scores(made, image)
    return made


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_stages_of_torchvision_are_its_forward(model, image, encoding):
    stages = TorchvisionStages(model)
    found = stages.paste(stages.infer(stages.convert(as_message(image, encoding))))
    rgb = torch.from_numpy(image[:, :, ::-1].copy()).permute(2, 0, 1).float() / 255
    with torch.inference_mode():
        (expected,) = model([rgb])
    assert len(found.scores) > 3
    np.testing.assert_array_equal(found.scores, expected["scores"].numpy())
    np.testing.assert_array_equal(found.class_ids, expected["labels"].numpy())
    np.testing.assert_array_equal(found.masks, expected["masks"][:, 0].numpy() > 0.5)


def test_all_run_on_the_device_and_who_cannot_is_left_out(model, image, caplog):
    """torch knows the device called meta, ONNX Runtime does not: as with a GPU that it lacks."""
    limit = model.roi_heads.score_thresh
    with caplog.at_level(logging.WARNING):
        found = contestants(model, "resnet50", {"a": 1}, {"a": 0.5}, image, "meta", 1)
    assert [each.name for each in found] == [OURS_TORCH, TORCHVISION, DEFAULTS]
    (message,) = [record.getMessage() for record in caplog.records]
    assert message.startswith(f"{OURS} is left out: no device is called 'meta'")
    for each in found[1:]:
        images, size = each.stages.convert(as_message(image, "bgr8"))
        assert images.tensors.device.type == "meta" and size == (96, 128)
    # The model that was given stays as it was.
    assert {tensor.device.type for tensor in model.parameters()} == {"cpu"}
    assert model.roi_heads.score_thresh == limit
