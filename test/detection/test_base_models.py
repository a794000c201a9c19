"""Start weights: rows per label, checkpoints on disk, and what is said when they are missing."""

from pathlib import Path

import pytest
import torch

from automask_ros.detection.base_models import (
    build,
    load_base_model,
    load_checkpoint,
    resize_classes,
    save_checkpoint,
)
from automask_ros.detection.mask_rcnn import build_lite, build_resnet50, num_classes_of
from automask_ros.errors import AutomaskError

BOX = "roi_heads.box_predictor.bbox_pred.weight"
CLASS = "roi_heads.box_predictor.cls_score.weight"
CLASS_BIAS = "roi_heads.box_predictor.cls_score.bias"
MASK = "roi_heads.mask_predictor.mask_fcn_logits.weight"


def test_new_labels_start_as_the_class_agnostic_object(base_weights: Path) -> None:
    base = load_checkpoint(base_weights)
    resized = resize_classes(base, {"mug": 1, "can": 2})
    for name in (CLASS, CLASS_BIAS, MASK):
        assert len(resized.state[name]) == 3
        assert torch.equal(resized.state[name][0], base.state[name][0])
        assert torch.equal(resized.state[name][1], base.state[name][1])
        assert torch.equal(resized.state[name][2], base.state[name][1])
    assert torch.equal(resized.state[BOX][4:8], base.state[BOX][4:8])
    assert torch.equal(resized.state[BOX][8:12], base.state[BOX][4:8])
    untouched = "backbone.fpn.inner_blocks.0.0.weight"
    assert torch.equal(resized.state[untouched], base.state[untouched])


def test_known_labels_keep_their_rows_and_new_ones_get_the_mean(base_weights: Path) -> None:
    taught = resize_classes(load_checkpoint(base_weights), {"mug": 1, "can": 2})
    taught.state[CLASS][2] += 1
    grown = resize_classes(taught, {"mug": 1, "can": 2, "cup": 4})
    assert torch.equal(grown.state[CLASS][1:3], taught.state[CLASS][1:3])
    assert torch.allclose(grown.state[CLASS][4], taught.state[CLASS][1:3].mean(0))
    # Id 3 belongs to a label that is not taught now: nothing may be called by it.
    assert not grown.state[CLASS][3].any()
    assert grown.state[CLASS_BIAS][3] <= -10


def test_checkpoint_comes_back_as_it_was(base_weights: Path, tmp_path: Path) -> None:
    model, architecture = load_base_model(str(base_weights), {"mug": 1, "can": 2})
    assert architecture == "lite"
    path = tmp_path / "model.safetensors"
    save_checkpoint(
        model, path, architecture=architecture, labels={"mug": 1, "can": 2}, image_size=96
    )
    stored = load_checkpoint(path)
    assert (stored.labels, stored.image_size) == ({"mug": 1, "can": 2}, 96)
    again = build(stored).state_dict()
    for name, tensor in model.state_dict().items():
        exact = tensor.half().float() if tensor.ndim > 1 else tensor
        assert torch.equal(again[name], exact), name
    assert load_checkpoint(tmp_path).labels == stored.labels  # a models/VERSION directory


def test_missing_and_foreign_files_are_named(tmp_path: Path, base_weights: Path) -> None:
    with pytest.raises(AutomaskError, match="no weights at .*absent"):
        load_base_model(str(tmp_path / "absent.safetensors"), {"mug": 1})
    foreign = tmp_path / "foreign.safetensors"
    foreign.write_bytes(b"not safetensors at all")
    with pytest.raises(AutomaskError, match="not a Mask R-CNN checkpoint"):
        load_base_model(str(foreign), {"mug": 1})
    base = load_checkpoint(base_weights)
    del base.state[CLASS]
    with pytest.raises(AutomaskError, match="weights do not fit the lite"):
        build(base)


def test_resnet50_offline_names_cache_and_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nothing listens there
    with pytest.raises(AutomaskError, match="maskrcnn_resnet50_fpn_coco.*base_model lite") as info:
        load_base_model("resnet50", {"mug": 1})
    assert str(tmp_path) in str(info.value)
    assert "\n" not in str(info.value)


def test_resnet50_starts_from_a_checkpoint_in_torchvisions_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of the COCO checkpoint's layout, found by torchvision's own loader."""
    torch.manual_seed(0)
    coco = build_resnet50(91, coco_weights=False)
    name = "maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth"
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(coco.state_dict(), folder / name)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    model, architecture = load_base_model("resnet50", {"mug": 1, "can": 2}, image_size=128)
    assert architecture == "resnet50"
    assert num_classes_of(model) == 3
    mine, theirs = model.state_dict(), coco.state_dict()
    assert torch.equal(mine["backbone.body.conv1.weight"], theirs["backbone.body.conv1.weight"])
    assert torch.equal(
        mine["roi_heads.mask_head.0.0.weight"], theirs["roi_heads.mask_head.0.0.weight"]
    )


def test_lite_learns_a_fixed_batch() -> None:
    torch.manual_seed(0)
    model = build_lite(2, 96).train()
    image = torch.rand(3, 96, 128)
    mask = torch.zeros(1, 96, 128, dtype=torch.uint8)
    mask[:, 30:70, 40:100] = 1
    image[:, 30:70, 40:100] *= 0.1
    target = {
        "boxes": torch.tensor([[40.0, 30, 100, 70]]),
        "labels": torch.tensor([1]),
        "masks": mask,
    }
    optimiser = torch.optim.AdamW(model.parameters(), 1e-3)
    losses = []
    for _ in range(15):
        loss = torch.stack(list(model([image], [target]).values())).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]
    assert all(p.grad is not None for p in model.backbone.fpn.parameters())
