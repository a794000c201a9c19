"""A drawn hand that all masks hold with the object: pictures of the empty hand tell them apart."""

from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from drawn_scenes import draw_scene, ellipse_mask

from automask_ros.segmentation.agreement import FeatureReader
from automask_ros.segmentation.empty_scene import EmptyScene
from automask_ros.segmentation.evaluation import mask_iou
from automask_ros.segmentation.mask_generator import MaskGenerator
from automask_ros.segmentation.object_masks import ObjectMaskConfig, improve_masks
from automask_ros.types import BGRImage, BoolMask, Mask, Verdict, Way

SHAPE = (120, 160)
RED, SKIN = (60, 60, 200), (122, 150, 206)


@dataclass(frozen=True)
class Held:
    """A red thing in a hand, or the hand alone."""

    image: BGRImage
    thing: BoolMask
    hand: BoolMask


def draw_held(seed: int, empty: bool = False) -> Held:
    random = np.random.default_rng(seed)
    x, y = 70 + int(random.integers(20)), 50 + int(random.integers(20))
    thing = ellipse_mask(SHAPE, (x, y), (30, 22), float(random.uniform(0, 180)))
    strokes = np.zeros(SHAPE, np.uint8)
    cv2.line(strokes, (x + 10, y + 14), (x + 60, y + 70 + int(random.integers(-20, 20))), 1, 20)
    hand = strokes.astype(bool)
    image = draw_scene(hand if empty else thing | hand, RED, seed)
    image[hand] = draw_scene(hand, SKIN, seed + 100)[hand]
    return Held(image, thing & ~hand, hand)


@pytest.fixture(scope="module")
def generator() -> MaskGenerator:
    return MaskGenerator("lite", "cpu")


@pytest.fixture(scope="module")
def views() -> list[Held]:
    return [draw_held(seed) for seed in range(5)]


@pytest.fixture(scope="module")
def empty_hands() -> list[BGRImage]:
    return [draw_held(seed, empty=True).image for seed in (20, 21, 22)]


@pytest.fixture(scope="module")
def told(generator: MaskGenerator, views: list[Held], empty_hands: list[BGRImage]) -> EmptyScene:
    reader = FeatureReader(generator.network)
    return EmptyScene([reader(view.image) for view in views], [reader(e) for e in empty_hands])


def test_the_hand_is_taken_out_of_masks_that_all_hold_it(
    generator: MaskGenerator, views: list[Held], empty_hands: list[BGRImage]
) -> None:
    images = [view.image for view in views]
    both = [Mask(view.thing | view.hand, Verdict(True, 0.9)) for view in views]
    config = ObjectMaskConfig(joins=1, rounds=0)

    def overlaps(scenes: list[BGRImage]) -> list[float]:
        improved = improve_masks(generator, images, both, empty_scenes=scenes, config=config)
        return [mask_iou(i.mask.pixels, v.thing) for i, v in zip(improved, views, strict=True)]

    assert np.mean(overlaps([])) < 0.6
    assert np.mean(overlaps(empty_hands)) > 0.8


def test_what_a_person_drew_stays_and_comparing_alone_changes_nothing(
    generator: MaskGenerator, views: list[Held], empty_hands: list[BGRImage]
) -> None:
    images = [view.image for view in views[:4]]
    both = [Mask(view.thing | view.hand, Verdict(True, 0.9)) for view in views[:4]]
    compared = improve_masks(
        generator, images, both, empty_scenes=empty_hands, config=ObjectMaskConfig(adapt=False)
    )
    assert {each.way for each in compared} == {Way.COMPARED}
    drawn = [True] * len(both)
    kept = improve_masks(generator, images, both, drawn=drawn, empty_scenes=empty_hands)
    for each in (compared, kept):
        for new, old in zip(each, both, strict=True):
            np.testing.assert_array_equal(new.mask.pixels, old.pixels)


def test_a_mask_of_the_object_alone_stays_the_same_mask(
    told: EmptyScene, views: list[Held]
) -> None:
    # Away from the hand: features look around, and next to it they are of both.
    lower = cv2.dilate(views[0].hand.astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
    mask = Mask(views[0].thing & ~lower, Verdict(True, 0.9))
    assert told.left_of(0, mask) is mask


def test_a_mask_of_the_hand_alone_is_refused(told: EmptyScene, views: list[Held]) -> None:
    near = cv2.dilate(views[1].thing.astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
    left = told.left_of(1, Mask(views[1].hand & ~near, Verdict(True, 0.9)))
    assert not left.verdict.accepted
    assert left.verdict.reasons[-1].startswith("the empty scene shows ")
    assert left.verdict.score < 0.2
