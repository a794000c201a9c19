"""A library that the first release of the format wrote, brought to today's."""

import json
import multiprocessing
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from killed import dies_at_rename
from library.small_library import mask_pixels, picture

from automask_ros.cli.main import main
from automask_ros.errors import AutomaskError
from automask_ros.library import migration
from automask_ros.library.check import check_library, repair_library
from automask_ros.library.digests import file_digest
from automask_ros.library.library import Library
from automask_ros.library.models import ModelStore
from automask_ros.library.seals import Seal, seal_of
from automask_ros.nodes.job_store import JobStore

#: Written by automask_ros before it had a format 2, by test/library/small_library.py.
OLD = Path(__file__).parent / "format_1"
FORK = multiprocessing.get_context("fork")


@pytest.fixture
def root(tmp_path):
    return copy_old(tmp_path / "library")


def copy_old(root):
    """The old library at another place; `root` again."""
    shutil.copytree(OLD, root)
    # Not among the files of the repository: not every way of copying these keeps links.
    (root / "models" / "current").symlink_to("2")
    return root


def records(root):
    """The JSON records below a folder, by their paths."""
    paths = [*root.glob("*.json"), *root.glob("objects/*/views/*.json"), *root.glob("jobs/*.json")]
    paths += [*root.glob("models/*.json"), *root.glob("models/[0-9]*/model.json")]
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


def pictures(root):
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.suffix in (".png", ".safetensors", ".onnx", ".html")
    }


def assert_values(root):
    """What the old library held, view by view and figure by figure."""
    library = Library(root)
    assert [(view.label, view.id) for view in library.views()] == [
        (label, f"view_{number}") for label in ("can", "mug") for number in range(4)
    ]
    for seed, view in enumerate(library.views()):
        assert (view.captured_at, view.source) == (100.5 + seed, "/camera/image")
        assert (view.width, view.height) == (48, 36)
        assert view.camera == {"k": [500.25, 0.0, 24.0], "frame_id": "camera"}
        assert np.array_equal(library.read_image(view), picture(seed))
        drawn = (view.label, view.id) == ("can", "view_3")
        assert view.made_by == ("person" if drawn else "lite")
        assert view.verdict.score == (1.0 if drawn else 0.875)
        assert view.verdict.reasons == (("drawn by a person",) if drawn else ("sharp",))
        assert view.vetoed is ((view.label, view.id) == ("mug", "view_3"))
        assert np.array_equal(library.read_mask(view), mask_pixels(9 if drawn else seed))
        assert view.mask_made_at > 1.7e9
    models = library.models
    assert (models.versions(), models.current(), models.database_version()) == ([1, 2], 2, 2)
    assert [(e.version, e.reason) for e in models.promotions()] == [
        (1, "better by 0"),
        (2, "better by 1"),
    ]
    assert models.record(2).labels == {"can": 1, "mug": 2}
    assert models.record(2).thresholds == {"can": 0.5, "mug": 0.5}
    assert models.class_ids(["can", "mug"]) == {"can": 1, "mug": 2}
    store = JobStore(root)
    first, second = store.jobs()
    store.close()
    assert (first.id, first.state, first.message, first.version) == ("job-0001", "done", "good", 1)
    assert (second.id, second.state, second.unfinished) == ("job-0002", "queued", True)


def assert_migrated(root):
    assert_values(root)
    now = records(root)
    assert now.keys() == records(OLD).keys()
    for name, data in now.items():
        assert json.loads(data)["format"] == 2, name
        assert seal_of(data) is Seal.WHOLE, name
    record = json.loads(now["objects/mug/views/view_1.json"])
    assert (record["label"], record["id"]) == ("mug", "view_1")
    assert record["image"]["sha256"] == file_digest(root / "objects/mug/views/view_1.png")
    files = json.loads(now["models/2/model.json"])["files"]
    names = ["measured.safetensors", "metrics.json", "model.onnx", "model.safetensors"]
    assert sorted(files) == [*names, "report.html"]
    assert all(files[name] == file_digest(root / "models/2" / name) for name in files)
    assert pictures(root) == pictures(OLD)
    (backup,) = (root / "backup").iterdir()
    assert backup.name.startswith("format-1-2")
    assert records(backup) == records(OLD)
    assert not any("migrating" in data.decode() and b"null" not in data for data in now.values())
    checked = check_library(root)
    assert (checked.findings, checked.left_behind) == ([], [])


def test_every_value_is_there_before_and_after(root, caplog):
    Library(root)
    assert "is now of format 2; its records as they were: backup/format-1-" in caplog.text
    assert_migrated(root)
    before = records(root)
    caplog.clear()
    Library(root)
    assert records(root) == before and not caplog.text
    assert len(list((root / "backup").iterdir())) == 1


def test_a_library_that_cannot_be_written_is_read(root, monkeypatch):
    before = records(root)
    monkeypatch.setattr(migration.os, "access", lambda *_: False)
    library = Library(root)
    assert len(library.views()) == 8 and library.models.current() == 2
    assert np.array_equal(library.read_image(library.view("mug", "view_2")), picture(6))
    assert ModelStore(root / "models").promotions()[1].version == 2
    assert records(root) == before
    assert not (root / "backup").exists()


def test_a_migration_that_is_killed_is_finished_by_the_next(tmp_path, soak):
    step, deaths = 0, 0
    while True:
        root = copy_old(tmp_path / str(step))
        if not dies_at_rename(step, lambda root=root: Library(root)):
            break
        deaths += 1
        if step % 4 == 2:
            dies_at_rename(3, lambda root=root: Library(root))  # in its second attempt, too
        assert_migrated(root)
        step += 1 if soak else 4
    assert deaths >= (15 if soak else 4)


def test_of_two_that_open_it_one_migrates(root):
    barrier = FORK.Barrier(4)

    def work():
        barrier.wait(20)
        os._exit(0 if len(Library(root).views()) == 8 else 1)

    processes = [FORK.Process(target=work) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert_migrated(root)


def test_a_newer_format_is_refused_in_one_line(root, capsys):
    (root / "library.json").write_text('{"format": 3}\n')
    before = records(root)
    with pytest.raises(AutomaskError, match=r"newer automask_ros \(format 3, .*; upgrade automask"):
        Library(root)
    for command in (["veto", "--library", str(root), "--list"], ["check", str(root)]):
        assert main(command) == 2
        said = capsys.readouterr().err
        assert said.startswith("automask: ") and said.count("\n") == 1 and "upgrade" in said
    assert records(root) == before


def test_what_was_damaged_before_is_left_as_it_is_and_found(root, caplog):
    broken = root / "objects/can/views/view_0.json"
    broken.write_bytes(broken.read_bytes()[:-40])
    image = root / "objects/can/views/view_1.png"
    image.write_bytes(image.read_bytes()[:200])
    (root / "models/promotions.json").write_text("[{")
    library = Library(root)
    assert "view_0.json is damaged" in caplog.text
    assert len(library.views()) == 7 and library.models.current() == 2
    found = {str(each.path.relative_to(root)) for each in check_library(root).findings}
    assert found == {
        "objects/can/views/view_0.json",
        "objects/can/views/view_1.png",
        "models/promotions.json",
    }
    _, after = repair_library(root)
    assert after.findings == []
    assert len(Library(root).views()) == 7


@pytest.mark.parametrize("content", [None, "", "{}"])
def test_a_library_without_a_usable_marker_is_migrated(root, content):
    marker = root / "library.json"
    marker.unlink() if content is None else marker.write_text(content)
    Library(root)
    assert json.loads(marker.read_text())["format"] == 2
    assert_values(root)
    assert check_library(root).findings == []


def test_a_label_may_be_called_as_a_field_is(root):
    (root / "models/labels.json").write_text('{"labels": 1, "format": 2, "mug": 3}')
    models = Library(root).models
    assert models.class_ids(["labels", "format"]) == {"labels": 1, "format": 2}


def test_check_writes_nothing_and_repair_migrates(root):
    before = records(root)
    assert check_library(root).findings == []
    assert records(root) == before
    _, after = repair_library(root)
    assert after.findings == []
    assert_migrated(root)
