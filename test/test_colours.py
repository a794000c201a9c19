"""Accepted and refused, and one label and another, are told apart by any eye."""

from itertools import combinations

import cv2
import numpy as np
import pytest
from colour_vision import SIMULATED, difference, lab, linear, simulate

from automask_ros import colours, drawing
from automask_ros.nodes.guidance import Tone
from automask_ros.types import Verdict

RED, GREEN = (0, 0, 255), (0, 160, 0)


def drawn_mask(accepted):
    """A disc of 100 pixels' radius on grey, outlined as its verdict asks."""
    rows, columns = np.ogrid[:320, :400]
    disc = (rows - 160) ** 2 + (columns - 200) ** 2 < 100**2
    image = np.full((320, 400, 3), 128, np.uint8)
    return drawing.draw_mask(image, disc, Verdict(accepted, 0.5), words=False), disc


def along_the_line(picture):
    """The colours met on one way around the disc, on the middle of its line of two pixels."""
    angles = np.linspace(0, 2 * np.pi, 1200, endpoint=False)
    rows, columns = np.rint([160 + 98.7 * np.sin(angles), 200 + 98.7 * np.cos(angles)]).astype(int)
    return picture[rows, columns]


def test_the_simulation_itself():
    """What is known: white is L* = 100, greys stay grey, and red is nearly green to two of them."""
    assert lab(linear((255, 255, 255))) == pytest.approx([100, 0, 0], abs=0.01)
    assert lab(linear(RED)) == pytest.approx([53.24, 80.09, 67.20], abs=0.01)
    for vision in SIMULATED:
        grey = simulate((90, 90, 90), vision)
        assert grey == pytest.approx(linear((90, 90, 90)), abs=1e-3)
    seen = {vision: float(difference(RED, GREEN, vision)) for vision in SIMULATED}
    assert seen["common vision"] > 130 and seen["tritanopia"] > 90
    assert seen["protanopia"] < 70 and seen["deuteranopia"] < 70


@pytest.mark.parametrize("vision", SIMULATED)
def test_accepted_and_refused_are_far_apart_to_any_eye(vision):
    assert difference(colours.ACCEPTED, colours.REFUSED, vision) > 75
    (accepted, disc), (refused, _) = drawn_mask(True), drawn_mask(False)
    apart = np.sort(difference(accepted, refused, vision)[accepted.any(axis=2) & disc])[::-1]
    assert (apart[:500] > 60).all(), "the pictures differ as well, all along the line"


def test_accepted_and_refused_differ_without_any_colour():
    """As brightness alone an accepted mask's line is unbroken; a refused one's is dashes."""
    accepted, refused = (
        along_the_line(cv2.cvtColor(drawn_mask(state)[0], cv2.COLOR_BGR2GRAY)).astype(int)
        for state in (True, False)
    )
    assert np.ptp(accepted) == 0
    lit = refused > 80
    ends = np.count_nonzero(lit != np.roll(lit, 1))
    assert ends == 2 * round(2 * np.pi * 100 * 0.9 / 20), "as many dashes as fit, all whole"
    assert 0.35 < lit.mean() < 0.65 and refused.max() - refused.min() > 100


def test_a_mask_stored_by_columns_is_drawn_as_one_stored_by_rows():
    """Run lengths are decoded by columns; a refused mask of an import comes that way."""
    drawn, disc = drawn_mask(False)
    image = np.full((320, 400, 3), 128, np.uint8)
    again = drawing.draw_mask(image, np.asfortranarray(disc), Verdict(False, 0.5), words=False)
    assert (again == drawn).all()


@pytest.mark.parametrize("vision", SIMULATED)
def test_labels_have_colours_that_any_eye_tells_apart(vision):
    def least(count):
        return min(difference(*pair, vision) for pair in combinations(colours.PALETTE[:count], 2))

    assert least(3) > 30 and least(5) > 20 and least(7) > 15


@pytest.mark.parametrize("vision", SIMULATED)
def test_the_grounds_of_the_teaching_picture_are_told_apart_by_any_eye(vision):
    pairs = combinations([tone.colour for tone in Tone], 2)
    assert min(difference(*pair, vision) for pair in pairs) > 15


def test_colours_return_after_seven_classes():
    assert len(set(colours.PALETTE)) == 7
    assert colours.class_colour(1) == colours.class_colour(8) == colours.VERMILLION


def test_a_colour_as_pages_write_it():
    assert colours.hexadecimal(colours.ORANGE) == "#e69f00"
