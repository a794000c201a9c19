"""One word for each view, and the refused ones by their reasons."""

import numpy as np
import pytest

from automask_ros.library.library import Library
from automask_ros.library.outcomes import Outcome, count_outcomes, refusals
from automask_ros.types import Mask, Verdict

DOUBTFUL = "boundary uncertain (45% of the area in doubt)"


@pytest.fixture
def library(tmp_path):
    """Seven views: an accepted one, three refused, one each drawn, vetoed though refused, waiting;
    one of the refused was painted over without a white pixel."""
    library = Library(tmp_path / "lib", create=True)
    refused = Verdict(False, 0.3, (DOUBTFUL, "no visible edge along 72% of the boundary"))
    verdicts = [Verdict(True, 0.9), refused, Verdict(False, 0.2, (DOUBTFUL,)), *[refused] * 3, None]
    pixels = np.ones((8, 9), bool)
    for number, verdict in enumerate(verdicts):
        image = np.zeros((8, 9, 3), np.uint8)
        view = library.add_view(
            "mug", image, captured_at=float(number), source="test", view_id=f"mug_{number}"
        )
        if verdict is not None:
            library.write_mask(view, Mask(pixels, verdict), fcn="lite")
    library.write_drawn_mask(library.view("mug", "mug_3"), pixels)
    library.set_vetoed(library.view("mug", "mug_4"), True)
    library.mask_path("mug", "mug_5").write_bytes(b"no image")
    return library


def test_the_outcomes_add_up_to_the_views(library):
    assert [count_outcomes(library.views())[each] for each in Outcome] == [1, 3, 1, 1, 1]


def test_refused_views_are_named_at_each_of_their_reasons(library):
    found = refusals(library.views())
    assert found == {
        "boundary uncertain": ["mug_1", "mug_2"],
        "no visible edge along part of the boundary": ["mug_1"],
        "repainted, but not usable": ["mug_5"],
    }, "a veto stands above a refusal, and no figure is left in the words"
    assert next(iter(found)) == "boundary uncertain"
