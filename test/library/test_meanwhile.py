"""What another process did to a view since it was read is not undone, and not mixed with."""

import numpy as np
import pytest

from automask_ros.library.image_file import pixels_digest
from automask_ros.library.library import Library
from automask_ros.library.object_folder import ViewGone
from automask_ros.types import Mask, Verdict

SIZE = (24, 32)


def picture(seed):
    return np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), np.uint8)


def mask(seed, accepted=True):
    return Mask(picture(seed)[..., 0] > 127, Verdict(accepted, 0.5))


@pytest.fixture
def library(tmp_path):
    return Library(tmp_path / "library", create=True)


@pytest.fixture
def view(library):
    added = library.add_view("cup", picture(0), captured_at=1.0, source="x", view_id="a")
    return library.write_mask(added, mask(0), fcn="lite")


CHANGES = {
    "mask": lambda library, view: library.write_mask(view, mask(1), fcn="lite"),
    "drawn": lambda library, view: library.write_drawn_mask(view, mask(1).pixels),
    "verdict": lambda library, view: library.write_verdict(view, Verdict(False, 0.0), made_by="x"),
    "veto": lambda library, view: library.set_vetoed(view, True),
    "forget": lambda library, view: library.forget_mask(view),
    "remove": lambda library, view: library.remove_view(view),
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_view_of_the_same_name_is_left_alone(library, view, change):
    library.remove_view(view)
    with pytest.raises(ViewGone, match="no view a of cup"):
        CHANGES[change](library, view)
    other = library.add_view("cup", picture(5), captured_at=2.0, source="x", view_id="a")
    other = library.write_mask(other, mask(5), fcn="lite")
    with pytest.raises(ViewGone, match="another one by now"):
        CHANGES[change](library, view)
    assert library.views() == [other]
    assert np.array_equal(library.read_mask(other), mask(5).pixels)


def test_a_verdict_stays_with_the_mask_it_is_about(library, view):
    newer = library.write_mask(view, mask(1), fcn="lite")
    assert library.write_verdict(view, Verdict(False, 0.0, ("of the old",)), made_by="x") == newer
    assert library.view("cup", "a").verdict == mask(1).verdict


def test_masks_that_a_person_drew_meanwhile_are_not_forgotten(library, view):
    drawn = library.write_drawn_mask(view, mask(3).pixels)
    assert library.forget_masks([view]) == []
    assert library.view("cup", "a") == drawn
    assert pixels_digest(library.read_mask(drawn)) == pixels_digest(mask(3).pixels)
    assert library.forget_mask(drawn).verdict is None, "who names it may"


def test_what_is_gone_is_no_reason_not_to_forget_the_rest(library, view):
    other = library.add_view("cup", picture(2), captured_at=2.0, source="x")
    other = library.write_mask(other, mask(2), fcn="lite")
    library.remove_view(view)
    assert [each.id for each in library.forget_masks([view, other])] == [other.id]


def test_an_id_that_was_taken_away_is_not_given_again(library):
    first = library.add_view("cup", picture(0), captured_at=1.0, source="x")
    library.remove_view(first)
    second = library.add_view("cup", picture(1), captured_at=1.0, source="x")
    assert second.id == f"{first.id}-2"
    third = library.add_view("cup", picture(2), captured_at=1.0, source="x")
    assert third.id == f"{first.id}-3"


def test_a_promotion_takes_the_place_of_what_it_was_compared_with(library):
    models = library.models
    record = {"architecture": "lite", "labels": {"cup": 1}, "base_model": "lite", "image_size": 96}
    for _ in range(2):
        with models.stage() as staged:
            models.commit(staged, record | {"thresholds": {}, "seed": 0, "created_at": 1.0})
    assert not models.promote_over(1, 2, "compared with 1, which is not live")
    assert models.promotions() == []
    assert models.promote_over(None, 1, "first")
    assert not models.promote_over(None, 2, "compared with none")
    assert models.promote_over(1, 2, "better")
    assert [entry.version for entry in models.promotions()] == [1, 2]
