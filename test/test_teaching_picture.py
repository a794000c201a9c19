"""The picture that guides whoever shows an object."""

import numpy as np
import pytest

from automask_ros.colours import BLUE, VERMILLION, YELLOW
from automask_ros.teaching_picture import teaching_picture

FRAME = np.full((480, 640, 3), 90, np.uint8)
MASK = np.full((240, 320, 3), (10, 200, 30), np.uint8)


def test_frame_above_and_words_below_on_their_colour():
    picture = teaching_picture(FRAME, ("turn the mug", "3 of 40 views"), YELLOW)
    assert picture.shape == (480 + 120, 640, 3) and picture.dtype == np.uint8
    assert np.array_equal(picture[:480], FRAME)
    assert (picture[-1, -1] == YELLOW).all()
    words = picture[480:]
    ink = (np.abs(words.astype(int) - YELLOW).sum(axis=2) > 300).mean()
    assert 0.01 < ink < 0.5
    assert (FRAME == 90).all()


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0, 7.0])
def test_how_far_it_is(share):
    picture = teaching_picture(FRAME, ("x",), BLUE, share)
    bar = picture[485, :, 0]
    assert np.count_nonzero(bar == 255) == round(640 * min(share, 1.0))


def test_the_newest_mask_in_the_corner():
    picture = teaching_picture(FRAME, ("x",), BLUE, None, MASK)
    assert (picture[60, 640 - 60] == MASK[0, 0]).all()
    assert (picture[200, 200] == 90).all()
    tall = np.full((900, 100, 3), 7, np.uint8)
    assert teaching_picture(FRAME, ("x",), BLUE, None, tall).shape == (600, 640, 3)


@pytest.mark.parametrize(("width", "wanted"), [(160, 480), (640, 640), (1920, 960)])
def test_a_width_that_can_be_read_and_sent(width, wanted):
    frame = np.zeros((width * 3 // 4, width, 3), np.uint8)
    assert teaching_picture(frame, ("x",), BLUE).shape[:2] == (wanted * 15 // 16, wanted)


def test_long_words_are_broken_and_the_size_stays():
    short = teaching_picture(FRAME, ("x",), VERMILLION)
    long = "mask refused: differs from the other views: what they show is also elsewhere"
    picture = teaching_picture(FRAME, (long, "show this object alone, no other one"), VERMILLION)
    assert picture.shape == short.shape
    # Both lines are there whole: letters in several rows, none cut off at the right.
    ink = np.abs(picture[480:].astype(int) - VERMILLION).sum(axis=2) > 300
    assert not ink[:, -4:].any()
    rows = np.flatnonzero(np.diff(ink.any(axis=1).astype(int)) == 1)
    assert len(rows) >= 3


@pytest.mark.parametrize("shape", [(300, 60), (2000, 10), (20000, 1), (4, 640), (1, 5000)])
@pytest.mark.parametrize("mask", [None, MASK, np.zeros((20000, 1, 3), np.uint8)])
def test_frames_of_any_shape_are_shown_with_words(shape, mask):
    frame = np.full((*shape, 3), 90, np.uint8)
    picture = teaching_picture(frame, ("turn the mug", "3 of 40 views"), YELLOW, 0.5, mask)
    height, width = picture.shape[:2]
    assert 480 <= width <= 960 and height <= 2500
    words = picture[-40:]
    assert (np.abs(words.astype(int) - YELLOW).sum(axis=2) < 30).any(), "the ground of the words"
    assert (np.abs(picture.astype(int) - YELLOW).sum(axis=2) > 300).any()
