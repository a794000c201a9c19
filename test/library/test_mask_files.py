"""Masks that a person painted over: noticed, believed, and never thrown away."""

import json
import logging

import cv2
import numpy as np
import pytest

from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.library.mask_files import MaskFiles
from automask_ros.library.records import ViewRecord, read_record
from automask_ros.types import PERSON, Mask, Verdict

SIZE = (12, 16)
REFUSED = Verdict(False, 0.2, ("boundary uncertain",))


@pytest.fixture
def library(tmp_path):
    return Library(tmp_path / "lib", create=True)


def square(left=4) -> np.ndarray:
    pixels = np.zeros(SIZE, bool)
    pixels[3:9, left : left + 6] = True
    return pixels


def masked(library, view_id="a", verdict=REFUSED, at=1.0):
    image = np.full((*SIZE, 3), 90, np.uint8)
    view = library.add_view("mug", image, captured_at=at, source="test", view_id=view_id)
    return library.write_mask(view, Mask(square(), verdict), fcn="lite")


def paint(library, pixels, view_id="a"):
    cv2.imwrite(str(library.mask_path("mug", view_id)), pixels)


def test_the_generators_own_mask_is_not_a_persons(library):
    view = masked(library)
    assert (view.made_by, view.drawn, view.verdict) == ("lite", False, REFUSED)
    assert Library(library.root).view("mug", "a") == view


def test_a_repainted_mask_is_a_persons_and_is_accepted(library):
    before = masked(library)
    assert not before.trainable
    paint(library, square(5).astype(np.uint8) * 255)
    for opened in (library, Library(library.root)):
        (view,) = opened.views()
        assert view.verdict == Verdict(True, 1.0, ("drawn by a person",))
        assert (view.made_by, view.drawn, view.trainable) == (PERSON, True, True)
        assert np.array_equal(opened.read_mask(view), square(5))
        assert view.mask_made_at != before.mask_made_at


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_what_is_transparent_is_not_the_object(library, depth):
    """A layer that is white everywhere, its shape in the alpha channel."""
    masked(library)
    full = np.iinfo(depth).max
    layer = np.full((*SIZE, 4), full, depth)
    layer[..., 3] = np.where(square(5), full, 0)
    paint(library, layer)
    (view,) = library.views()
    assert view.drawn
    assert np.array_equal(library.read_mask(view), square(5))


@pytest.mark.parametrize("colours", [1, 3, 4])
def test_saving_it_again_unchanged_does_not_make_it_a_persons(library, colours):
    """Paint programs, compressors and synchronisers write the same pixels into another file."""
    before = masked(library)
    path = library.mask_path("mug", "a")
    written = path.read_bytes()
    grey = square().astype(np.uint8) * 255
    layers = [grey] * min(colours, 3) + [np.full(SIZE, 255, np.uint8)] * (colours == 4)
    cv2.imwrite(str(path), np.dstack(layers), [cv2.IMWRITE_PNG_COMPRESSION, 0])
    assert path.read_bytes() != written
    for opened in (library, Library(library.root)):
        assert opened.views() == [before]


def test_a_veto_stands_above_the_brush(library):
    library.set_vetoed(masked(library), True)
    paint(library, square(5).astype(np.uint8) * 255)
    (view,) = library.views()
    assert view.drawn and view.vetoed and not view.trainable


def test_no_network_replaces_what_a_person_drew(library):
    view = masked(library)
    paint(library, square(5).astype(np.uint8) * 255)
    assert library.write_mask(view, Mask(square(), REFUSED), fcn="lite").drawn
    assert np.array_equal(library.read_mask(view), square(5))
    assert library.forget_mask(view).verdict is None
    assert library.write_mask(view, Mask(square(), REFUSED), fcn="lite").made_by == "lite"


def test_a_drawn_mask_is_kept_as_one(library):
    view = library.write_drawn_mask(masked(library), square(2))
    assert view.drawn and view.verdict.score == 1.0
    assert Library(library.root).views() == [view]
    assert json.loads(record_path(library).read_text())["mask"]["made_by"] == "person"
    with pytest.raises(AutomaskError, match="the mask for mug/a is empty; veto the view"):
        library.write_drawn_mask(view, np.zeros(SIZE, bool))


@pytest.mark.parametrize(
    ("painted", "complaint"),
    [
        (np.full((6, 16), 255, np.uint8), "was repainted at 16x6, but its view is 16x12"),
        (np.zeros(SIZE, np.uint8), "no pixel of it is white"),
        (np.full(SIZE, 255, np.uint8), "the border of the picture is white"),
        (np.where(square(), 0, 255).astype(np.uint8), "not the other way round"),
        (None, "is damaged: its data breaks off"),
        (b"no image", "is no JPEG, PNG, BMP or WebP image"),
        (b"", "is empty"),
    ],
)
def test_an_unusable_repaint_is_one_line_and_the_others_go_on(library, caplog, painted, complaint):
    masked(library, "a")
    masked(library, "b", Verdict(True, 0.9), at=2.0)
    if painted is None:
        path = library.mask_path("mug", "a")
        path.write_bytes(path.read_bytes()[:-30])
    elif isinstance(painted, bytes):
        library.mask_path("mug", "a").write_bytes(painted)
    else:
        paint(library, painted)
    with caplog.at_level(logging.ERROR):
        bad, good = library.views()
        library.views()
    assert [complaint in record.message for record in caplog.records] == [True]
    assert "\n" not in caplog.text.rstrip("\n")
    (reason,) = bad.verdict.reasons
    assert not bad.verdict.accepted and complaint in reason and not bad.drawn
    # Each names the mask and both remedies; the log with its folders, the verdict without.
    assert reason.startswith("the mask a.png ") and reason.endswith(", or delete it for a new one")
    path = str(library.mask_path("mug", "a"))
    assert caplog.records[0].message.replace(path, "a.png") == reason != caplog.records[0].message
    assert library.trainable_views() == [good]
    # It is no work worth keeping: a network may make the mask anew.
    assert library.write_mask(bad, Mask(square(), REFUSED), fcn="lite").made_by == "lite"


def test_damage_is_told_in_the_order_of_the_views(library, caplog):
    names = [f"view_{number}" for number in range(12)]
    for number, name in enumerate(names):
        masked(library, name, at=-float(number))
        library.mask_path("mug", name).write_bytes(b"no image")
    with caplog.at_level(logging.ERROR):
        library.views()
    assert [record.args[0].stem for record in caplog.records] == sorted(names)


def test_a_library_from_before_masks_were_signed_opens(library):
    masked(library, verdict=Verdict(True, 0.8))
    path = record_path(library)
    content = json.loads(path.read_text())
    del content["mask"]["sha256"]
    content["mask"]["fcn"] = content["mask"].pop("made_by")
    path.write_text(json.dumps(content))
    (view,) = Library(library.root).views()
    assert (view.made_by, view.trainable) == ("lite", True)
    library.set_vetoed(view, True)
    assert json.loads(path.read_text())["mask"]["made_by"] == "lite"


def test_a_writer_at_work_never_passes_for_a_person(library):
    """Between a reader's look at the JSON and at the mask, a network's new mask takes its place."""
    view = masked(library)
    before = read_record(record_path(library), ViewRecord)
    path = library.mask_path("mug", "a")

    def state():
        return MaskFiles().state(
            path, before, lambda: read_record(record_path(library), ViewRecord)
        )

    library.write_mask(view, Mask(square(7), Verdict(True, 0.7)), fcn="lite")
    assert (state().made_by, state().verdict) == ("lite", Verdict(True, 0.7))
    # The same in the middle of such a write: the JSON is emptied, then the pixels are there.
    library.forget_mask(view)
    paint(library, square(2).astype(np.uint8) * 255)
    assert state() is None


def record_path(library):
    return library.root / "objects" / "mug" / "views" / "a.json"
