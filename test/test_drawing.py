"""What the drawing functions paint, to the pixel."""

from dataclasses import replace

import numpy as np
import pytest

from automask_ros import colours, drawing
from automask_ros.errors import AutomaskError
from automask_ros.types import Detections, PlacedMask, Verdict

GREY = 100
#: 0.55 of the grey below and 0.45 of the colour above, as the fill mixes them.
MIXED = {
    colour: tuple(int(np.rint(GREY * 0.55 + channel * 0.45)) for channel in colour)
    for colour in colours.PALETTE
}
#: What lies around a mask is dimmed.
DIM = round(GREY * 0.6)


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


def borders(drawn, grow=0):
    """The pixels of the block's edges, or of those so many pixels further out."""
    top, bottom, left, right = 60 - grow, 99 + grow, 50 - grow, 129 + grow
    rows, columns = drawn[top : bottom + 1], drawn[:, left : right + 1]
    return [*rows[:, left], *rows[:, right], *columns[top], *columns[bottom]]


def test_a_mask_is_outlined_in_two_tones_and_its_surroundings_are_dimmed():
    image = grey()
    drawn = drawing.draw_mask(image, block())
    assert (image == GREY).all(), "the image that came in was changed"
    assert drawn.shape == image.shape and drawn.dtype == np.uint8
    assert (drawn[61:99, 51:129] == GREY).all(), "the object keeps its own colours"
    assert np.all(borders(drawn) == np.array(colours.WHITE)), "light on the mask's own edge"
    assert np.all(borders(drawn, 1) == np.array(colours.BLACK)), "dark beside it"
    assert np.all(borders(drawn, 2) == np.full(3, DIM))


@pytest.mark.parametrize("colour", [*colours.PALETTE, (0, 0, 0), (255, 255, 255), (90, 200, 90)])
def test_an_outline_is_seen_on_any_colour(colour):
    """On an object and surroundings of one colour, one of the two lines stands out by far."""
    drawn = drawing.draw_mask(np.full((120, 160, 3), colour, np.uint8), block()).astype(int)
    across = drawn[58:63, 90]
    steps = np.abs(np.diff(across @ np.array([0.114, 0.587, 0.299])))
    assert steps.max() > 200, "where light and dark meet, the mask ends"
    assert (across[1] == 0).all() and (across[2] == 255).all() and (across[3:] == colour).all()


def test_an_outline_at_the_borders_stays_inside():
    pixels = np.zeros((120, 160), bool)
    pixels[:40, 100:] = True
    drawn = drawing.draw_mask(grey(), pixels)
    assert (drawn[0, 100:] == 255).all() and (drawn[:40, 159] == 255).all()
    assert (drawn[40, 99:] == 0).all() and (drawn[:41, 99] == 0).all()
    assert (drawn[41:] == DIM).all() and (drawn[:, :99] == DIM).all()


@pytest.mark.parametrize(
    ("accepted", "colour"), [(True, colours.ACCEPTED), (False, colours.REFUSED)]
)
def test_a_verdict_is_told_in_colour_and_in_words(accepted, colour):
    reasons = () if accepted else ("touches the border",)
    drawn = drawing.draw_mask(grey(), block(), Verdict(accepted, 0.25, reasons))
    assert (drawn[0, 0] == colour).all(), "the bar behind the words begins at the top left corner"
    plain = drawing.draw_mask(grey(), block())
    bar_rows = np.flatnonzero((drawn[:, 0] == colour).all(axis=1))
    assert len(bar_rows) > 10
    ink = (drawn[bar_rows[0] : bar_rows[-1] + 1] != colour).any(axis=2)[:, :40].sum()
    assert ink > 20, "nothing was written on the bar"
    assert (drawn[105:] == plain[105:]).all()


def test_more_reasons_make_more_lines():
    def bar_height(reasons):
        drawn = drawing.draw_mask(grey(), np.zeros((120, 160), bool), Verdict(False, 0, reasons))
        return int((drawn[:, 0] == colours.REFUSED).all(axis=1).sum())

    assert bar_height(("too small", "blurred")) == 3 * bar_height(())


def test_a_reason_outside_ascii_is_still_drawn():
    drawn = drawing.draw_mask(grey(), block(), Verdict(False, 0.1, ("zu groß, 90 %",)))
    assert (drawn[0, 0] == colours.REFUSED).all()


def test_an_empty_mask_changes_nothing():
    assert (drawing.draw_mask(grey(), np.zeros((120, 160), bool)) == GREY).all()


def test_a_hole_stays_open():
    pixels = block()
    pixels[70:90, 80:100] = False
    drawn = drawing.draw_mask(grey(), pixels)
    assert (drawn[72:88, 82:98] == DIM).all()
    assert (drawn[80, 79] == 255).all() and (drawn[80, 80] == 0).all(), "it has an outline too"


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
    first, second = colours.class_colour(1), colours.class_colour(2)
    assert (drawn[70, 45] == MIXED[first]).all()
    assert (drawn[70, 95] == MIXED[second]).all()
    twice = np.rint(np.array(MIXED[second]) * 0.55 + np.array(first) * 0.45)
    assert (drawn[70, 70] == twice).all(), "the higher score lies over the lower one"
    assert (drawn[79, 40:80] == 255).all() and (drawn[80, 39:59] == 0).all()
    assert (drawn[38, 41] == first).all(), "the label's bar stands on the box"
    assert (drawn[40, 40:80] == 255).all(), "and leaves the outline to be seen"
    assert (drawn[85:] == GREY).all() and (drawn[:20] == GREY).all(), "nothing else is dimmed"


def test_the_label_of_what_touches_the_upper_border_lies_inside():
    at_the_top = replace(
        detections(),
        boxes=np.array([[40, 0, 80, 40], [60, 40, 100, 80]], np.float32),
        masks=(
            PlacedMask(0, 40, np.ones((40, 40), bool)),
            PlacedMask(40, 60, np.ones((40, 40), bool)),
        ),
    )
    drawn = drawing.draw_detections(grey(), at_the_top)
    assert (drawn[1, 41] == colours.class_colour(1)).all()


def test_a_class_keeps_its_colour_among_other_classes():
    drawn = drawing.draw_detections(grey(), detections(class_ids=(4, 9)))
    assert (drawn[70, 45] == MIXED[colours.PALETTE[3]]).all()
    assert (drawn[70, 95] == MIXED[colours.PALETTE[1]]).all(), "after seven classes colours return"


def test_no_detections_change_nothing():
    none = Detections.empty((120, 160))
    assert (drawing.draw_detections(grey(), none) == GREY).all()


def test_detections_of_another_image_are_refused():
    with pytest.raises(AutomaskError, match="do not fit"):
        drawing.draw_detections(grey(), detections(image_size=(480, 640)))


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


def test_captions_lie_below_the_pictures():
    images = [np.full((90, 120, 3), value, np.uint8) for value in (10, 20, 30)]
    captions = [["short"], ["a caption that is far too long for one line of it"], ["x", "y"]]
    sheet = drawing.contact_sheet(images, 2, captions=captions, tile_width=120, gap=4)
    strip = (sheet.shape[0] - 4) // 2 - 90 - 4
    assert sheet.shape == (4 + 2 * (90 + strip + 4), 4 + 2 * 124, 3) and strip > 30
    for value, (top, left) in zip((10, 20, 30), [(4, 4), (4, 128), (98 + strip, 4)], strict=True):
        assert (sheet[top : top + 90, left : left + 120] == value).all(), "words cover a picture"
        below = sheet[top + 90 : top + 90 + strip, left : left + 120]
        assert (below == 255).mean() > 0.6 and (below < 100).any(), "no words on white"


@pytest.mark.parametrize(("images", "columns"), [([], 2), ([grey()], 0)])
def test_a_contact_sheet_of_nothing_is_refused(images, columns):
    with pytest.raises(AutomaskError, match="at least one"):
        drawing.contact_sheet(images, columns)


def test_a_long_reason_is_broken_between_words_and_stays_inside():
    reason = "touches the border of the image (23% of its boundary)"
    canvas = np.full((120, 160, 3), 200, np.uint8)
    drawn = drawing.draw_mask(canvas, np.zeros((120, 160), bool), Verdict(False, 0.2, (reason,)))
    lines = (drawn[:, 0] == colours.REFUSED).all(axis=1).sum()
    one = drawing.draw_mask(canvas, np.zeros((120, 160), bool), Verdict(False, 0.2, ()))
    assert lines >= 3 * (one[:, 0] == colours.REFUSED).all(axis=1).sum()
    # No letter is cut off: the bar ends in its own colour.
    bar = (drawn[0] == colours.REFUSED).all(axis=1)
    end = int(np.flatnonzero(bar).max())
    assert end <= 159 and (drawn[:lines, end] == colours.REFUSED).all()


def test_words_stay_off_a_mask_at_the_top():
    pixels = np.zeros((120, 160), bool)
    pixels[:40, 20:140] = True
    drawn = drawing.draw_mask(grey(), pixels, Verdict(True, 0.9))
    assert (drawn[119, 0] == colours.ACCEPTED).all() and (drawn[60, 0] == DIM).all()
    assert (drawn[5:35, 25:135] == GREY).all()


def test_a_difference_shows_what_is_too_much_and_what_is_lacking():
    truth = np.roll(block(), 20, axis=1)
    drawn = drawing.draw_difference(grey(), block(), truth)

    def mixed(colour):
        return np.rint(GREY * 0.2 + np.array(colour) * 0.8).astype(np.uint8)

    assert (drawn[62:98, 52:68] == mixed(colours.BLUE)).all()
    assert (drawn[62:98, 132:148] == mixed(colours.ORANGE)).all()
    assert (drawn[62:98, 72:128] == GREY).all(), "where both agree nothing is laid over"
    assert (drawn[60, 70:150] == colours.YELLOW).all()
    assert (drawn[59, 70:150] == colours.BLACK).all()
    assert (drawn[60:100, 69] == mixed(colours.BLUE)).all(), "a rim of one pixel is seen as well"
    with pytest.raises(AutomaskError, match="do not fit an image"):
        drawing.draw_difference(grey(), block(), truth[:50])
