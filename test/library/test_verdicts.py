"""A verdict can be given again without touching the mask that it is about."""

from pathlib import Path

import numpy as np

from automask_ros.library.library import Library
from automask_ros.types import Mask, Verdict

LATER = Verdict(False, 0.3, ("differs from the other views",))


def test_a_new_verdict_leaves_the_mask_and_its_time(tmp_path: Path) -> None:
    library = Library(tmp_path / "library", create=True)
    image = np.full((20, 30, 3), 90, np.uint8)
    pixels = np.zeros((20, 30), bool)
    pixels[5:15, 8:20] = True
    view = library.add_view("mug", image, captured_at=1.0, source="test")
    assert library.write_verdict(view, LATER, made_by="lite, compared").verdict is None
    made = library.write_mask(view, Mask(pixels, Verdict(True, 0.9)), fcn="lite")
    again = library.write_verdict(made, LATER, made_by="lite, compared")
    assert (again.verdict, again.made_by) == (LATER, "lite, compared")
    assert again.mask_made_at == made.mask_made_at
    assert Library(library.root).views() == [again]
    np.testing.assert_array_equal(library.read_mask(again), pixels)


def test_a_drawn_mask_keeps_its_verdict(tmp_path: Path) -> None:
    library = Library(tmp_path / "library", create=True)
    view = library.add_view("mug", np.zeros((8, 9, 3), np.uint8), captured_at=1.0, source="test")
    drawn = library.write_drawn_mask(view, np.ones((8, 9), bool))
    assert library.write_verdict(drawn, LATER, made_by="lite, compared") == drawn
