"""From accepted masks to a committed version, on drawn objects."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from detection.counterparts import counterparts
from detection.drawn_views import SMALL, add_views, draw_view

from automask_ros.detection import training
from automask_ros.detection.base_models import WEIGHTS_FILE, load_base_model, save_checkpoint
from automask_ros.detection.composites import CompositeDataset
from automask_ros.detection.holdout import split_by_time, split_library
from automask_ros.detection.mask_rcnn import build_resnet50
from automask_ros.detection.prediction import Predictor
from automask_ros.detection.provenance import recorded, view_hashes
from automask_ros.detection.teaching import train_version
from automask_ros.detection.training import TrainConfig, train
from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.types import Mask, Progress, Verdict


@pytest.fixture()
def config(base_weights: Path) -> TrainConfig:
    return TrainConfig(
        base_model=str(base_weights), device="cpu", iterations=3, min_ap50=0.0, clutter=2
    )


def test_teaching_leaves_a_whole_promoted_version(library: Library, config: TrainConfig) -> None:
    steps = []
    result = train_version(library, config, steps.append)
    assert (result.version, result.promoted) == (1, True)
    assert library.models.current() == 1
    assert {"composites", "train", "export", "evaluate", "total"} <= set(result.seconds)
    assert set(result.evaluation["per_label"]) == {"box", "disc"}
    assert result.evaluation["ground_truth"] == "automatic masks of held-out views"
    folder = library.models.directory(1)
    names = {path.name for path in folder.iterdir()}
    assert names >= {
        "model.safetensors", "model.onnx", "model.json", "metrics.json", "report.html",
    }  # fmt: skip
    plots = {path.name: cv2.imread(str(path)) for path in (folder / "plots").iterdir()}
    assert set(plots) == {
        "precision.png", "precision_recall.png", "losses.png", "worst.png", "best.png",
    }  # fmt: skip
    assert all(plot.shape[1] > 600 and plot.std() > 5 for plot in plots.values())
    record = library.models.record(1)
    assert record.labels == {"box": 1, "disc": 2}
    assert set(record.thresholds) == {"box", "disc"}
    views = json.loads((folder / "model.json").read_text())["views"]
    assert len(views["box"]["held_out"]) == 2
    assert not set(views["box"]["held_out"]) & set(views["box"]["training"])
    losses = json.loads((folder / "metrics.json").read_text())["losses"]
    assert len(losses) >= 8  # epochs
    stages = [stage for stage, _ in itertools.groupby(step.stage for step in steps)]
    assert stages == [
        "composites", "look", "train", "evaluate", "look", "train", "export", "compare", "promote",
        "done",
    ]  # fmt: skip
    looks = [(step.step, step.total) for step in steps if step.stage == "look"]
    assert looks == [(1, 4), (2, 4), (3, 4), (4, 4), (1, 2), (2, 2)], "six, two of all views"
    training = [step for step in steps if step.stage == "train"]
    assert training[-1].step == training[-1].total == len(losses)
    assert training[-1].loss == pytest.approx(losses[-1], abs=1e-4)
    left = [step.seconds_left for step in steps if step.seconds_left is not None]
    assert len(left) > 3 and left[-1] == 0 and min(left) == 0


def test_all_layers_can_learn(library: Library, config: TrainConfig) -> None:
    steps = []
    result = train_version(library, replace(config, learn="all"), steps.append)
    assert result.promoted
    training = [step for step in steps if step.stage == "train"]
    assert [step.step for step in training] == [1, 2, 3]
    metrics = json.loads((library.models.directory(1) / "metrics.json").read_text())
    assert len(metrics["losses"]) == 3


def test_two_classes_object_and_background(library: Library, config: TrainConfig) -> None:
    result = train_version(library, replace(config, classes="object"))
    assert result.promoted
    assert library.models.record(1).labels == {"object": 1}
    assert set(result.evaluation["per_label"]) == {"object"}
    assert result.evaluation["instances"] == 4  # views held out, of both
    found = Predictor.from_version(library).detect_all(draw_view("disc", 30)[0])
    assert len(found) and set(found.labels) == {"object"}
    page = (library.models.directory(1) / "report.html").read_text()
    assert "objects: box, disc" in page
    # The next one is compared with it; one that knows labels is another thing, and new.
    again = train_version(library, replace(config, classes="object", seed=1))
    assert "AP of object among clutter" in again.reason
    labelled = train_version(library, config)
    assert labelled.promoted and library.models.record(3).labels == {"box": 2, "disc": 3}
    refused = train_version(library, replace(config, classes="object"))
    assert not refused.promoted
    assert "it would forget box, disc, which version 3 knows" in refused.reason
    with pytest.raises(AutomaskError, match="clutter must be 1 at least"):
        train_version(library, replace(config, clutter=0))
    add_views(library, "object", 6)
    with pytest.raises(AutomaskError, match="the library has an object called object"):
        train_version(library, replace(config, classes="object"))
    with pytest.raises(AutomaskError, match="classes is 'two'; it must be one of labels, object"):
        train_version(library, replace(config, classes="two"))


def test_what_cannot_learn_so_is_said(library: Library, config: TrainConfig) -> None:
    with pytest.raises(AutomaskError, match="learn is 'nothing'; it must be one of auto, heads"):
        train_version(library, replace(config, learn="nothing"))


def test_the_live_graph_is_the_stored_network(library: Library, config: TrainConfig) -> None:
    train_version(library, config)
    record = library.models.record(1)
    image, _ = draw_view("disc", 0)
    by_onnx = Predictor.from_version(library, device="cpu", runtime="auto")
    limited = Predictor.from_version(library, device="cpu", runtime="onnx", threads=1)
    assert limited.runtime._session.get_session_options().intra_op_num_threads == 1
    by_torch = Predictor.from_version(library, device="cpu", runtime="torch")
    assert by_onnx.runtime.name.startswith("ONNX Runtime on CPU")
    assert by_onnx.thresholds == record.thresholds
    one, two = by_onnx.detect_all(image), by_torch.detect_all(image)
    np.testing.assert_allclose(one.boxes, two.boxes[counterparts(one, two)], atol=0.1)


def test_a_version_below_the_bar_is_kept_but_not_promoted(
    library: Library, config: TrainConfig
) -> None:
    result = train_version(library, replace(config, iterations=1, min_ap50=1.01))
    assert not result.promoted
    assert "held-out AP50 below 1.01: box" in result.reason
    assert library.models.versions() == [1]
    assert library.models.current() is None
    with pytest.raises(AutomaskError, match="no promoted model"):
        Predictor.from_version(library)
    assert Predictor.from_version(library, version=1, device="cpu").version == 1


def test_too_few_masks_are_said(library: Library, config: TrainConfig, tmp_path: Path) -> None:
    add_views(library, "cup", 4, accepted=False)
    few = "cup has 0 accepted masks of 4 views and needs 6"
    with pytest.raises(AutomaskError, match=few):
        train_version(library, replace(config, labels=("cup", "disc")))
    with pytest.raises(AutomaskError, match=few):
        split_library(library, None, 0.2, 6, known=("cup", "disc"))
    assert split_library(library, ("disc",), 0.2, 6).held_out
    with pytest.raises(AutomaskError, match="has no views"):
        train_version(Library(tmp_path / "empty", create=True), config)


def test_an_object_that_is_only_begun_is_left_out_and_named(library: Library, caplog) -> None:
    others = split_library(library, None, 0.2, 6)
    add_views(library, "cup", 5)
    assert split_library(library, None, 0.2, 6) == others
    [record] = caplog.records
    words = "cup is left out: it has 5 accepted masks and needs 6"
    assert (record.levelname, record.getMessage()) == ("WARNING", words)
    assert {view.label for view in split_library(library, None, 0.2, 5).everything} > {"cup"}


def test_held_out_views_are_the_latest_and_nobodys_neighbours(library: Library) -> None:
    split = split_by_time(library.trainable_views("disc"), 0.25)
    assert [view.captured_at for view in split.training] == [0, 1, 2, 3, 4]
    assert [view.captured_at for view in split.held_out] == [6, 7]


def test_the_same_seed_trains_the_same(library: Library, config: TrainConfig) -> None:
    labels = {"box": 1, "disc": 2}
    logs = []
    for _ in range(2):
        model, _ = load_base_model(config.base_model, labels)
        dataset = CompositeDataset(
            library, library.trainable_views(), labels, image_size=SMALL, seed=3
        )
        logs.append(train(model, dataset, config, "cpu").losses)
    assert logs[0] == pytest.approx(logs[1], rel=1e-3)


def test_a_time_budget_ends_training(library: Library, config: TrainConfig) -> None:
    labels = {"box": 1, "disc": 2}
    model, _ = load_base_model(config.base_model, labels)
    dataset = CompositeDataset(library, library.trainable_views(), labels, image_size=SMALL, seed=3)
    log = train(model, dataset, replace(config, iterations=10_000, seconds=1.0), "cpu")
    assert 1 <= len(log.losses) < 100
    assert log.seconds < 5


def test_what_people_do_to_the_views_meanwhile_does_not_reach_a_training(
    library: Library, config: TrainConfig
) -> None:
    views = library.trainable_views("disc")
    known = {view.id: view_hashes(library, view) for view in views}
    done = []

    def meddle(progress: Progress) -> None:
        if progress.stage == "look" and not done:
            library.remove_view(views[-1])  # as ~/undo does
            library.write_mask(
                views[0], Mask(~library.read_mask(views[0]), Verdict(False, 0.0)), fcn="other"
            )
            done.extend(map(library.forget_mask, library.views("box")))  # as ~/regenerate does

    assert train_version(library, config, meddle).promoted
    assert len(done) == 8
    hashes = library.models.record(1).model_dump()["hashes"]
    assert hashes["disc"] == known and len(hashes["box"]) == 8
    with pytest.raises(AutomaskError, match="is not what model version 1 learned"):
        recorded(library, 1)
    assert not list(library.models.root.glob(".staging*"))


def test_a_graph_that_does_not_check_leaves_what_was_learned_unpromoted(
    library: Library, config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A tolerance that no runtime keeps stands for a runtime that answers something else.
    monkeypatch.setattr("automask_ros.detection.export.SCORE_TOLERANCE", -1.0)
    result = train_version(library, config)
    assert not result.promoted and "ONNX Runtime" in result.reason
    folder = library.models.directory(result.version)
    assert not (folder / "model.onnx").exists()
    assert len(Predictor.from_version(library, result.version).detect_all(draw_view("disc", 3)[0]))


def test_gpu_memory_that_runs_out_halves_the_batch(
    library: Library, config: TrainConfig, monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    step = training._Trainer.step
    sizes = []

    def step_of_a_small_gpu(self, batch):
        sizes.append(len(batch[0]))
        if len(batch[0]) > 1:
            raise torch.cuda.OutOfMemoryError
        return step(self, batch)

    monkeypatch.setattr(training._Trainer, "step", step_of_a_small_gpu)
    train_version(library, replace(config, learn="all", batch_size=4))
    assert sizes == [4, 2, 1, 1, 1]
    assert library.models.record(1).model_dump()["batch_size"] == 1
    assert [record.getMessage() for record in caplog.records] == [
        "GPU memory ran out: batch size 4 -> 2",
        "GPU memory ran out: batch size 2 -> 1",
    ]


def test_gpu_memory_that_runs_out_while_looking_is_said(
    library: Library, config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_out(*_):
        raise torch.cuda.OutOfMemoryError

    monkeypatch.setattr("automask_ros.detection.head_training.look", run_out)
    with pytest.raises(AutomaskError, match="GPU memory ran out; end what else uses the GPU"):
        train_version(library, config)
    assert library.models.versions() == []


def test_resnet50_is_taught_and_found_by_its_graph(library: Library, tmp_path: Path) -> None:
    torch.manual_seed(3)
    start = tmp_path / "resnet50.safetensors"
    network = build_resnet50(2, SMALL, coco_weights=False)
    save_checkpoint(network, start, architecture="resnet50", labels={"object": 1}, image_size=SMALL)
    config = TrainConfig(
        base_model=str(start), device="cpu", iterations=2, min_ap50=0.0, clutter=1, holdout=0.1
    )
    steps = []
    result = train_version(library, config, steps.append)
    assert result.promoted
    assert [step.step for step in steps if step.stage == "train"] == [1, 2]
    record = library.models.record(1)
    assert record.architecture == "resnet50" and record.labels == {"box": 1, "disc": 2}
    image = draw_view("disc", 3)[0]
    by_graph, by_torch = (
        Predictor.from_version(library, 1, "cpu", runtime).detect_all(image)
        for runtime in ("onnx", "torch")
    )
    order = counterparts(by_graph, by_torch)
    assert by_graph.scores == pytest.approx(by_torch.scores[order], abs=1e-3)
    assert by_graph.boxes == pytest.approx(by_torch.boxes[order], abs=0.5)


def test_a_version_takes_the_place_of_what_it_was_compared_with(
    library: Library, config: TrainConfig
) -> None:
    models = library.models
    labels = models.class_ids(["box", "disc"])
    model, architecture = load_base_model(config.base_model, labels)
    named = {"architecture": architecture, "labels": labels, "image_size": SMALL}
    for _ in range(2):
        with models.stage() as staged:
            save_checkpoint(model, staged / WEIGHTS_FILE, **named)
            record = named | {"base_model": "lite", "thresholds": {}, "seed": 0, "created_at": 1.0}
            models.promote(models.commit(staged, record), "for a test")
    compared = []

    def roll_back(progress: Progress) -> None:
        compared.append(progress.stage)
        if progress.stage == "promote":
            models.rollback()

    result = train_version(library, config, roll_back)
    assert result.promoted and "version 1" in result.reason and "version 2" not in result.reason
    assert "compare" in compared[compared.index("promote") :]
    assert [entry.version for entry in models.promotions()] == [1, 2, 1, 3]
    assert models.promotions()[-1].reason == result.reason
