"""One object's session: the views it keeps, the reasons it counts, and going on later."""

import numpy as np
import pytest

from automask_ros.errors import AutomaskError
from automask_ros.library.image_message import decode_image
from automask_ros.library.library import Library
from automask_ros.library.view_selector import ViewSelectorConfig
from automask_ros.nodes.capture_session import CaptureSession


def picture(seed):
    return np.random.default_rng(seed).integers(0, 256, (48, 64, 3), dtype=np.uint8)


def session(library, target=3):
    return CaptureSession(library, "mug", target, ViewSelectorConfig(min_novelty=0.01))


def consider(each, seed):
    return each.consider(picture(seed), 100.0 + seed, "/image", {"frame_id": "eye"})


def test_views_up_to_the_target(tmp_path):
    library = Library(tmp_path, create=True)
    one = session(library)
    kept = [consider(one, seed) for seed in range(5)]
    assert [view is not None for view in kept] == [True, True, True, False, False]
    assert one.complete and one.summary() == "3 of 3 views of mug"
    assert [view.id for view in library.views("mug")] == [view.id for view in kept[:3]]
    assert library.views("mug")[0].camera == {"frame_id": "eye"}


def test_a_view_may_lie_in_its_message_with_padded_rows(tmp_path):
    library = Library(tmp_path, create=True)
    rows = np.pad(picture(0).reshape(48, -1), ((0, 0), (0, 5)))
    image = decode_image("bgr8", 48, 64, rows.shape[1], rows.tobytes())
    view = session(library).consider(image, 100.0, "/image", None)
    assert np.array_equal(library.read_image(view), picture(0))
    assert consider(session(library), 0) is None


def test_going_on_later_knows_the_views_of_before(tmp_path):
    library = Library(tmp_path, create=True)
    consider(session(library), 0)
    later = session(library)
    assert later.count == 1
    assert consider(later, 0) is None
    assert dict(later.refused) == {"same view again": 1}
    assert later.last_refusal.startswith("same view again (")
    assert consider(later, 1) is not None
    assert later.last_refusal == ""


def test_undo_goes_back_view_by_view(tmp_path):
    library = Library(tmp_path, create=True)
    one = session(library)
    views = [consider(one, seed) for seed in range(2)]
    assert [one.undo().id, one.undo().id] == [views[1].id, views[0].id]
    assert library.views("mug") == []
    with pytest.raises(AutomaskError, match="no view of mug to undo"):
        one.undo()
