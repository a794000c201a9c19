"""What a disk that fails or goes away leaves of a library: no half thing, and what was there."""

import errno
import os
import tracemalloc

import numpy as np
import pytest

from automask_ros.cli.main import main
from automask_ros.errors import AutomaskError, StorageError
from automask_ros.library import files, set_files
from automask_ros.library.annotation_sets import open_annotations
from automask_ros.library.coco_export import export_coco
from automask_ros.library.coco_import import import_sets
from automask_ros.library.inside import read_regular
from automask_ros.library.library import Library
from automask_ros.types import Mask, Verdict


@pytest.fixture
def library(tmp_path):
    library = Library(tmp_path / "library", create=True)
    add(library, "a")
    return library


def add(library, view_id):
    image = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
    return library.add_view("mug", image, captured_at=1.0, source="test", view_id=view_id)


def everything(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def test_nothing_is_written_where_an_unmounted_library_was(library, tmp_path):
    view = library.view("mug", "a")
    library.root.rename(tmp_path / "away")
    library.root.mkdir()  # the empty place that a disk leaves
    mask = Mask(np.ones((12, 16), bool), Verdict(True, 1.0))
    for act in (
        library.check,
        library.check_writable,
        library.views,
        lambda: library.views("mug"),
        lambda: add(library, "b"),
        lambda: library.models.stage().__enter__(),
        lambda: library.models.class_ids(["mug"]),
        library.models.rollback,
    ):
        with pytest.raises(StorageError, match="is gone; mount its disk or put the folder back"):
            act()
    for act in (
        lambda: library.write_mask(view, mask, fcn="x"),
        lambda: library.remove_view(view),
        lambda: library.set_vetoed(view, True),
    ):
        with pytest.raises(AutomaskError, match="no object mug"):
            act()
    assert everything(library.root) == []
    library.root.rmdir()
    (tmp_path / "away").rename(library.root)
    add(library, "b")
    assert [each.id for each in library.views()] == ["a", "b"]


@pytest.mark.parametrize("ends", [".png", ".json"])
def test_a_view_that_cannot_be_written_leaves_nothing_and_can_be_added_again(
    library, monkeypatch, ends
):
    before = everything(library.root)
    replace = os.replace

    def fail(source, target):
        if str(target).endswith(ends):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(StorageError, match="input/output error; see dmesg"):
        add(library, "b")
    assert everything(library.root) == before
    monkeypatch.undo()
    assert add(library, "b").id == "b"


def test_a_probe_of_the_disk_leaves_nothing(library):
    before = everything(library.root)
    library.check_writable()
    assert everything(library.root) == before


def test_a_mask_that_cannot_be_looked_at_is_not_taken_for_none(library):
    """It may be a person's work: a new one must not be written over it."""
    mask = Mask(np.ones((12, 16), bool), Verdict(True, 1.0))
    library.write_mask(library.view("mug", "a"), mask, fcn="x")
    path = library.mask_path("mug", "a")
    path.unlink()
    assert library.views_without_mask(), "this one was deleted"
    path.symlink_to(path)  # goes round in circles: neither there nor not there
    assert not library.views_without_mask()
    assert not library.view("mug", "a").verdict.accepted


def test_masks_whose_folder_was_removed_are_made_again(library):
    view = library.view("mug", "a")
    library.mask_path("mug", "a").parent.rmdir()
    mask = Mask(np.ones((12, 16), bool), Verdict(True, 1.0))
    assert library.write_mask(view, mask, fcn="x").verdict.accepted


def test_a_lost_image_is_named_with_what_to_do(library):
    path = library.image_path("mug", "a")
    path.unlink()
    with pytest.raises(AutomaskError, match=f"mug/a is gone .{path}.; put the file back, or veto"):
        library.read_image(library.view("mug", "a"))


def test_room_is_asked_for_before_it_is_needed(tmp_path):
    files.check_room(tmp_path, 1, "a training")
    with pytest.raises(StorageError, match=r"has \d+ MB free and a training needs 1000000000000"):
        files.check_room(tmp_path, 10**18, "a training")


def test_a_file_is_read_with_no_more_memory_than_it_needs(tmp_path):
    path = tmp_path / "small"
    path.write_bytes(b"content")
    tracemalloc.start()
    try:
        assert read_regular(path, 1 << 30) == b"content"
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
    finally:
        tracemalloc.stop()
    with pytest.raises(AutomaskError, match="is larger than 1 MiB"):
        path.write_bytes(bytes(1 << 21))
        read_regular(path, 1 << 20)


@pytest.fixture
def coco(library, tmp_path):
    """An export of two views with masks, as a folder."""
    add(library, "b")
    for view in library.views():
        library.write_drawn_mask(view, np.ones((12, 16), bool))
    export_coco(library, tmp_path / "coco")
    return tmp_path / "coco"


def test_a_full_disk_ends_an_import(coco, tmp_path, monkeypatch, capsys):
    """It is no fault of the pictures: they would be left out, and nobody would give them again."""
    done = []

    def full(source, target, real=os.replace):
        if len(done) == 5:
            raise OSError(errno.ENOSPC, "no space")
        done.append(target)
        real(source, target)

    command = ["import", "--library", str(tmp_path / "new"), str(coco)]
    with monkeypatch.context() as context:
        context.setattr(os, "replace", full)
        assert main(command) == 2
    assert "the disk is full; free some space" in capsys.readouterr().err.splitlines()[-1]
    assert [view.id for view in Library(tmp_path / "new").views()] == ["a"]
    assert main(command) == 0 and len(Library(tmp_path / "new").views()) == 2


def test_a_picture_that_cannot_be_read_is_left_out_of_an_import(coco, tmp_path, monkeypatch):
    def failing(path, most, *, links=False, real=read_regular):
        if path.name == "a.png":
            raise OSError(errno.EIO, "bad sector")
        return real(path, most, links=links)

    monkeypatch.setattr(set_files, "read_regular", failing)
    outcome = import_sets(Library(tmp_path / "new", create=True), open_annotations(coco))
    assert [view.id for view in outcome.added] == ["b"]
    assert "input/output error" in outcome.broken[0].reason
