"""Training of the FCN: the loss says what it should, the rate follows its plan, a kill loses
nothing."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from automask_ros.segmentation.fcn_training import (
    FcnTrainConfig,
    Trainer,
    freeze_statistics,
    rate_at,
    segmentation_loss,
)


def tiny_model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 1))


def tiny_trainer(config: FcnTrainConfig) -> Trainer:
    model = tiny_model()
    return Trainer(model, model[0], config, lambda x, y: segmentation_loss(model(x), y))


def tiny_batches(start: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
    """The object is what is bright in the first channel."""
    number = start
    while True:
        generator = torch.Generator().manual_seed(number)
        images = torch.rand(2, 3, 16, 16, generator=generator)
        yield images, (images[:, :1] > 0.7).float()
        number += 1


def test_loss_of_a_perfect_answer_is_almost_zero_and_of_the_opposite_large() -> None:
    targets = torch.zeros(1, 1, 32, 32)
    targets[..., 8:24, 8:24] = 1
    logits = 20 * (2 * targets - 1)
    assert segmentation_loss(logits, targets).item() < 1e-3
    assert segmentation_loss(-logits, targets).item() > 10


def test_loss_weighs_the_boundary_more_than_the_middle() -> None:
    targets = torch.zeros(1, 1, 64, 64)
    targets[..., 16:48, 16:48] = 1
    right = 4 * (2 * targets - 1)
    middle, edge = right.clone(), right.clone()
    middle[..., 32, 32] = -4
    edge[..., 16, 32] = -4
    assert segmentation_loss(edge, targets) > segmentation_loss(middle, targets)


def test_rate_warms_up_and_falls_to_one_percent() -> None:
    config = FcnTrainConfig(iterations=100, warm_up=10)
    assert rate_at(0, config) == pytest.approx(0.1)
    assert rate_at(10, config) == pytest.approx(1.0)
    assert rate_at(55, config) == pytest.approx(0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi / 2)))
    assert rate_at(100, config) == pytest.approx(0.01)


def test_training_lowers_the_loss() -> None:
    losses: list[float] = []
    config = FcnTrainConfig(
        iterations=60, learning_rate=0.05, backbone_share=1.0, warm_up=5, averaging=0.9
    )
    trainer = tiny_trainer(config)
    trainer.run(tiny_batches(), on_step=lambda step: losses.append(step.loss))
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])


def test_frozen_parameters_stay() -> None:
    config = FcnTrainConfig(iterations=3)
    model = tiny_model()
    model[0].weight.requires_grad_(False)
    before = model[0].weight.clone()
    Trainer(model, model[0], config, lambda x, y: segmentation_loss(model(x), y)).run(
        tiny_batches()
    )
    assert torch.equal(model[0].weight, before)


def test_a_run_that_was_cut_goes_on_bit_exactly(tmp_path: Path) -> None:
    config = FcnTrainConfig(iterations=8, warm_up=2)
    whole = tiny_trainer(config)
    whole.run(tiny_batches())

    first = tiny_trainer(config)
    for _, batch in zip(range(5), tiny_batches(), strict=False):
        first.train_step(*batch)
    first.save(tmp_path / "state.safetensors")
    second = tiny_trainer(config)
    second.run(tiny_batches(start=5), checkpoint=tmp_path / "state.safetensors")

    for name, tensor in whole.averaged_state().items():
        assert torch.equal(tensor, second.averaged_state()[name]), name
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, second.model.state_dict()[name]), name


def test_statistics_are_frozen_while_the_rest_trains() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    freeze_statistics(model)
    assert model.training
    assert not model[1].training
