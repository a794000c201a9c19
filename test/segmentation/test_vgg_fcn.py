"""The paper's FCN: VGG16 made convolutional, skips, stages, files, and what is an object."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import save_file
from segmentation.small_vgg import CLASSES, SMALL, small_fcn, vgg16_state
from torch.nn import functional

from automask_ros.errors import AutomaskError
from automask_ros.segmentation.fcn import load_fcn, save_fcn
from automask_ros.segmentation.mask_generator import MaskConfig, MaskGenerator
from automask_ros.segmentation.scene_classes import SCENE_PARSE_150, SceneClasses, choose_objects
from automask_ros.segmentation.upsampling import bilinear_kernel
from automask_ros.segmentation.vgg_backbone import VggBackbone, VggLayout
from automask_ros.segmentation.vgg_fcn import STAGES, VggFCN, refined, with_classes
from automask_ros.segmentation.vgg_weights import imagenet_vgg16, layout_of, transplant


def images(height: int, width: int, count: int = 1) -> torch.Tensor:
    return torch.randn(count, 3, height, width, generator=torch.Generator().manual_seed(7))


def test_the_default_is_vgg16_as_torchvision_has_it() -> None:
    with torch.device("meta"):
        network = VggFCN(choose_objects(SCENE_PARSE_150), 8)
        reference = torchvision.models.vgg16(weights=None).state_dict()
    ours = network.backbone.state_dict()
    for name, tensor in reference.items():
        if name.startswith("features."):
            assert ours[name].shape == tensor.shape
    assert ours["fc6.weight"].shape == (4096, 512, 7, 7)
    assert ours["fc7.weight"].shape == (4096, 4096, 1, 1)
    assert ours.keys() - reference.keys() == {
        f"fc{n}.{kind}" for n in (6, 7) for kind in ("weight", "bias")
    }
    assert layout_of(reference) == VggLayout()
    assert {name: score.weight.shape for name, score in network.scores.items()} == {
        "32": (150, 4096, 1, 1),
        "16": (150, 512, 1, 1),
        "8": (150, 256, 1, 1),
    }


def test_fully_connected_layers_become_convolutions_that_compute_the_same() -> None:
    state = vgg16_state()
    backbone = VggBackbone(SMALL).eval()
    transplant(state, backbone)
    with torch.no_grad():
        picture = images(224, 224)
        fc7 = backbone(picture).fc7
        pool5 = backbone.features(picture)
        hidden = functional.relu(
            functional.linear(
                pool5.flatten(1), state["classifier.0.weight"], state["classifier.0.bias"]
            )
        )
        expected = functional.relu(
            functional.linear(hidden, state["classifier.3.weight"], state["classifier.3.bias"])
        )
    # Only where the 7x7 window lies on the whole 7x7 map does it see what the classifier saw.
    torch.testing.assert_close(fc7[0, :, 3, 3], expected[0])


def test_features_are_those_of_torchvision() -> None:
    layers = [[width] * count for width, count in zip(SMALL.blocks, (2, 2, 3, 3, 3), strict=True)]
    plan = [entry for block in layers for entry in (*block, "M")]
    reference = torchvision.models.vgg.make_layers(plan)
    state = vgg16_state()
    reference.load_state_dict(
        {k.removeprefix("features."): v for k, v in state.items() if k.startswith("features.")}
    )
    backbone = VggBackbone(SMALL).eval()
    transplant(state, backbone)
    with torch.no_grad():
        picture = images(64, 96)
        features = backbone(picture)
        torch.testing.assert_close(features.pool3, reference[:17](picture))
        torch.testing.assert_close(features.pool4, reference[:24](picture))


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(("height", "width"), [(64, 96), (65, 97), (20, 200), (1, 1)])
def test_scores_have_the_size_of_the_image(stage: int, height: int, width: int) -> None:
    with torch.no_grad():
        scores = small_fcn(stage)(images(height, width, 2))
    assert scores.shape == (2, 3, height, width)
    assert torch.isfinite(scores).all()


def test_scores_are_the_upsampled_sum_of_the_score_maps() -> None:
    network = small_fcn(8)
    picture = images(96, 64)

    def enlarge(maps: torch.Tensor, factor: int) -> torch.Tensor:
        return functional.interpolate(maps, scale_factor=factor, mode="bilinear")

    with torch.no_grad():
        features = network.backbone(picture)
        coarse = network.scores["32"](features.fc7)
        middle = enlarge(coarse, 2) + network.scores["16"](features.pool4)
        fine = enlarge(middle, 2) + network.scores["8"](features.pool3)
        torch.testing.assert_close(network(picture), enlarge(fine, 8), rtol=1e-4, atol=1e-4)


def test_a_new_network_knows_nothing_yet() -> None:
    with torch.no_grad():
        scores = VggFCN(CLASSES, 8, SMALL)(images(64, 64))
    assert torch.equal(scores, torch.zeros_like(scores))


@pytest.mark.parametrize(("coarse_stage", "stage"), [(32, 16), (16, 8)])
def test_a_finer_network_starts_with_the_predictions_of_the_coarser(
    coarse_stage: int, stage: int
) -> None:
    coarse = small_fcn(coarse_stage)
    fine = refined(coarse, stage)
    assert fine.strides == (*coarse.strides, stage)
    assert not fine.scores[str(stage)].weight.any()
    picture = images(128, 160)
    with torch.no_grad():
        before, after = coarse(picture), fine(picture)
        # The same scores exactly, upsampled in two steps in place of one ...
        own = coarse.upsamplings[str(coarse_stage)]
        coarse.upsamplings[str(coarse_stage)] = torch.nn.Sequential(
            fine.upsamplings[str(coarse_stage)], fine.upsamplings[str(stage)]
        )
        torch.testing.assert_close(after, coarse(picture))
        coarse.upsamplings[str(coarse_stage)] = own
    # ... which moves them by little.
    assert (before - after).abs().mean() < 0.02 * before.std()
    assert (before.argmax(1) == after.argmax(1)).float().mean() > 0.98


def test_a_finer_network_keeps_what_upsampling_has_learnt() -> None:
    coarse = small_fcn(16)
    with torch.no_grad():
        coarse.upsamplings["32"].weight += 0.25
    fine = refined(coarse, 8)
    assert torch.equal(fine.upsamplings["32"].weight, coarse.upsamplings["32"].weight)
    assert torch.equal(fine.upsamplings["16"].weight[0, 0], bilinear_kernel(2))


def test_every_layer_learns() -> None:
    network = small_fcn(8).train()
    scores = network(images(64, 64))
    functional.cross_entropy(scores, torch.zeros(1, 64, 64, dtype=torch.long)).backward()
    still = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []


def test_object_logits_are_those_of_all_objects_together() -> None:
    classes = SceneClasses(("a", "b", "c", "d"), (False, True, False, True))
    network = small_fcn(16, classes=classes)
    picture = images(40, 50)
    with torch.no_grad():
        share = network(picture).softmax(dim=1)[:, [1, 3]].sum(dim=1, keepdim=True)
        torch.testing.assert_close(network.object_logits(picture).sigmoid(), share)


def test_without_objects_there_is_no_object_logit() -> None:
    network = small_fcn(32, classes=SceneClasses(("a", "b"), (False, False)))
    with pytest.raises(AutomaskError, match="train it with --objects"):
        network.object_logits(images(32, 32))


def test_taught_labels_become_classes() -> None:
    network = small_fcn(8)
    wider = with_classes(network, ["spray_can", "cup", "bottle"])
    assert wider.classes.names == ("wall", "floor", "cup", "spray_can", "bottle")
    assert wider.classes.objects == (False, False, True, True, True)
    picture = images(64, 48)
    with torch.no_grad():
        old, new = network(picture), wider(picture)
    torch.testing.assert_close(new[:, :3], old)
    torch.testing.assert_close(new[:, 3], old[:, 2])  # as the mean of all objects: the cup
    assert with_classes(network, ["wall"]).classes.objects == (True, False, True)


def test_a_file_gives_back_what_was_saved(tmp_path: Path) -> None:
    network = small_fcn(16)
    path = tmp_path / "fcn16s.safetensors"
    save_fcn(network, path, {"seed": "0"})
    loaded = load_fcn(str(path))
    assert isinstance(loaded, VggFCN) and not loaded.training
    assert (loaded.stage, loaded.layout, loaded.classes) == (16, SMALL, CLASSES)
    for name, tensor in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor.half().float()), name


def test_the_mask_generator_takes_it(tmp_path: Path) -> None:
    path = tmp_path / "fcn8s.safetensors"
    save_fcn(small_fcn(8), path, {})
    generator = MaskGenerator(str(path), "cpu", MaskConfig(input_size=64))
    image = np.random.default_rng(0).integers(0, 255, (50, 70, 3), np.uint8)
    assert generator(image).pixels.shape == (50, 70)


def test_vgg16_by_name_says_how_to_get_it() -> None:
    with pytest.raises(AutomaskError, match=r"automask train-fcn DATA .* OUT/fcn8s.safetensors"):
        load_fcn("vgg16")


def test_imagenet_weights_come_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    checkpoints = tmp_path / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    state = vgg16_state()
    torch.save(state, checkpoints / "vgg16-397923af.pth")
    loaded = imagenet_vgg16()
    assert loaded.keys() == state.keys()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in state.items())


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_imagenet_weights_come_from_a_file(tmp_path: Path, suffix: str) -> None:
    path, state = tmp_path / f"vgg16{suffix}", vgg16_state()
    torch.save(state, path) if suffix == ".pth" else save_file(state, path)
    loaded = imagenet_vgg16(path)
    assert layout_of(loaded) == SMALL
    assert torch.equal(loaded["classifier.3.weight"], state["classifier.3.weight"])


class Mischief:
    """Something that a file may not hold: loading it would run code."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("run",)


def test_a_file_that_holds_more_than_tensors_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "vgg16.pth"
    torch.save({"features.0.weight": Mischief()}, path)
    with pytest.raises(AutomaskError, match="cannot be read") as caught:
        imagenet_vgg16(path)
    assert "\n" not in str(caught.value)
    assert "run" not in capsys.readouterr().out


def test_missing_weights_are_named_with_their_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody listens
    place = tmp_path / "hub" / "checkpoints" / "vgg16-397923af.pth"
    with pytest.raises(AutomaskError, match=f"no ImageNet weights .* at {place}, or name the file"):
        imagenet_vgg16()
    with pytest.raises(AutomaskError, match="absent.pth does not exist"):
        imagenet_vgg16(tmp_path / "absent.pth")


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(AutomaskError, match="no weights of VGG16"):
        layout_of(dict(torchvision.models.squeezenet1_1(weights=None).state_dict()))
    state = vgg16_state()
    with pytest.raises(AutomaskError, match="no weights of VGG16"):
        transplant({**state, "features.5.bias": torch.zeros(3)}, VggBackbone(SMALL))
