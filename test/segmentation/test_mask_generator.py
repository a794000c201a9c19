"""Stage one as a whole, first with untrained weights for its mechanics, then with the embedded."""

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from drawn_scenes import add_impulse_noise, cup_mask, draw_scene, ellipse_mask, soften

from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.segmentation.evaluation import mask_iou
from automask_ros.segmentation.fcn import LiteFCN, save_fcn
from automask_ros.segmentation.mask_generator import (
    MaskConfig,
    MaskGenerator,
    generate_masks,
    make_mask,
)
from automask_ros.types import Mask, Progress, View

RED, BLUE, DARK = (60, 60, 200), (200, 90, 40), (40, 40, 40)


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> MaskGenerator:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "untrained.safetensors"
    save_fcn(LiteFCN(), path, {})
    return MaskGenerator(str(path), "cpu", MaskConfig(input_size=96))


@pytest.mark.parametrize("shape", [(60, 80), (80, 60), (33, 200), (240, 320)])
def test_probabilities_have_the_size_of_the_image(
    untrained: MaskGenerator, shape: tuple[int, int]
) -> None:
    image = np.random.default_rng(0).integers(0, 255, (*shape, 3), np.uint8)
    probability = untrained.predict(image)
    assert probability.shape == shape
    assert probability.dtype == np.float32
    assert 0 <= probability.min() <= probability.max() <= 1


def test_the_same_image_gives_the_same_mask(untrained: MaskGenerator) -> None:
    image = draw_scene(cup_mask(), RED, seed=1)
    first, second = untrained(image), untrained(image.copy())
    np.testing.assert_array_equal(first.pixels, second.pixels)
    assert first.verdict == second.verdict


def test_a_good_prediction_becomes_an_accepted_mask() -> None:
    truth = cup_mask()
    mask = make_mask(draw_scene(truth, RED, seed=1), soften(truth, 2.0))
    assert mask_iou(mask.pixels, truth) > 0.96
    assert mask.verdict.accepted


def test_views_get_masks_and_an_unreadable_one_is_passed_over(
    untrained: MaskGenerator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    library = Library(tmp_path / "library", create=True)
    image = draw_scene(cup_mask((60, 80)), RED, seed=1)
    views = [
        library.add_view("cup", image, captured_at=float(i), source="test", view_id=f"v{i}")
        for i in range(3)
    ]
    library.image_path("cup", "v1").write_bytes(b"no image")
    steps: list[Progress] = []
    seen: list[tuple[View, np.ndarray, Mask]] = []
    with caplog.at_level(logging.WARNING):
        done = generate_masks(
            library, untrained, views, steps.append, lambda *arguments: seen.append(arguments)
        )
    assert [view.id for view in done] == ["v0", "v2"]
    assert [(p.stage, p.step, p.total) for p in steps] == [("masks", i, 3) for i in (1, 2, 3)]
    assert "cup v1 gets no mask" in caplog.text
    assert [view.id for view in library.views_without_mask()] == ["v1"]
    for view, shown, mask in seen:
        np.testing.assert_array_equal(shown, image)
        stored = library.read_mask(view)
        assert stored is not None
        np.testing.assert_array_equal(stored, mask.pixels)
        assert library.view("cup", view.id).verdict == mask.verdict


@pytest.mark.parametrize("size", [0, 100, -32])
def test_an_unusable_input_size_is_named(size: int) -> None:
    with pytest.raises(AutomaskError, match=f"input_size is {size}"):
        MaskConfig(input_size=size)


def test_an_unknown_device_is_named() -> None:
    with pytest.raises(AutomaskError, match="no device is called 'gpu'"):
        MaskGenerator(device="gpu")


# --- with the embedded weights ---


@pytest.fixture(scope="module")
def embedded() -> MaskGenerator:
    return MaskGenerator("lite", "cpu")


SCENES = [
    (ellipse_mask((240, 320), (160, 120), (60, 40), 20), RED),
    (ellipse_mask((240, 320), (130, 110), (35, 50), -30), BLUE),
    (ellipse_mask((240, 320), (180, 130), (45, 45)), DARK),
    (cup_mask(), BLUE),
]


@pytest.mark.parametrize("noise_share", [0.0, 0.02])
def test_drawn_objects_are_found(embedded: MaskGenerator, noise_share: float) -> None:
    masks = [
        embedded(add_impulse_noise(draw_scene(truth, colour, seed), noise_share, seed))
        for seed, (truth, colour) in enumerate(SCENES)
    ]
    ious = [mask_iou(mask.pixels, truth) for mask, (truth, _) in zip(masks, SCENES, strict=True)]
    assert np.mean(ious) > 0.85, ious


def test_an_empty_table_gives_no_accepted_mask(embedded: MaskGenerator) -> None:
    nothing = np.zeros((240, 320), bool)
    mask = embedded(draw_scene(nothing, RED, seed=7))
    assert not mask.verdict.accepted
    assert mask.verdict.reasons


def test_a_prior_joins_what_the_network_sees(untrained: MaskGenerator) -> None:
    image = draw_scene(cup_mask(), RED, seed=1)
    alone = untrained.predict(image)
    prior = np.where(cup_mask(), 30, -30).astype(np.float32)
    np.testing.assert_array_equal(untrained.predict(image, prior) > 0.5, cup_mask())
    np.testing.assert_array_equal(untrained.predict(image, np.zeros_like(prior)), alone)
