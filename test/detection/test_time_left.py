"""Seconds left of a whole training, against a clock that the test turns."""

import pytest

from automask_ros.detection.time_left import Part, TimeLeft, parts_of_all, parts_of_heads
from automask_ros.types import Progress


class Training:
    """Stages that take so many seconds a step; keeps what was told, with the truth beside it."""

    def __init__(self, parts):
        self.now = 50.0
        self.told = []
        self._left = TimeLeft(parts, self.told.append, lambda: self.now)

    def go(self, *stages):
        """Each stage is (name, steps, seconds a step); (told, true) seconds left of each step."""
        ahead = sum(steps * seconds for _, steps, seconds in stages)
        pairs = []
        for name, steps, seconds in stages:
            for step in range(1, steps + 1):
                self.now += seconds
                ahead -= seconds
                self._left(Progress(name, step, steps, loss=0.5))
                pairs.append((self.told[-1].seconds_left, ahead))
        return pairs


def test_costs_that_were_guessed_well_give_the_truth():
    training = Training([Part("look", 40), Part("train", 20), Part("evaluate", 40)])
    pairs = training.go(("look", 20, 1.0), ("train", 10, 1.0), ("evaluate", 20, 1.0))
    known = [(told, true) for told, true in pairs if told is not None]
    assert len(known) >= len(pairs) - 3, "the pace shows after a few steps"
    assert all(told == pytest.approx(true, abs=0.1) for told, true in known)
    assert training.told[-1].loss == 0.5 and training.told[-1].stage == "evaluate"


def test_costs_that_were_guessed_badly_are_mended_by_the_pace():
    training = Training([Part("look", 10), Part("train", 10), Part("compare", 10)])
    pairs = training.go(("look", 10, 2.0), ("train", 10, 2.0), ("compare", 10, 4.0))
    assert pairs[24][0] == pytest.approx(pairs[24][1], rel=0.6)
    assert pairs[-1][0] == pytest.approx(0.0, abs=3.0)


def test_a_stage_that_does_not_come_is_passed_over():
    training = Training([Part("look", 10), Part("train", 10), Part("evaluate", 10)])
    pairs = training.go(("look", 10, 1.0), ("evaluate", 10, 1.0))
    assert pairs[-1][0] == pytest.approx(0.0, abs=1.0)


def test_it_never_grows_without_need_and_ends_at_zero():
    training = Training(parts_of_heads(160, 72, 30, 54))
    stages = (("look", 88, 0.2), ("train", 10, 0.3), ("evaluate", 30, 0.2), ("look", 72, 0.2))
    training.go(*stages, ("train", 10, 0.5), ("export", 1, 3.0), ("compare", 54, 0.2))
    told = [each.seconds_left for each in training.told if each.seconds_left is not None]
    assert max(b - a for a, b in zip(told, told[1:], strict=False)) < 2.0
    training._left(Progress("promote", 0, 1))
    assert training.told[-1].seconds_left == 0.0


def test_a_long_training_is_not_without_an_estimate_for_long():
    training = Training([Part("look", 100_000)])
    for step in range(1, 41):
        training.now += 0.5
        training._left(Progress("look", step, 100_000))
    told = [each.seconds_left for each in training.told]
    assert told[:6] == [None] * 6 and None not in told[7:], "three seconds of pace are enough"
    assert told[-1] == pytest.approx(0.5 * (100_000 - 40), rel=0.01)


def test_a_stage_that_nobody_foresaw_changes_nothing():
    training = Training(parts_of_all(10, 5, 5))
    training.go(("composites", 3, 1.0))
    assert [each.seconds_left for each in training.told] == [None, None, None]
    training.go(("train", 10, 1.0))
    before = training.told[-1].seconds_left
    training.go(("rest", 1, 0.0))
    assert training.told[-1].seconds_left == pytest.approx(before, rel=0.5)
