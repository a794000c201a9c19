"""Agreement between views: who took another thing for the object is found out by the others."""

import numpy as np
import pytest
from drawn_scenes import draw_red_and_dark, draw_scene, ellipse_mask

from automask_ros.segmentation.agreement import Agreement, Consensus, FeatureReader
from automask_ros.segmentation.fcn import load_fcn
from automask_ros.segmentation.verdict import with_agreement
from automask_ros.types import Verdict

SHAPE = (120, 160)
DARK = (50, 50, 50)
ODD = 2


def two_things(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A scene with a red and a dark thing anywhere, and the mask of each."""
    random = np.random.default_rng(seed)
    places = [(int(x), int(random.integers(40, 80))) for x in random.permutation([40, 120])]
    red, dark = (ellipse_mask(SHAPE, place, (26, 18)) for place in places)
    return draw_red_and_dark(red, dark, seed), red, dark


@pytest.fixture(scope="module")
def scenes() -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    return [two_things(seed) for seed in range(7)]


@pytest.fixture(scope="module")
def features(scenes: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> list[np.ndarray]:
    reader = FeatureReader(load_fcn("lite"))
    return [reader(image) for image, _, _ in scenes]


def test_the_view_that_shows_another_thing_is_found(
    scenes: list[tuple[np.ndarray, np.ndarray, np.ndarray]], features: list[np.ndarray]
) -> None:
    masks = [dark if index == ODD else red for index, (_, red, dark) in enumerate(scenes)]
    consensus = Consensus(features, masks, [0.8] * len(masks))
    values = [consensus.agreement(index, mask).value for index, mask in enumerate(masks)]
    assert consensus.possible
    assert values[ODD] < 0.3
    assert min(value for index, value in enumerate(values) if index != ODD) > 0.6
    # It hardly has a say any more, and what it should have shown is known.
    assert consensus.weights[ODD] < 0.1 * max(consensus.weights)
    assert consensus.agreement(ODD, scenes[ODD][1]).value > 0.6
    assert consensus.expected(ODD).shape == features[ODD].shape[:2]


def test_an_empty_scene_tells_what_is_not_the_object(
    scenes: list[tuple[np.ndarray, np.ndarray, np.ndarray]], features: list[np.ndarray]
) -> None:
    masks = [red | dark for _, red, dark in scenes]
    weights = [0.8] * len(masks)
    _, red, dark = two_things(9)
    place = draw_scene(red | dark, DARK, 9)
    place[red] = draw_scene(np.zeros(SHAPE, bool), DARK, 9)[red]
    absent = FeatureReader(load_fcn("lite"))(place)
    alone = Consensus(features, masks, weights)
    told = Consensus(features, masks, weights, empty_scenes=[absent])
    _, red, dark = scenes[0]

    def preference(consensus: Consensus) -> float:
        return consensus.agreement(0, red).inside - consensus.agreement(0, dark).inside

    assert preference(told) > preference(alone) + 0.1


def test_few_views_say_nothing(features: list[np.ndarray]) -> None:
    masks = [ellipse_mask(SHAPE, (40, 60), (26, 18))] * 3
    assert not Consensus(features[:3], masks, [0.8] * 3).possible
    nothing = [np.zeros(SHAPE, bool)] * len(features)
    consensus = Consensus(features, nothing, [0.8] * len(features))
    assert not consensus.possible
    assert consensus.agreement(0, nothing[0]) == Agreement(0.0, 0.0, 0.0)


def test_agreement_enters_the_score_and_the_reasons() -> None:
    sure = Verdict(True, 0.9)
    assert with_agreement(sure, Agreement(1.0, 0.0, 1.0)) == Verdict(True, 0.9)
    good = with_agreement(sure, Agreement(0.9, 0.05, 0.85))
    assert good.accepted
    assert good.score == pytest.approx(0.9 * 0.925)
    strange = with_agreement(sure, Agreement(0.12, 0.0, 0.12))
    assert not strange.accepted
    assert strange.reasons == (
        "differs from the other views: little of it looks like what they show (12%)",
    )
    elsewhere = with_agreement(sure, Agreement(0.7, 0.6, 0.28))
    assert "is also elsewhere (60% of it)" in elsewhere.reasons[0]
    refused = Verdict(False, 0.4, ("too small (0.1% of the image)",))
    assert with_agreement(refused, Agreement(1.0, 0.0, 1.0)) == refused
