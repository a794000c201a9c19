"""A copy of the views that what happens to the library afterwards does not reach."""

import errno
import os

import cv2
import numpy as np
import pytest
from detection.drawn_views import add_views

from automask_ros.library.library import Library
from automask_ros.library.linked_copy import linked_copy
from automask_ros.types import Mask, Verdict


@pytest.fixture(params=["links", "no links"])
def library(request, tmp_path, monkeypatch):
    if request.param == "no links":

        def refuse(*_):
            raise OSError(errno.EXDEV, "Invalid cross-device link")

        monkeypatch.setattr(os, "link", refuse)
    made = Library(tmp_path / "library", create=True)
    for label in ("box", "disc"):
        add_views(made, label, 3)
    return made


def test_it_holds_the_same_views(library, tmp_path):
    copy = linked_copy(library, tmp_path / "copy")
    assert copy.views() == library.views() and len(copy.views()) == 6
    for view in library.views():
        assert np.array_equal(copy.read_image(view), library.read_image(view))
        assert np.array_equal(copy.read_mask(view), library.read_mask(view))
    assert copy.models.versions() == []


def test_what_happens_afterwards_does_not_reach_it(library, tmp_path):
    views = library.views("disc")
    masks = [library.read_mask(view) for view in views]
    copy = linked_copy(library, tmp_path / "copy")
    library.remove_view(views[0])
    library.write_mask(views[1], Mask(~masks[1], Verdict(False, 0.1)), fcn="other")
    # As a paint program does it: into the file that is there.
    painted = cv2.imencode(".png", np.zeros_like(masks[2], np.uint8))[1].tobytes()
    library.mask_path("disc", views[2].id).write_bytes(painted)
    assert copy.views("disc") == views
    for view, mask in zip(views, masks, strict=True):
        assert np.array_equal(copy.read_mask(view), mask)
