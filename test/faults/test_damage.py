"""Every kind of damage to every kind of file of a library: found, moved aside, the rest whole."""

import itertools
import json
import os
import shutil

import numpy as np
import pytest
from killed import dies_at_rename
from library.small_library import fill, mask_pixels, picture

from automask_ros.library import check
from automask_ros.library.check import check_library, repair_library
from automask_ros.library.library import Library
from automask_ros.nodes.job_store import JobStore

#: Kind of file -> its files in the library; the first is damaged, and changes places with the last.
KINDS = {
    "library": ("library.json",),
    "record": ("objects/mug/views/view_1.json", "objects/can/views/view_1.json"),
    "image": ("objects/mug/views/view_1.png", "objects/mug/views/view_2.png"),
    "mask": ("objects/mug/masks/view_1.png", "objects/can/masks/view_2.png"),
    "model record": ("models/2/model.json", "models/1/model.json"),
    "weights": ("models/2/model.safetensors", "models/1/model.safetensors"),
    "measured": ("models/2/measured.safetensors", "models/2/model.safetensors"),
    "graph": ("models/2/model.onnx", "models/1/model.onnx"),
    "metrics": ("models/2/metrics.json", "models/1/metrics.json"),
    "report": ("models/2/report.html", "models/1/report.html"),
    "promotions": ("models/promotions.json",),
    "labels": ("models/labels.json",),
    "job": ("jobs/job-0002.json", "jobs/job-0001.json"),
}
RECORDS = {"library", "record", "model record", "promotions", "labels", "job"}
OLD_MODEL_LIVE = {"weights", "graph"}


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    root = tmp_path_factory.mktemp("pristine") / "library"
    fill(root)
    assert check_library(root).findings == []
    return root


@pytest.fixture
def root(pristine, tmp_path):
    return copied(pristine, tmp_path / "library")


def copied(pristine, root):
    """A copy that shares its files: every write, ours and those of this test, makes a new file."""
    shutil.copytree(pristine, root, copy_function=os.link, symlinks=True)
    return root


def replace(path, data):
    path.unlink()
    path.write_bytes(data)


def truncated(data, random):
    return data[: int(random.integers(1, len(data)))]


def emptied(data, random):
    return b""


def flipped(data, random):
    place = int(random.integers(len(data)))
    return data[:place] + bytes((data[place] ^ 1 << int(random.integers(8)),)) + data[place + 1 :]


def is_record(name):
    return name.endswith(".json") and not name.endswith("metrics.json")


def exchange(one, other):
    one.rename(one.with_name("between"))
    other.rename(one)
    one.with_name("between").rename(other)


def contents(root):
    """What each file of the library holds, but for locks and what was moved aside."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.name[0] != "." and "damaged" not in path.parts
    }


def assert_found_and_repaired(root, names):
    """The check names the files and nothing else; the repair loses nothing and leaves a whole
    library. Returns its new contents."""
    before = contents(root)
    found = check_library(root).findings
    assert {str(finding.path.relative_to(root)) for finding in found} == names
    assert all("--repair" in finding.remedy for finding in found)
    assert contents(root) == before, "a check writes nothing"
    done, after = repair_library(root)
    assert {str(each.finding.path.relative_to(root)) for each in done} >= names
    assert after.findings == [] and after.left_behind == []
    moved = {path.read_bytes() for path in (root / "damaged").rglob("*") if path.is_file()}
    now = contents(root)
    # Whole records are written anew where they name what is gone; nothing else ever is.
    kept = {data for name, data in before.items() if name in names or not is_record(name)}
    assert kept <= moved | set(now.values()), "something was deleted"
    return now


def assert_usable(root, views=8, nothing_live=False):
    """Everything but what was damaged is there, as it was, and can be worked with."""
    library = Library(root)
    found = library.views()
    assert len(found) == views
    for view in found:
        seed = 4 * (view.label == "mug") + int(view.id[-1])
        assert np.array_equal(library.read_image(view), picture(seed))
        pixels = library.read_mask(view)
        if pixels is not None:
            assert np.array_equal(pixels, mask_pixels(9 if view.drawn else seed))
    assert library.view("mug", "view_3").vetoed
    assert library.view("can", "view_3").drawn
    current = library.models.current()
    if current is None:
        # What was live before the damaged version stood in promotions.json alone.
        assert nothing_live
        return library
    assert library.models.fault(current) is None
    assert os.readlink(root / "models" / "current") == str(current)
    assert library.models.class_ids(["can", "mug", "pear"]) == {"can": 1, "mug": 2, "pear": 3}
    jobs = JobStore(root)
    added = jobs.add().id
    jobs.close()
    assert added == "job-0003"
    return library


def assert_outcome(root, kind, pristine, exact):
    """What is left after one file of a kind was damaged; `exact` when a record was restored."""
    now, was = contents(root), contents(pristine)
    name = KINDS[kind][0]
    if exact:
        assert now == was
        assert_usable(root)
        return
    views = 7 if kind == "image" else 8
    library = assert_usable(root, views)
    view = library.view("mug", "view_1") if views == 8 else None
    if kind == "record":
        assert view.vetoed and view.verdict is None
        library.set_vetoed(view, False)
        assert library.views_without_mask() == [library.view("mug", "view_1")]
    elif kind == "mask":
        assert library.views_without_mask() == [view]
    elif kind in OLD_MODEL_LIVE or kind == "model record":
        assert library.models.versions() == [1]
        assert library.models.current() == 1
        reason = library.models.promotions()[-1].reason
        assert reason == "version 2 was damaged"
    elif kind in ("measured", "metrics", "report"):
        assert library.models.current() == 2
        assert library.models.record(2).lost == (name.rpartition("/")[2],)
    elif kind == "promotions":
        entries = [entry.version for entry in library.models.promotions()]
        assert entries in ([2], [1, 2])
    if kind not in OLD_MODEL_LIVE | {"model record", "job", "promotions", "record"}:
        assert library.models.database_version() == 2


@pytest.mark.parametrize("damage", [truncated, emptied], ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_breaks_off(root, pristine, kind, damage, soak):
    for seed in range(20 if soak and damage is truncated else 1):
        path = root / KINDS[kind][0]
        replace(path, damage(path.read_bytes(), np.random.default_rng(seed)))
        now = assert_found_and_repaired(root, {KINDS[kind][0]})
        # Its truncation may lack no more than a part of the checksum's line: nothing is lost then.
        exact = now == contents(pristine)
        assert exact is (kind in ("library", "labels")) or kind in RECORDS
        assert_outcome(root, kind, pristine, exact and kind != "library")
        shutil.rmtree(root)
        copied(pristine, root)


@pytest.mark.parametrize("kind", KINDS)
def test_one_bit_that_flips_anywhere(root, pristine, kind, soak):
    name = KINDS[kind][0]
    for seed in range(60 if soak else 2):
        path = root / name
        replace(path, flipped(path.read_bytes(), np.random.default_rng(seed)))
        now = assert_found_and_repaired(root, {name})
        if kind in RECORDS:
            assert now == contents(pristine), "one flipped bit in a record is put right"
        assert_outcome(root, kind, pristine, kind in RECORDS)
        shutil.rmtree(root)
        copied(pristine, root)


@pytest.mark.parametrize("kind", [kind for kind, names in KINDS.items() if len(names) > 1])
def test_two_files_that_have_changed_places(root, pristine, kind):
    names = KINDS[kind][0], KINDS[kind][1]
    exchange(*(root / name for name in names))
    now = assert_found_and_repaired(root, set(names))
    assert now == contents(pristine)
    assert_usable(root)


@pytest.mark.parametrize("kind", ["image", "record", "mask", "weights"])
def test_a_ring_of_files_that_have_changed_places(root, pristine, kind):
    pattern = {
        "image": "objects/*/views/*.png",
        "record": "objects/*/views/*.json",
        "mask": "objects/*/masks/*.png",
        "weights": "models/[0-9]/*.safetensors",
    }[kind]
    paths = sorted(root.glob(pattern))
    for one, other in itertools.pairwise(paths):
        exchange(one, other)
    assert_found_and_repaired(root, {str(path.relative_to(root)) for path in paths})
    assert contents(root) == contents(pristine)
    assert_usable(root)


def test_a_version_that_goes_for_one_file_with_another_damaged(root):
    """The repair of the second finds no version any more."""
    names = KINDS["metrics"][0], KINDS["graph"][0]
    for name in names:
        replace(root / name, b"x")
    assert_found_and_repaired(root, set(names))
    assert assert_usable(root).models.current() == 1


def test_many_files_at_once(root, pristine, soak):
    for seed in range(150 if soak else 3):
        random = np.random.default_rng(seed)
        kinds = [str(kind) for kind in random.choice(list(KINDS), 4, replace=False)]
        for kind in kinds:
            path = root / KINDS[kind][0]
            damage = (truncated, emptied, flipped)[int(random.integers(3))]
            replace(path, damage(path.read_bytes(), random))
        found = {str(f.path.relative_to(root)) for f in check_library(root).findings}
        assert found <= {KINDS[kind][0] for kind in kinds} and found
        _, after = repair_library(root)
        assert after.findings == []
        gone = {"promotions"} < set(kinds) and not OLD_MODEL_LIVE.isdisjoint(kinds)
        gone |= {"promotions", "model record"} <= set(kinds)
        assert_usable(root, 7 if "image" in kinds else 8, nothing_live=gone)
        shutil.rmtree(root)
        copied(pristine, root)


def break_record(root):
    path = root / KINDS["record"][0]
    replace(path, path.read_bytes()[:40])


def flip_bit(kind):
    def flip(root):
        path = root / KINDS[kind][0]
        replace(path, flipped(path.read_bytes(), np.random.default_rng(1)))

    return flip


def exchange_files(kind):
    return lambda root: exchange(*(root / name for name in KINDS[kind]))


DAMAGES = {
    "record breaks off": break_record,
    "record flips": flip_bit("record"),
    "promotions flip": flip_bit("promotions"),
    "labels flip": flip_bit("labels"),
    "images exchanged": exchange_files("image"),
    "records exchanged": exchange_files("record"),
    "masks exchanged": exchange_files("mask"),
    "weights exchanged": exchange_files("weights"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_repair_that_is_killed_is_finished_by_the_next(tmp_path, pristine, damage):
    whole = copied(pristine, tmp_path / "whole")
    damage(whole)
    repair_library(whole)
    deaths = 0
    for step in itertools.count():
        root = copied(pristine, tmp_path / str(step))
        damage(root)
        died = dies_at_rename(step, lambda root=root: repair_library(root))
        _, after = repair_library(root)
        assert after.findings == [] and contents(root) == contents(whole), f"killed at {step}"
        if not died:
            break
        deaths += 1
    assert deaths >= 2


def undo(library):
    library.remove_view(library.view("mug", "view_1"))


def veto(library):
    library.set_vetoed(library.view("mug", "view_1"), True)


def promote(library):
    library.models.promote(1, "meanwhile")


@pytest.mark.parametrize(
    ("kind", "decide"), [("record", undo), ("record", veto), ("promotions", promote)]
)
def test_what_is_decided_while_a_repair_looks_stays(root, monkeypatch, kind, decide):
    library = Library(root)
    path = root / KINDS[kind][0]
    whole = path.read_bytes()
    flip_bit(kind)(root)
    later = [lambda: replace(path, whole), lambda: decide(library)]

    def look(*arguments):
        checked = check_library(*arguments)
        while later:
            later.pop(0)()
        return checked

    monkeypatch.setattr(check, "check_library", look)
    repair_library(root)
    if decide is promote:
        assert library.models.current() == 1
        assert library.models.promotions()[-1].reason == "meanwhile"
    elif decide is veto:
        assert library.view("mug", "view_1").vetoed
    else:
        assert not library.has_view("mug", "view_1") and not path.exists()


def test_a_note_of_a_stranger_moves_nothing_out_of_the_library(root, tmp_path):
    for number, place in enumerate(
        ["../outside", "/tmp/x", "objects/../../outside", "damaged", ""]
    ):
        taken = root / "damaged" / "20200101T000000Z" / f"x{number}"
        taken.parent.mkdir(parents=True, exist_ok=True)
        taken.write_text("mine")
        note = {"file": "objects/a/views/x.png", "why": "y", "belongs": place}
        taken.with_name(taken.name + ".note.json").write_text(json.dumps(note))
    (taken.parent / "torn.note.json").write_text("{")
    repair_library(root)
    assert sorted(path.name for path in taken.parent.glob("x?")) == [f"x{n}" for n in range(5)]
    assert not (tmp_path / "outside").exists()
