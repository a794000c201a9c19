"""Objects that are settled by the node mask_generator."""

import cv2
import numpy as np
import pytest

from automask_ros.library.library import Library
from automask_ros.nodes import mask_settling
from automask_ros.nodes.mask_settling import ObjectSettling, SettlingConfig
from automask_ros.types import Mask, Verdict

PICTURE = np.full((48, 64, 3), 90, np.uint8)


class NoGenerator:
    """None is asked: the pictures come first."""


@pytest.fixture
def library(tmp_path):
    return Library(tmp_path / "library", create=True)


def work(settling):
    return settling.work_through(
        NoGenerator(), interrupted=lambda: False, report=print, on_mask=print
    )


def test_a_picture_of_the_empty_scene_that_is_gone_is_told_and_ends_nothing(library, tmp_path):
    view = library.add_view("mug", PICTURE, captured_at=1.0, source="test")
    library.write_mask(view, Mask(PICTURE[:, :, 0] > 0, Verdict(True, 0.9, ())), fcn="lite")
    scene = tmp_path / "empty.png"
    cv2.imwrite(str(scene), PICTURE)
    settling = ObjectSettling(library, SettlingConfig(True, 0.0, str(scene)))
    scene.unlink()
    assert str(scene) in work(settling)
    assert work(settling) == "", "it is not tried again and again"


def test_pictures_of_the_empty_scene_are_read_only_when_they_are_needed(library, monkeypatch):
    read = []
    monkeypatch.setattr(mask_settling, "_read_pictures", read.append)
    assert work(ObjectSettling(library, SettlingConfig(True, 0.0, "empty"))) == ""
    assert read == []
