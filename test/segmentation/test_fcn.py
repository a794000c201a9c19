"""The lite FCN: its upsampling is bilinear, it takes any size, and its file gives back what was
saved."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional

from automask_ros.errors import AutomaskError
from automask_ros.segmentation.fcn import SCORE_CHANNELS, FineSkip, LiteFCN, load_fcn, save_fcn
from automask_ros.segmentation.upsampling import BilinearUpsampling


@pytest.fixture(scope="module")
def model() -> LiteFCN:
    torch.manual_seed(0)
    return LiteFCN().eval()


@pytest.mark.parametrize("factor", [2, 4, 8, 16, 32])
def test_upsampling_starts_as_exact_bilinear_interpolation(factor: int) -> None:
    maps = torch.rand(2, 3, 5, 7, generator=torch.Generator().manual_seed(1))
    expected = functional.interpolate(
        maps, scale_factor=factor, mode="bilinear", align_corners=False
    )
    torch.testing.assert_close(BilinearUpsampling(3, factor)(maps), expected)


def test_upsampling_is_learnable() -> None:
    assert BilinearUpsampling(3, 2).weight.requires_grad


@pytest.mark.parametrize(("height", "width"), [(64, 96), (65, 97), (33, 200), (32, 32)])
def test_any_size_gives_logits_of_that_size(model: LiteFCN, height: int, width: int) -> None:
    with torch.no_grad():
        logits = model(torch.zeros(1, 3, height, width))
    assert logits.shape == (1, 1, height, width)
    assert torch.isfinite(logits).all()


def test_finest_skip_starts_as_upsampling_and_then_reads_the_pixels() -> None:
    torch.manual_seed(0)
    skip = FineSkip()
    images, maps = torch.rand(1, 3, 32, 32), torch.rand(1, SCORE_CHANNELS, 8, 8)
    logits = torch.rand(1, 1, 8, 8)
    upsampled = functional.interpolate(logits, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(skip(images, maps, logits), upsampled)
    torch.nn.init.ones_(skip.classifier.weight)
    changed = images.clone()
    changed[..., 16, 16] += 1
    difference = (skip(changed, maps, logits) - skip(images, maps, logits)).abs()[0, 0]
    assert difference[8, 8] > 0
    assert difference[0, 0] == 0


def test_saved_weights_come_back(model: LiteFCN, tmp_path: Path) -> None:
    path = tmp_path / "fcn.safetensors"
    save_fcn(model, path, {"seed": "0"})
    loaded = load_fcn(str(path))
    assert not loaded.training
    assert path.stat().st_size < 10_000_000
    for name, tensor in model.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(loaded.state_dict()[name], tensor.half().float()), name


def test_unknown_name_says_what_is_known() -> None:
    with pytest.raises(AutomaskError, match="give lite or the path"):
        load_fcn("heavy")


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AutomaskError, match="absent.safetensors are missing"):
        load_fcn(str(tmp_path / "absent.safetensors"))


def test_foreign_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "foreign.safetensors"
    path.write_bytes(b"not a weights file")
    with pytest.raises(AutomaskError, match="does not hold an FCN"):
        load_fcn(str(path))
