"""Adaptation to one object: it learns what the views show, and leaves the network alone."""

import numpy as np
import pytest
import torch
from drawn_scenes import draw_red_and_dark, draw_scene, ellipse_mask

from automask_ros.errors import AutomaskError
from automask_ros.segmentation.adaptation import AdaptationConfig, TaughtView, adapt
from automask_ros.segmentation.evaluation import mask_iou
from automask_ros.segmentation.fcn import load_fcn
from automask_ros.segmentation.prediction import predict_logits
from automask_ros.segmentation.taught_samples import SampleConfig, TaughtSamples, cover_object
from automask_ros.types import Progress

SHAPE = (120, 160)
RED = (60, 60, 200)
QUICK = AdaptationConfig(
    iterations=50,
    seconds=3600,
    learning_rate=2e-3,
    way=1.0,
    samples=SampleConfig(side=128, object_share=(0.2, 0.35)),
)


def red_beside_dark(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A scene with two things of one size, and the mask of the red one."""
    random = np.random.default_rng(seed)
    left, right = ((x + random.integers(-8, 8), 60 + random.integers(-8, 8)) for x in (45, 115))
    red, dark = (left, right) if seed % 2 else (right, left)
    truth = ellipse_mask(SHAPE, red, (26, 18), random.uniform(0, 180))
    other = ellipse_mask(SHAPE, dark, (26, 18), random.uniform(0, 180))
    return draw_red_and_dark(truth, other, seed), truth


def test_it_learns_which_thing_is_the_object() -> None:
    network = load_fcn("lite")
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    steps: list[Progress] = []
    views = [TaughtView(*red_beside_dark(seed), trust=1.0) for seed in range(6)]
    adapted = adapt(network, views, QUICK, steps.append)
    held_out = [red_beside_dark(seed) for seed in range(10, 16)]

    def mean_iou(model: torch.nn.Module) -> float:
        found = [predict_logits(model, image, 160) >= 0 for image, _ in held_out]
        return float(
            np.mean([mask_iou(f, truth) for f, (_, truth) in zip(found, held_out, strict=True)])
        )

    assert mean_iou(network) < 0.6
    assert mean_iou(adapted) > 0.8
    assert [step.step for step in steps] == list(range(1, 51))
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_the_same_seed_gives_the_same_network() -> None:
    network = load_fcn("lite")
    views = [TaughtView(*red_beside_dark(0), trust=0.7)]
    config = AdaptationConfig(iterations=2, seconds=3600, samples=SampleConfig(side=64))
    first, second = (adapt(network, views, config).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_views_without_a_trusted_object_are_refused() -> None:
    image, truth = red_beside_dark(0)
    nothing = np.zeros_like(truth)
    with pytest.raises(AutomaskError, match="no accepted mask to adapt to"):
        adapt(load_fcn("lite"), [TaughtView(image, truth, 0.0), TaughtView(image, nothing, 1.0)])


def test_samples_show_the_object_where_their_mask_says() -> None:
    views = [TaughtView(*red_beside_dark(seed), trust=1.0) for seed in range(4)]
    samples = TaughtSamples(views, SampleConfig(side=128), np.random.default_rng(0))
    redness = []
    for _ in range(20):
        picture, mask, trust = samples.draw()
        assert picture.shape == (128, 128, 3)
        assert 0.02 < mask.mean() < 0.6
        assert trust == 1.0
        red = picture[..., 2].astype(float) - picture[..., :2].max(axis=2)
        redness.append(red[mask > 0].mean() - red[mask == 0].mean())
    assert min(redness) > 30


def test_the_object_is_painted_over() -> None:
    truth = ellipse_mask(SHAPE, (80, 60), (30, 22))
    image, table = (draw_scene(truth & keep, RED, seed=3, noise=0) for keep in (True, False))
    covered = cover_object(image, truth)
    distance = np.abs(covered.astype(float) - table)[truth].mean()
    assert distance < 15 < np.abs(image.astype(float) - table)[truth].mean()
