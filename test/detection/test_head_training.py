"""Regions of one picture, and class scores that learn from them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from detection.drawn_views import SMALL

from automask_ros.detection.base_models import load_base_model
from automask_ros.detection.composites import Composite, CompositeDataset
from automask_ros.detection.graph import DetectionGraph
from automask_ros.detection.head_training import HeadLesson
from automask_ros.detection.regions import OnnxEye, TorchEye, look
from automask_ros.library.library import Library

LABELS = {"box": 1, "disc": 2}


@pytest.mark.parametrize("kind", [TorchEye, OnnxEye])
def test_regions_say_what_they_show(base_weights: Path, kind: type):
    model, _ = load_base_model(str(base_weights), LABELS)
    graph = DetectionGraph(model).eval()
    mask = np.zeros((1, 96, 128), bool)
    mask[0, 20:60, 30:80] = True
    image = np.random.default_rng(0).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    eye = TorchEye(graph) if kind is TorchEye else OnnxEye(graph, image)
    shown = look(eye, Composite(image, mask, np.array([2])), seed=0)
    empty = look(eye, Composite(image, mask[:0], np.zeros(0, np.int64)), seed=0)
    assert shown.features.shape == (len(shown), model.roi_heads.box_predictor.features)
    # Last come the object's own box and three boxes close to it; proposals are the same in both.
    assert len(shown) == len(empty) + 4
    assert shown.class_ids[-4:].tolist() == [2, 2, 2, 2]
    assert set(shown.class_ids.tolist()) == {0, 2}
    assert empty.class_ids.tolist() == [0] * len(empty)
    torch.testing.assert_close(shown.features[: len(empty)], empty.features)
    again = look(eye, Composite(image, mask, np.array([2])), seed=0)
    torch.testing.assert_close(again.features, shown.features)


def test_both_eyes_see_the_same(library: Library):
    model, _ = load_base_model("lite", LABELS, SMALL)
    graph = DetectionGraph(model).eval()
    dataset = CompositeDataset(library, library.trainable_views(), LABELS, image_size=SMALL, seed=0)
    one, other = TorchEye(graph), OnnxEye(graph, dataset[0].image)
    for number in range(6):
        composite = dataset[number]
        if number > 3:  # of another size than what was traced
            composite = Composite(
                np.ascontiguousarray(composite.image[:, 16:]),
                composite.masks[:0],
                composite.class_ids[:0],
            )
        first, second = (look(eye, composite, seed=number) for eye in (one, other))
        assert len(first) > 20
        assert first.class_ids.tolist() == second.class_ids.tolist()
        torch.testing.assert_close(first.features, second.features, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("pictures", [30])
def test_scores_learn_which_object_it_is(library: Library, pictures: int):
    model, _ = load_base_model("lite", LABELS, SMALL)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    views = library.trainable_views()
    dataset = CompositeDataset(library, views, LABELS, image_size=SMALL, seed=0)
    lesson = HeadLesson(model, "cpu", seed=0)
    steps = []
    lesson.look(dataset, pictures, steps.append)
    first = lesson.fit(None, steps.append)
    learned = {name: model.state_dict()[name] for name in lesson.scores()}
    torch.testing.assert_close(learned, lesson.scores())
    assert lesson.pictures == pictures
    assert np.mean(first[-10:]) < 0.6 * np.mean(first[:10])
    changed = {
        name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])
    }
    assert changed and all(
        name.startswith(("roi_heads.box_predictor.cls_score", "roi_heads.box_predictor.appearance"))
        for name in changed
    )
    right = wrong = 0
    for number in range(pictures, pictures + 8):
        regions = look(TorchEye(DetectionGraph(model).eval()), dataset[number], seed=number)
        guessed = model.roi_heads.box_predictor.class_scores(regions.features).argmax(1)
        objects = regions.class_ids > 0
        right += int((guessed == regions.class_ids)[objects].sum())
        wrong += int((guessed != regions.class_ids)[objects].sum())
    assert right > 4 * wrong
    # A second fit starts anew and, of the same pictures, gives the same.
    assert lesson.fit(None, steps.append) == pytest.approx(first, rel=1e-3)


def test_a_lesson_leaves_the_model_on_its_device(base_weights: Path):
    model, _ = load_base_model(str(base_weights), LABELS)
    HeadLesson(model, "meta", seed=0)
    assert {tensor.device.type for tensor in model.state_dict().values()} == {"cpu"}


def test_a_time_budget_ends_looking(library: Library, base_weights: Path):
    model, _ = load_base_model(str(base_weights), LABELS)
    views = library.trainable_views()
    dataset = CompositeDataset(library, views, LABELS, image_size=SMALL, seed=0)
    lesson = HeadLesson(model, "cpu", seed=0)
    lesson.look(dataset, 10_000, lambda _: None, seconds=1.0)
    assert 1 <= lesson.pictures < 1000
