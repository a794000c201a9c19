"""What goes live: figures in, decision and words out; and the live version on the same views."""

from dataclasses import replace
from pathlib import Path

import pytest

from automask_ros.detection.holdout import split_library
from automask_ros.detection.promotion import Live, decide, measure_live
from automask_ros.detection.teaching import train_version
from automask_ros.detection.training import TrainConfig
from automask_ros.library.library import Library


def figures(**ap):
    """An evaluation in which a label's AP50 is its AP and a tenth."""
    per_label = {label: {"AP": value, "AP50": value + 0.1} for label, value in ap.items()}
    return {"AP": sum(ap.values()) / len(ap), "per_label": per_label}


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
    live = Live(3, {"cup": 0.8, "can": 0.6})
    kept = decided(figures(cup=0.76, can=0.61, mug=0.7), live, min_ap50=0.5, tolerance=0.02)
    assert kept.promoted
    assert kept.reason == (
        "held-out AP50 at least 0.50 for mug; held-out AP of can, cup 0.685, in version 3 0.700"
    )
    lost = decided(figures(cup=0.74, can=0.61, mug=0.7), live, min_ap50=0.5, tolerance=0.02)
    assert not lost.promoted
    assert lost.reason == "held-out AP of can, cup 0.675, in version 3 0.700"


def test_few_views_say_little_and_a_small_fall_on_them_is_chance():
    fallen = figures(cup=0.72)
    for views, promoted in ((2, True), (3, False), (100, False)):
        live = Live(1, {"cup": 0.8}, views=views)
        assert decide(fallen, live, final=fallen, min_ap50=0.5, tolerance=0.02).promoted is promoted


def test_what_was_stored_must_find_what_was_measured():
    good = figures(cup=0.8)
    decision = decide(good, None, final=figures(cup=0.5), min_ap50=0.5, tolerance=0.02)
    assert not decision.promoted
    assert decision.reason.startswith("as it was stored it reaches AP 0.500 on held-out views")


def test_a_known_label_needs_no_bar_and_an_unknown_one_does():
    live = Live(1, {"cup": 0.2})
    assert decided(figures(cup=0.2), live, min_ap50=0.5, tolerance=0.0).promoted
    decision = decided(figures(cup=0.2, mug=0.2), live, min_ap50=0.5, tolerance=0.0)
    assert not decision.promoted
    assert decision.reason.startswith("held-out AP50 below 0.50: mug 0.30")


def test_a_version_that_leaves_a_known_label_out_does_not_go_live():
    decision = decided(figures(cup=0.9), Live(2, {"cup": 0.5}, ("can",)), min_ap50=0, tolerance=1)
    assert not decision.promoted
    assert decision.reason == "it would forget can, which version 2 knows"


def test_the_live_version_is_measured_on_the_views_held_out_now(
    library: Library, base_weights: Path
):
    held_out = split_library(library, None, 0.2, 6).held_out
    assert measure_live(library, held_out, "cpu") is None
    config = TrainConfig(
        base_model=str(base_weights), device="cpu", iterations=1, min_ap50=0.0, clutter=2
    )
    first = train_version(library, config)
    live = measure_live(library, held_out, "cpu")
    assert live is not None
    assert live.version == 1 and live.forgotten == ()
    assert live.per_label == pytest.approx(
        {label: values["AP"] for label, values in first.evaluation["per_label"].items()}
    )
    only_discs = train_version(library, replace(config, labels=("disc",)))
    assert not only_discs.promoted
    assert "it would forget box, which version 1 knows" in only_discs.reason
    assert library.models.current() == 1


def test_a_live_version_that_does_not_load_is_said_and_stands_in_nobodys_way(
    library: Library, base_weights: Path, caplog: pytest.LogCaptureFixture
):
    config = TrainConfig(
        base_model=str(base_weights), device="cpu", iterations=1, min_ap50=0.0, clutter=2
    )
    train_version(library, config)
    (library.models.directory(1) / "model.onnx").write_bytes(b"torn")
    assert train_version(library, config).promoted
    assert library.models.current() == 2
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning.startswith("the live model, version 1, is not compared with: ")
    assert "does not load in ONNX Runtime" in warning
