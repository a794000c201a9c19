"""A library that was made for nothing is gone again; whatever was there, or came in, stays."""

import numpy as np
import pytest

from automask_ros.library.library import Library
from automask_ros.library.making import made_library


def fail(root, *, add: bool = False) -> None:
    """Fail in a library, before or after a view came into it."""
    with pytest.raises(KeyboardInterrupt), made_library(root) as library:
        if add:
            image = np.zeros((8, 9, 3), np.uint8)
            library.add_view("mug", image, captured_at=1.0, source="test", view_id="a")
        raise KeyboardInterrupt


def test_one_that_was_made_goes_with_its_folders(tmp_path):
    fail(tmp_path / "new" / "lib")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_the_users_stays(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    fail(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_one_that_was_there_stays_though_it_is_empty(tmp_path):
    Library(tmp_path / "lib", create=True)
    fail(tmp_path / "lib")
    assert Library(tmp_path / "lib").labels() == []


def test_one_that_got_something_stays(tmp_path):
    fail(tmp_path / "lib", add=True)
    assert [view.id for view in Library(tmp_path / "lib").views()] == ["a"]


def test_one_that_is_used_stays(tmp_path):
    with made_library(tmp_path / "lib"):
        pass
    assert Library(tmp_path / "lib").labels() == []
