"""What the other views expect corrects what the network cannot know, and moves no edge."""

import cv2
import numpy as np
import pytest
from drawn_scenes import draw_red_and_dark, ellipse_mask

from automask_ros.segmentation.agreement import Consensus, FeatureReader
from automask_ros.segmentation.expectation import Expectation, ExpectationConfig
from automask_ros.segmentation.fcn import load_fcn

SHAPE = (120, 160)
ODD = 3


def red_beside_dark(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A scene with a red and a dark thing side by side, and the mask of each."""
    random = np.random.default_rng(seed)
    red = ellipse_mask(SHAPE, (60, int(random.integers(50, 70))), (26, 20))
    dark = ellipse_mask(SHAPE, (112, int(random.integers(50, 70))), (24, 16))
    return draw_red_and_dark(red, dark, seed), red, dark


@pytest.fixture(scope="module")
def scenes() -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    return [red_beside_dark(seed) for seed in range(7)]


@pytest.fixture(scope="module")
def features(scenes: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> list[np.ndarray]:
    reader = FeatureReader(load_fcn("lite"))
    return [reader(image) for image, _, _ in scenes]


def expect(
    features: list[np.ndarray], masks: list[np.ndarray], config: ExpectationConfig | None = None
) -> Expectation:
    trusts = [0.8] * len(masks)
    return Expectation(Consensus(features, masks, trusts), masks, trusts, config)


def test_a_neighbour_that_one_view_took_in_is_spoken_against(
    scenes: list[tuple[np.ndarray, np.ndarray, np.ndarray]], features: list[np.ndarray]
) -> None:
    masks = [red | dark if index == ODD else red for index, (_, red, dark) in enumerate(scenes)]
    _, red, dark = scenes[ODD]
    odds = expect(features, masks).log_odds(ODD)
    assert odds.shape == SHAPE
    assert odds[red].mean() > 1.0
    assert odds[dark].mean() < -1.0


def test_a_part_that_one_view_lost_is_spoken_for(
    scenes: list[tuple[np.ndarray, np.ndarray, np.ndarray]], features: list[np.ndarray]
) -> None:
    masks = [red for _, red, _ in scenes]
    lost = masks[ODD] & (np.indices(SHAPE)[1] > 60)
    masks[ODD] = masks[ODD] & ~lost
    assert expect(features, masks).log_odds(ODD)[lost].mean() > 1.0


def test_boundaries_are_undecided_whatever_the_masks_margin(
    scenes: list[tuple[np.ndarray, np.ndarray, np.ndarray]], features: list[np.ndarray]
) -> None:
    masks = [red for _, red, _ in scenes]
    expectation = expect(features, masks)
    along = []
    for index, mask in enumerate(masks):
        edge = mask != np.roll(mask, 1, 0)
        edge |= np.roll(edge, -1, 0)
        along.append(expectation.log_odds(index)[edge].mean())
    assert abs(np.median(along)) < 0.3


def test_the_others_are_never_surer_than_they_may_be(
    scenes: list[tuple[np.ndarray, np.ndarray, np.ndarray]], features: list[np.ndarray]
) -> None:
    masks = [red for _, red, _ in scenes]
    large = [cv2.dilate(mask.astype(np.uint8), np.ones((9, 9))).astype(bool) for mask in masks]
    for config in (ExpectationConfig(strength=1.0), ExpectationConfig(strength=2.0, surest=0.8)):
        limit = config.strength * np.log(config.surest / (1 - config.surest))
        odds = expect(features, large, config).log_odds(0)
        assert odds.max() == pytest.approx(limit)
        assert abs(odds).max() <= limit + 1e-5


def test_a_small_hole_is_not_spoken_for(
    scenes: list[tuple[np.ndarray, np.ndarray, np.ndarray]], features: list[np.ndarray]
) -> None:
    masks = [red for _, red, _ in scenes]
    rows, columns = np.indices(SHAPE)
    small = (abs(rows - 60) < 4) & (abs(columns - 60) < 4)
    large = (abs(rows - 60) < 10) & (abs(columns - 60) < 13)
    masks[ODD] = scenes[ODD][1] & ~small
    assert expect(features, masks).log_odds(ODD)[small].max() <= 0
    # One that the features can look through is: no other view has a hole there.
    masks[ODD] = scenes[ODD][1] & ~large
    assert expect(features, masks).log_odds(ODD)[large].min() > 10
    # Where all views have one, they do not speak for it.
    holed = [mask & ~large for mask in masks]
    assert expect(features, holed).log_odds(ODD)[large].max() < 10
