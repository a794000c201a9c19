"""A hole shows what lies around the object; the middle of a disc does not."""

import numpy as np
import pytest
from drawn_scenes import draw_scene, ellipse_mask

from automask_ros.segmentation.holes import HoleConfig, fill_false_holes, find_holes

SHAPE = (240, 320)
DISC = ellipse_mask(SHAPE, (160, 120), (70, 60))
MIDDLE = ellipse_mask(SHAPE, (160, 120), (34, 28))
GOLD, SILVER = (60, 160, 200), (170, 165, 160)


def doubted(middle: float) -> np.ndarray:
    """A disc whose middle has that probability."""
    probability = np.where(DISC, 0.95, 0.02).astype(np.float32)
    probability[MIDDLE] = middle
    return probability


def coin(seed: int) -> np.ndarray:
    """A disc of two metals on a table."""
    image = draw_scene(DISC, GOLD, seed)
    image[MIDDLE] = draw_scene(MIDDLE, SILVER, seed)[MIDDLE]
    return image


def ring(seed: int) -> np.ndarray:
    """A disc through whose middle one sees the table."""
    image = draw_scene(DISC, GOLD, seed)
    image[MIDDLE] = draw_scene(np.zeros(SHAPE, bool), GOLD, seed)[MIDDLE]
    return image


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("middle", [0.02, 0.25])
def test_what_one_sees_in_it_makes_a_hole(seed: int, middle: float) -> None:
    outline = DISC & ~MIDDLE
    of_coin = fill_false_holes(outline, doubted(middle), coin(seed))
    np.testing.assert_array_equal(of_coin, DISC)
    of_ring = fill_false_holes(outline, doubted(middle), ring(seed))
    np.testing.assert_array_equal(of_ring, outline)


def test_a_hole_that_is_rather_object_is_filled() -> None:
    outline = DISC & ~MIDDLE
    for image in (coin(0), ring(0), None):
        np.testing.assert_array_equal(fill_false_holes(outline, doubted(0.45), image), DISC)
    np.testing.assert_array_equal(fill_false_holes(outline, doubted(0.03)), outline)


def test_pinholes_are_filled_and_bays_are_no_holes() -> None:
    pixels = DISC.copy()
    pixels[118:122, 158:162] = False
    pixels[100:110, :160] = False
    _, holes = find_holes(pixels)
    assert [area for _, area in holes] == [16]
    filled = fill_false_holes(pixels, np.where(pixels, 0.9, 0.0).astype(np.float32))
    np.testing.assert_array_equal(filled[118:122, 158:162], True)
    np.testing.assert_array_equal(filled[100:110, :160], False)
    kept = fill_false_holes(
        pixels,
        np.where(pixels, 0.9, 0.0).astype(np.float32),
        config=HoleConfig(smallest_share=0.0005),
    )
    assert not kept[118:122, 158:162].any()
