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


def test_stamps_that_jump_back_or_stand_still_lose_no_view(tmp_path):
    library = Library(tmp_path, create=True)
    one = session(library, target=9)
    stamps = [1000.0, 1000.5, 3.0, 1000.0, 3.0, -1.0, 2.0**31]
    views = [
        one.consider(picture(seed), stamp, "/image", None) for seed, stamp in enumerate(stamps)
    ]
    assert [view.captured_at for view in views] == stamps
    assert len({view.id for view in views}) == one.count == len(stamps)
    for seed, view in enumerate(views):
        assert np.array_equal(library.read_image(view), picture(seed))
    # The newest is the one that was taken last, whatever its stamp.
    assert [one.undo().id for _ in views] == [view.id for view in reversed(views)]


def test_undo_passes_over_what_another_process_took_away(tmp_path):
    library = Library(tmp_path, create=True)
    one = session(library)
    first, second, third = (consider(one, seed) for seed in range(3))
    Library(tmp_path).remove_view(third)
    assert one.undo().id == second.id
    assert one.count == 1 and [view.id for view in library.views("mug")] == [first.id]
    Library(tmp_path).remove_view(first)
    with pytest.raises(AutomaskError, match="no view of mug to undo"):
        one.undo()
    assert one.count == 0
