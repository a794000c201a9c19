"""Good masks are accepted, bad ones refused with the right words, and scores rank them."""

import numpy as np
import pytest
from drawn_scenes import cup_mask, draw_scene, ellipse_mask, soften

from automask_ros.segmentation.blobs import filter_blobs
from automask_ros.segmentation.verdict import VerdictConfig, judge
from automask_ros.types import Verdict

SHAPE = (240, 320)
RED = (60, 60, 200)


def verdict_on(
    probability: np.ndarray, truth: np.ndarray, config: VerdictConfig | None = None
) -> Verdict:
    """What is said of a network's words about a drawn scene that truly shows `truth`."""
    pixels, statistics = filter_blobs(probability)
    return judge(statistics, probability, pixels, draw_scene(truth, RED, seed=1), config)


def test_a_certain_sharp_mask_is_accepted_without_reasons() -> None:
    verdict = verdict_on(soften(cup_mask(), 1.5), cup_mask())
    assert verdict.accepted
    assert verdict.score > 0.8
    assert verdict.reasons == ()


def test_nothing_found() -> None:
    nothing = np.zeros(SHAPE, bool)
    assert verdict_on(nothing.astype(np.float32), nothing) == Verdict(
        False, 0.0, ("no object found",)
    )


def test_too_small() -> None:
    tiny = ellipse_mask(SHAPE, (160, 120), (4, 4))
    verdict = verdict_on(tiny.astype(np.float32), tiny)
    assert not verdict.accepted
    assert verdict.reasons[0] == f"too small ({tiny.mean():.1%} of the image)"


def test_too_large() -> None:
    huge = np.zeros(SHAPE, bool)
    huge[5:-5, 5:-5] = True
    verdict = verdict_on(huge.astype(np.float32), huge)
    assert not verdict.accepted
    assert verdict.reasons == (f"too large ({huge.mean():.0%} of the image)",)


def test_contact_with_the_border() -> None:
    cut = ellipse_mask(SHAPE, (160, 0), (50, 50))
    verdict = verdict_on(soften(cut, 1.5), cut)
    assert not verdict.accepted
    assert verdict.reasons[0].startswith("touches the border of the image (")


def test_stray_blobs() -> None:
    truth = ellipse_mask(SHAPE, (150, 120), (40, 40))
    stray = ellipse_mask(SHAPE, (255, 80), (30, 30))
    verdict = verdict_on((truth | stray).astype(np.float32), truth | stray)
    assert not verdict.accepted
    assert len(verdict.reasons) == 1
    assert verdict.reasons[0].startswith("stray blobs hold ")


def test_low_probability_and_an_uncertain_boundary() -> None:
    truth = ellipse_mask(SHAPE, (160, 120), (50, 40))
    verdict = verdict_on(soften(truth, 4.0) * 0.6, truth)
    assert not verdict.accepted
    words = " ".join(verdict.reasons)
    assert "object probability low" in words
    assert "boundary uncertain" in words


def test_a_boundary_where_the_image_shows_none() -> None:
    truth = ellipse_mask(SHAPE, (80, 120), (40, 40))
    beside = ellipse_mask(SHAPE, (220, 120), (40, 40))
    verdict = verdict_on(soften(beside, 1.5), truth)
    assert not verdict.accepted
    assert verdict.reasons[0].startswith("no visible edge along ")


def test_a_low_score_alone_names_what_is_weakest() -> None:
    truth = cup_mask()
    verdict = verdict_on(soften(truth, 3.0), truth, VerdictConfig(accept_score=0.99))
    assert not verdict.accepted
    assert len(verdict.reasons) == 1
    assert verdict.reasons[0].startswith("boundary uncertain")


def test_the_score_falls_as_the_mask_gets_worse() -> None:
    truth = cup_mask()
    scores = [verdict_on(soften(truth, sigma), truth).score for sigma in (1.0, 3.0, 6.0, 10.0)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] - scores[-1] > 0.3


@pytest.mark.parametrize("seed", range(5))
def test_a_score_lies_in_0_to_1_and_a_refusal_has_a_reason(seed: int) -> None:
    random = np.random.default_rng(seed)
    probability = soften(random.random(SHAPE) > 0.5, float(random.uniform(1, 8)))
    verdict = verdict_on(probability, cup_mask())
    assert 0 <= verdict.score <= 1
    assert verdict.accepted == (not verdict.reasons)
