"""What the drawing functions paint, to the pixel."""

import numpy as np
import pytest

from automask_ros import drawing
from automask_ros.errors import AutomaskError
from automask_ros.types import Detections, PlacedMask, Verdict

GREY = 100
#: 0.55 of the grey below and 0.45 of the colour above, as the fill mixes them.
MIXED = {
    colour: tuple(int(np.rint(GREY * 0.55 + channel * 0.45)) for channel in colour)
    for colour in (*drawing.PALETTE, drawing.UNJUDGED)
}


def grey(height=120, width=160):
    return np.full((height, width, 3), GREY, np.uint8)


def block(height=120, width=160):
    pixels = np.zeros((height, width), bool)
    pixels[60:100, 50:130] = True
    return pixels


def detections(*, class_ids=(1, 2), image_size=(120, 160)):
    """Two squares that share the columns 60 to 79; the first has the higher score."""
    return Detections(
        boxes=np.array([[40, 40, 80, 80], [60, 40, 100, 80]], np.float32),
        scores=np.array([0.9, 0.6], np.float32),
        class_ids=np.array(class_ids, np.int32),
        labels=("cup", "bottle"),
        masks=(
            PlacedMask(40, 40, np.ones((40, 40), bool)),
            PlacedMask(40, 60, np.ones((40, 40), bool)),
        ),
        image_size=image_size,
    )


def test_a_mask_is_filled_outlined_and_confined():
    image = grey()
    drawn = drawing.draw_mask(image, block())
    assert (image == GREY).all(), "the image that came in was changed"
    assert drawn.shape == image.shape and drawn.dtype == np.uint8
    assert (drawn[61:99, 51:129] == MIXED[drawing.UNJUDGED]).all()
    for edge in (drawn[60, 50:130], drawn[99, 50:130], drawn[60:100, 50], drawn[60:100, 129]):
        assert (edge == drawing.UNJUDGED).all()
    outside = ~block()
    assert (drawn[outside] == GREY).all()


@pytest.mark.parametrize(
    ("accepted", "colour"), [(True, drawing.ACCEPTED), (False, drawing.REFUSED)]
)
def test_a_verdict_is_told_in_colour_and_in_words(accepted, colour):
    reasons = () if accepted else ("touches the border",)
    drawn = drawing.draw_mask(grey(), block(), Verdict(accepted, 0.25, reasons))
    assert (drawn[60, 50:130] == colour).all()
    assert (drawn[0, 0] == colour).all(), "the bar behind the words begins at the top left corner"
    plain = drawing.draw_mask(grey(), block())
    bar_rows = np.flatnonzero((drawn[:, 0] == colour).all(axis=1))
    assert len(bar_rows) > 10
    ink = (drawn[bar_rows[0] : bar_rows[-1] + 1] != colour).any(axis=2)[:, :40].sum()
    assert ink > 20, "nothing was written on the bar"
    assert (drawn[105:] == plain[105:]).all()


def test_words_can_be_left_out():
    drawn = drawing.draw_mask(grey(), block(), Verdict(False, 0.2, ("blurred",)), words=False)
    assert (drawn[60, 50:130] == drawing.REFUSED).all()
    assert (drawn[~block()] == GREY).all()


def test_more_reasons_make_more_lines():
    def bar_height(reasons):
        drawn = drawing.draw_mask(grey(), np.zeros((120, 160), bool), Verdict(False, 0, reasons))
        return int((drawn[:, 0] == drawing.REFUSED).all(axis=1).sum())

    assert bar_height(("too small", "blurred")) == 3 * bar_height(())


def test_a_reason_outside_ascii_is_still_drawn():
    drawn = drawing.draw_mask(grey(), block(), Verdict(False, 0.1, ("zu groß, 90 %",)))
    assert (drawn[0, 0] == drawing.REFUSED).all()


def test_an_empty_mask_changes_nothing():
    assert (drawing.draw_mask(grey(), np.zeros((120, 160), bool)) == GREY).all()


def test_a_hole_stays_open():
    pixels = block()
    pixels[70:90, 80:100] = False
    drawn = drawing.draw_mask(grey(), pixels)
    assert (drawn[72:88, 82:98] == GREY).all()
    assert (drawn[80, 79] == drawing.UNJUDGED).all(), "the hole has an outline too"


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(AutomaskError, match="does not fit"):
        drawing.draw_mask(grey(), np.ones((60, 80), bool))


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((10, 10), np.uint8),
        np.zeros((10, 10, 3), np.float32),
        np.zeros((0, 0, 3), np.uint8),
    ],
    ids=["grey", "float", "empty"],
)
def test_what_is_not_a_bgr_image_is_refused(image):
    with pytest.raises(AutomaskError, match="uint8 BGR"):
        drawing.draw_mask(image, np.ones(image.shape[:2], bool))


def test_detections_are_drawn_with_the_best_on_top():
    drawn = drawing.draw_detections(grey(), detections())
    first, second = drawing.class_colour(1), drawing.class_colour(2)
    assert (drawn[70, 45] == MIXED[first]).all()
    assert (drawn[70, 95] == MIXED[second]).all()
    twice = np.rint(np.array(MIXED[second]) * 0.55 + np.array(first) * 0.45)
    assert (drawn[70, 70] == twice).all(), "the higher score lies over the lower one"
    assert (drawn[79, 40:80] == first).all()
    assert (drawn[41, 41] == first).all(), "the label's bar begins at the box's corner"
    assert (drawn[85:] == GREY).all() and (drawn[:38] == GREY).all()


def test_a_class_keeps_its_colour_among_other_classes():
    drawn = drawing.draw_detections(grey(), detections(class_ids=(4, 9)))
    assert (drawn[79, 40:60] == drawing.PALETTE[3]).all()
    assert (drawn[79, 80:100] == drawing.PALETTE[1]).all(), "after seven classes colours return"


def test_no_detections_change_nothing():
    none = Detections.empty((120, 160))
    assert (drawing.draw_detections(grey(), none) == GREY).all()


def test_detections_of_another_image_are_refused():
    with pytest.raises(AutomaskError, match="do not fit"):
        drawing.draw_detections(grey(), detections(image_size=(480, 640)))


def test_neighbouring_class_colours_differ():
    assert len(set(drawing.PALETTE)) == 7
    assert drawing.class_colour(1) == drawing.class_colour(8) == drawing.ORANGE


def test_a_contact_sheet_places_every_image():
    images = [np.full((30, 40, 3), value, np.uint8) for value in (10, 20, 30)]
    sheet = drawing.contact_sheet(images, 2, tile_width=40, gap=4)
    assert sheet.shape == (4 + 2 * 34, 4 + 2 * 44, 3)
    assert (sheet[4:34, 4:44] == 10).all()
    assert (sheet[4:34, 48:88] == 20).all()
    assert (sheet[38:68, 4:44] == 30).all()
    assert (sheet[38:68, 48:88] == 255).all(), "the missing fourth tile is background"
    assert (sheet[:4] == 255).all() and (sheet[:, :4] == 255).all()


def test_a_contact_sheet_scales_without_stretching():
    wide = np.full((30, 40, 3), 10, np.uint8)
    tall = np.full((60, 20, 3), 20, np.uint8)
    sheet = drawing.contact_sheet([wide, tall], 5, tile_width=80, gap=0)
    assert sheet.shape == (60, 160, 3)
    assert (sheet[:, :80] == 10).all()
    assert (sheet[:, 110:130] == 20).all()
    assert (sheet[:, 80:110] == 255).all() and (sheet[:, 130:] == 255).all()


@pytest.mark.parametrize(("images", "columns"), [([], 2), ([grey()], 0)])
def test_a_contact_sheet_of_nothing_is_refused(images, columns):
    with pytest.raises(AutomaskError, match="at least one"):
        drawing.contact_sheet(images, columns)


def test_a_long_reason_is_broken_between_words_and_stays_inside():
    reason = "touches the border of the image (23% of its boundary)"
    canvas = np.full((120, 160, 3), 200, np.uint8)
    drawn = drawing.draw_mask(canvas, np.zeros((120, 160), bool), Verdict(False, 0.2, (reason,)))
    lines = (drawn[:, 0] == drawing.REFUSED).all(axis=1).sum()
    one = drawing.draw_mask(canvas, np.zeros((120, 160), bool), Verdict(False, 0.2, ()))
    assert lines >= 3 * (one[:, 0] == drawing.REFUSED).all(axis=1).sum()
    # No letter is cut off: the bar ends in its own colour.
    bar = (drawn[0] == drawing.REFUSED).all(axis=1)
    end = int(np.flatnonzero(bar).max())
    assert end <= 159 and (drawn[:lines, end] == drawing.REFUSED).all()


def test_words_stay_off_a_mask_at_the_top():
    pixels = np.zeros((120, 160), bool)
    pixels[:40, 20:140] = True
    drawn = drawing.draw_mask(grey(), pixels, Verdict(True, 0.9))
    assert (drawn[119, 0] == drawing.ACCEPTED).all() and (drawn[60, 0] == GREY).all()
    assert (drawn[5:35, 25:135] == MIXED[drawing.ACCEPTED]).all()


def test_a_colour_can_be_asked_for():
    drawn = drawing.draw_mask(grey(), block(), Verdict(True, 0.9), words=False, colour=drawing.BLUE)
    assert (drawn[60, 50:130] == drawing.BLUE).all()


def test_a_difference_shows_what_is_too_much_and_what_is_lacking():
    truth = np.roll(block(), 20, axis=1)
    drawn = drawing.draw_difference(grey(), block(), truth)

    def mixed(colour):
        return np.rint(GREY * 0.2 + np.array(colour) * 0.8).astype(np.uint8)

    assert (drawn[62:98, 52:68] == mixed(drawing.BLUE)).all()
    assert (drawn[62:98, 132:148] == mixed(drawing.ORANGE)).all()
    assert (drawn[62:98, 72:128] == GREY).all(), "where both agree nothing is laid over"
    assert (drawn[60, 70:150] == drawing.YELLOW).all()
    with pytest.raises(AutomaskError, match="do not fit an image"):
        drawing.draw_difference(grey(), block(), truth[:50])
