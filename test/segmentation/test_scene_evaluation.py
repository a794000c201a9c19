"""The four figures against matrices worked out by hand, and the loss against its definition."""

import math

import numpy as np
import pytest
import torch
from segmentation.small_vgg import small_fcn
from torch.nn import functional

from automask_ros.segmentation.normalisation import normalise
from automask_ros.segmentation.scene_evaluation import (
    confusion_matrix,
    measure_scenes,
    predict_classes,
    scene_figures,
)
from automask_ros.segmentation.scene_loss import scene_loss
from automask_ros.segmentation.scene_parsing import Scene

# Rows are the truth, columns the prediction. t = (10, 10, 0), predicted 10, 8 and 2.
MATRIX = np.array([[8, 2, 0], [2, 6, 2], [0, 0, 0]])


def test_figures_worked_out_by_hand() -> None:
    figures = scene_figures(MATRIX, ("wall", "floor", "cup"))
    wall, floor, cup = 8 / (10 + 10 - 8), 6 / (10 + 8 - 6), 0.0
    assert figures["pixel_accuracy"] == pytest.approx(14 / 20)
    assert figures["mean_accuracy"] == pytest.approx((0.8 + 0.6) / 2)
    assert figures["mean_iou"] == pytest.approx((wall + floor + cup) / 3)
    assert figures["frequency_weighted_iou"] == pytest.approx((10 * wall + 10 * floor) / 20)
    assert (figures["pixels"], figures["classes"], figures["present"]) == (20, 3, 2)
    assert figures["per_class"]["floor"] == {
        "iou": pytest.approx(0.5),
        "accuracy": pytest.approx(0.6),
        "pixels": 10,
    }
    assert figures["per_class"]["cup"] == {"iou": 0.0, "accuracy": None, "pixels": 0}


def test_a_class_that_never_occurs_counts_as_the_benchmark_counts_it() -> None:
    matrix = np.diag([5, 3, 0])
    figures = scene_figures(matrix, ("wall", "floor", "cup"))
    assert figures["pixel_accuracy"] == figures["mean_accuracy"] == 1.0
    assert figures["mean_iou"] == pytest.approx(2 / 3)  # intersection 0 over union 0 is 0 there
    assert figures["mean_iou_of_present"] == 1.0
    assert figures["frequency_weighted_iou"] == 1.0
    assert figures["per_class"]["cup"]["iou"] is None


def test_classes_behind_those_of_the_set_only_cost() -> None:
    matrix = np.array([[8, 2], [0, 0]])  # two wall pixels called bottle, which the set has not
    figures = scene_figures(matrix, ("wall",))
    assert figures["mean_iou"] == figures["pixel_accuracy"] == pytest.approx(0.8)
    assert figures["classes"] == 1


def test_nothing_labelled_gives_no_figures() -> None:
    figures = scene_figures(np.zeros((2, 2), int), ("wall", "floor"))
    assert figures["mean_iou"] is None and figures["pixel_accuracy"] is None


def test_unlabelled_pixels_do_not_count() -> None:
    annotation = np.array([[0, 0, 1], [1, 2, 2]], np.int16)
    predicted = np.array([[1, 2, 1], [2, 2, 3]], np.int16)
    matrix = confusion_matrix(annotation, predicted, 3)
    np.testing.assert_array_equal(matrix, [[1, 1, 0], [0, 1, 1], [0, 0, 0]])


def test_predictions_have_the_size_of_the_image() -> None:
    network = small_fcn(8)
    image = np.random.default_rng(0).integers(0, 255, (50, 90, 3), np.uint8)
    whole = predict_classes(network, image)
    assert whole.shape == (50, 90) and set(np.unique(whole)) <= {1, 2, 3}
    with torch.no_grad():
        expected = network(normalise(image, network))[0].argmax(dim=0).numpy() + 1
    np.testing.assert_array_equal(whole, expected)
    assert predict_classes(network, image, longest_side=45).shape == (50, 90)


def test_scenes_are_summed_before_figures_are_made() -> None:
    network = small_fcn(32).train()
    images = [np.full((40, 40, 3), grey, np.uint8) for grey in (20, 200)]
    scenes = [
        Scene(str(n), image, np.full((40, 40), n + 1, np.int16)) for n, image in enumerate(images)
    ]
    network.eval()
    expected = sum(
        confusion_matrix(scene.annotation, predict_classes(network, scene.image), 3)
        for scene in scenes
    )
    network.train()
    seen: list[int] = []
    matrix = measure_scenes(network, scenes, range(2), seen.append)
    np.testing.assert_array_equal(matrix, expected)
    assert matrix.sum() == 3200 and seen == [1, 2]
    assert network.training  # as it was


def test_loss_is_cross_entropy_over_what_is_labelled() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(2, 4, 5, 6, generator=generator, requires_grad=True)
    classes = torch.randint(0, 5, (2, 5, 6), generator=generator)
    loss, count = scene_loss(scores, classes)
    expected = functional.cross_entropy(scores, classes - 1, ignore_index=-1, reduction="sum")
    torch.testing.assert_close(loss, expected)
    assert count == (classes > 0).sum()
    (own,) = torch.autograd.grad(loss, scores, retain_graph=True)
    (reference,) = torch.autograd.grad(expected, scores)
    torch.testing.assert_close(own, reference)


def test_loss_of_anything_but_a_class() -> None:
    scores = torch.tensor([2.0, 0.0, -1.0]).reshape(1, 3, 1, 1).requires_grad_()
    loss, count = scene_loss(scores, torch.full((1, 1, 1), -1))
    share = math.exp(2) / (math.exp(2) + 1 + math.exp(-1))
    assert loss.item() == pytest.approx(-math.log(1 - share), rel=1e-5)
    assert count == 1
    loss.backward()
    assert scores.grad is not None and scores.grad[0, 0] > 0 > scores.grad[0, 1]


def test_loss_stays_finite_where_the_network_is_certain_and_wrong() -> None:
    scores = torch.tensor([80.0, -80.0]).reshape(1, 2, 1, 1).requires_grad_()
    for number in (-1, 2):
        loss, _ = scene_loss(scores, torch.full((1, 1, 1), number))
        (gradient,) = torch.autograd.grad(loss, scores)
        assert torch.isfinite(loss) and torch.isfinite(gradient).all()
