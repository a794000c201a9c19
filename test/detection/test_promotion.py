"""What goes live: figures in, decision and words out; and the live version on the same views."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from automask_ros.detection.base_models import load_checkpoint, load_measured
from automask_ros.detection.composites import CompositeDataset
from automask_ros.detection.holdout import split_library
from automask_ros.detection.promotion import Live, decide, measure_live
from automask_ros.detection.teaching import train_version
from automask_ros.detection.training import TrainConfig
from automask_ros.library.digests import file_digest
from automask_ros.library.library import Library
from automask_ros.library.records import write_record


def figures(**ap):
    """An evaluation in which a label's AP50 is its AP and a tenth, and among clutter no less."""
    per_label = {label: {"AP": value, "AP50": value + 0.1} for label, value in ap.items()}
    figures = {"AP": sum(ap.values()) / len(ap), "per_label": per_label}
    return {**figures, "clutter": figures}


def live_version(version, per_label, instances=1000, **others):
    """A live version, with so many `instances` of each label."""
    return Live(version, per_label, dict.fromkeys(per_label, instances), **others)


def decided(evaluation, live, **limits):
    """The decision where what was stored does as well as what was measured."""
    return decide(evaluation, live, final=evaluation, **limits)


def test_the_first_version_needs_the_bar_for_each_label():
    decision = decided(figures(cup=0.4, can=0.39), None, min_ap50=0.5, tolerance=0.02)
    assert not decision.promoted
    assert decision.reason == "held-out AP50 below 0.50: can 0.49"
    decision = decided(figures(cup=0.4, can=0.4), None, min_ap50=0.5, tolerance=0.02)
    assert decision.promoted
    assert decision.reason == "held-out AP50 at least 0.50 for can, cup"


def test_what_was_known_may_fall_by_the_tolerance_and_no_more():
    live = live_version(3, {"cup": 0.8, "can": 0.6})
    kept = decided(figures(cup=0.76, can=0.61, mug=0.7), live, min_ap50=0.5, tolerance=0.02)
    assert kept.promoted
    assert kept.reason == (
        "held-out AP50 at least 0.50 for mug; "
        "AP of can, cup among clutter 0.685, in version 3 0.700"
    )
    lost = decided(figures(cup=0.74, can=0.61, mug=0.7), live, min_ap50=0.5, tolerance=0.02)
    assert not lost.promoted
    assert lost.reason == "AP of can, cup among clutter 0.675, in version 3 0.700"


def test_few_instances_say_little_and_a_small_fall_on_them_is_chance():
    fallen = figures(cup=0.72)
    for instances, promoted in ((10, True), (30, True), (50, False), (1000, False)):
        live = live_version(1, {"cup": 0.8}, instances)
        assert decide(fallen, live, final=fallen, min_ap50=0.5, tolerance=0.02).promoted is promoted


def test_one_of_many_may_not_be_forgotten_though_their_mean_barely_falls():
    before = {f"thing{number:02}": 0.7 for number in range(40)}
    live = live_version(5, before, instances=24)
    lost = decided(figures(**before | {"thing07": 0.0}), live, min_ap50=0.5, tolerance=0.02)
    assert not lost.promoted
    assert lost.reason == "AP of thing07 among clutter 0.000, in version 5 0.700"
    # By as much as chance has it with 24 of them.
    assert decided(
        figures(**before | {"thing07": 0.51}), live, min_ap50=0.5, tolerance=0.02
    ).promoted


def test_what_was_stored_must_find_what_was_measured():
    good, worse = figures(cup=0.8), figures(cup=0.7)
    limits = {"min_ap50": 0.5, "tolerance": 0.02}
    decision = decide(good, None, final=figures(cup=0.5), **limits)
    assert not decision.promoted
    assert decision.reason.startswith("as it was stored it reaches AP 0.500 on held-out views")
    assert decide(good, None, final=worse, **limits).promoted
    assert not decide(good, None, final=worse, learned_since=False, **limits).promoted


def test_a_known_label_needs_no_bar_and_an_unknown_one_does():
    live = live_version(1, {"cup": 0.2})
    assert decided(figures(cup=0.2), live, min_ap50=0.5, tolerance=0.0).promoted
    decision = decided(figures(cup=0.2, mug=0.2), live, min_ap50=0.5, tolerance=0.0)
    assert not decision.promoted
    assert decision.reason.startswith("held-out AP50 below 0.50: mug 0.30")


def test_a_version_that_leaves_a_known_label_out_does_not_go_live():
    live = live_version(2, {"cup": 0.5}, forgotten=("can",))
    decision = decided(figures(cup=0.9), live, min_ap50=0, tolerance=1)
    assert not decision.promoted
    assert decision.reason == "it would forget can, which version 2 knows"


def test_what_cannot_be_compared_is_said_and_has_the_bar_of_what_is_new():
    live = live_version(4, {"cup": 0.6}, not_compared=("can",))
    decision = decided(figures(cup=0.6, can=0.5), live, min_ap50=0.5, tolerance=0.02)
    assert decision.promoted
    assert decision.reason.endswith(
        "can not compared with version 4: no composite shows views that it did not learn from"
    )
    decision = decided(figures(cup=0.6, can=0.1), live, min_ap50=0.5, tolerance=0.02)
    assert not decision.promoted
    assert decision.reason == "held-out AP50 below 0.50: can 0.20"


def clutter_of(library: Library, views, config: TrainConfig, labels: dict[str, int]):
    """The composites that a training of `views` is measured on."""
    return CompositeDataset(
        library, views, labels, image_size=128, seed=config.seed + 1, config=config.composites
    )


def test_both_versions_are_measured_before_they_learn_what_is_held_out(library: Library):
    split = split_library(library, None, 0.2, 6)
    config = TrainConfig(device="cpu", image_size=128, iterations=6, min_ap50=0.0, clutter=3)
    labels = library.models.class_ids(["box", "disc"])
    clutter = clutter_of(library, split.held_out, config, labels)
    assert measure_live(library, split.held_out, clutter, 3, "cpu") is None
    first = train_version(library, config)
    live = measure_live(library, split.held_out, clutter, 3, "cpu")
    assert live is not None
    assert (live.version, live.forgotten, live.not_compared) == (1, (), ())
    assert sum(live.instances.values()) == first.evaluation["clutter"]["instances"] > 3
    measured = {
        label: values["AP"] for label, values in first.evaluation["clutter"]["per_label"].items()
    }
    assert measured["disc"] > 0.1
    folder = library.models.directory(1)
    as_measured, as_it_runs = load_measured(folder).state, load_checkpoint(folder).state
    changed = {name for name in as_it_runs if not torch.equal(as_measured[name], as_it_runs[name])}
    assert "roi_heads.box_predictor.cls_score.weight" in changed
    assert all(name.startswith("roi_heads.box_predictor.") for name in changed)
    assert live.per_label == pytest.approx(measured, abs=0.01)  # stored in half precision
    only_discs = train_version(library, replace(config, labels=("disc",)))
    assert not only_discs.promoted
    assert "it would forget box, which version 1 knows" in only_discs.reason
    assert library.models.current() == 1


def test_views_that_taught_the_live_version_do_not_measure_it(library: Library, base_weights: Path):
    config = TrainConfig(
        base_model=str(base_weights), device="cpu", iterations=1, min_ap50=0.0, clutter=2
    )
    train_version(library, config)
    # The latest views of the disc go: those held out now are among those that version 1 learned.
    for view in split_library(library, ["disc"], 0.2, 6).held_out:
        library.remove_view(view)
    held_out = split_library(library, None, 0.3, 4).held_out
    labels = library.models.class_ids(["box", "disc"])
    live = measure_live(library, held_out, clutter_of(library, held_out, config, labels), 2, "cpu")
    assert live is not None
    assert "disc" in live.not_compared and "disc" not in live.per_label


def test_a_live_version_that_does_not_load_is_said_and_stands_in_nobodys_way(
    library: Library, base_weights: Path, caplog: pytest.LogCaptureFixture
):
    config = TrainConfig(
        base_model=str(base_weights), device="cpu", iterations=1, min_ap50=0.0, clutter=2
    )
    train_version(library, config)
    weights = library.models.directory(1) / "model.safetensors"
    weights.write_bytes(b"torn")
    assert library.models.current() is None  # damage: nothing is live, and nothing compared with
    record = library.models.record(1)
    files = {**record.files, weights.name: file_digest(weights)}
    write_record(weights.parent / "model.json", record.model_copy(update={"files": files}))
    again = train_version(library, config)
    assert again.promoted
    assert "box, disc not compared with version 1: it does not load" in again.reason
    assert library.models.current() == 2
    damage, warning = [record.getMessage() for record in caplog.records]
    assert damage.startswith("model version 1 is left out: model.safetensors is not the file")
    assert warning.startswith("the live model, version 1, is not compared with: ")
    assert "is not a Mask R-CNN checkpoint" in warning
