"""Libraries, recordings, COCO files and pictures of a stranger: nothing leaves the library, nothing
is unpickled, nothing hangs, and no size is believed."""

import json
import os
import pickle
import random
import shutil
from contextlib import nullcontext

import pytest
from faults import bombs
from faults.at_once import together
from faults.stranger import (
    FILES,
    FOLDERS,
    limited,
    make_library,
    mask,
    pickles,
    picture,
    replace,
    use_everything,
)
from faults.watch import untouched

from automask_ros.cli.main import main
from automask_ros.detection.base_models import load_base_model
from automask_ros.detection.runtimes import OnnxRuntime
from automask_ros.errors import AutomaskError
from automask_ros.library.annotation_sets import open_annotations
from automask_ros.library.coco import read_coco
from automask_ros.library.coco_import import import_coco
from automask_ros.library.image_file import read_image, read_mask_file
from automask_ros.library.library import Library
from automask_ros.library.records import ViewRecord, read_record
from automask_ros.library.report import write_masks_report
from automask_ros.library.seals import CHECKSUM, write_sealed
from automask_ros.library.sources import open_source
from automask_ros.nodes.job_store import DONE, JobStore
from automask_ros.segmentation.fcn import load_fcn
from automask_ros.segmentation.prompting import load_refiner
from automask_ros.segmentation.salient_peer import SalientPeer
from automask_ros.segmentation.scene_step import StageCheckpoint
from automask_ros.segmentation.vgg_weights import imagenet_vgg16
from automask_ros.types import Mask, Verdict

PLACES = [*FOLDERS, *FILES]


@pytest.fixture(scope="module")
def pattern(tmp_path_factory):
    """A library to copy, made once."""
    root = tmp_path_factory.mktemp("pattern") / "library"
    make_library(root)
    return root


def stranger_s(tmp_path, pattern, number):
    """A copy of the library, and another outside of it, in which all links find what they want."""
    place = tmp_path / str(number)
    shutil.copytree(pattern, place / "library", symlinks=True)
    shutil.copytree(pattern, place / "outside", symlinks=True)
    shutil.copy(pattern.parent / "empty.png", place)
    return place / "library", place / "outside"


@pytest.mark.parametrize("kind", ["link", "pipe", "other"])
def test_what_is_no_file_or_folder_of_its_own_is_refused(tmp_path, pattern, kind, soak):
    some = PLACES if soak or kind == "link" else random.Random(kind).sample(PLACES, 5)
    for number, place in enumerate(some):
        root, outside = stranger_s(tmp_path, pattern, number)
        replace(root / place, kind, outside / place)
        # Nothing leads outside but links.
        with untouched(outside) if kind == "link" else nullcontext():
            lines = use_everything(root)
        # A version whose record is a folder is none.
        named = place.rpartition("/")[2], *(["no model version 1"] if "model.json" in place else [])
        assert any(name in line for name in named for line in lines), (place, lines)


def test_no_migration_leads_out_of_an_old_library(tmp_path, pattern):
    for number, place in enumerate(PLACES):
        root, outside = stranger_s(tmp_path, pattern, number)
        replace(root / place, "link", outside / place)
        if place != "library.json":
            (root / "library.json").write_text('{"format": 1}')
        with untouched(outside):
            use_everything(root)


def sealed(path, **changes):
    """Write a record anew, with other words and its checksum."""
    content = json.loads(path.read_text()) | changes
    content.pop(CHECKSUM, None)
    write_sealed(path, content)


OUTSIDE = {
    "a view's label": ("objects/cup/views/v0.json", {"label": "../../../outside/objects/cup"}),
    "a view's id": ("objects/cup/views/v0.json", {"id": "../../../../outside/v0"}),
    "a version's file": (
        "models/1/model.json",
        {"files": {"../../../outside/models/1/model.onnx": "0" * 64}},
    ),
    "a version's absolute file": ("models/1/model.json", {"files": {"{outside}/x.onnx": ""}}),
    "a job's id": ("jobs/job-0001.json", {"id": "../../outside/library"}),
    "a backup": ("library.json", {"format": 1, "migrating": "../outside/backup"}),
}


@pytest.mark.parametrize("what", OUTSIDE)
def test_no_word_of_a_record_leads_out_of_the_library(tmp_path, pattern, what):
    root, outside = stranger_s(tmp_path, pattern, 0)
    place, changes = OUTSIDE[what]
    text = json.dumps(changes).replace("{outside}", str(outside))
    sealed(root / place, **json.loads(text))
    # What a record's words tell of files counts where these are not what they were.
    for name in ("objects/cup/views/v0.png", "models/1/model.onnx"):
        (root / name).write_bytes(b"changed")
    with untouched(outside):
        use_everything(root)


def test_class_ids_of_a_stranger_take_no_memory(tmp_path, pattern):
    root, _ = stranger_s(tmp_path, pattern, 0)
    sealed(root / "models" / "labels.json", labels={"cup": 10**12})
    given = Library(root).models.class_ids(["cup", "new"])
    assert given["cup"] == 1 and given["new"] == 2, "the ids that the versions know"


def test_the_root_itself_may_be_a_link(tmp_path, pattern):
    root, _ = stranger_s(tmp_path, pattern, 0)
    (tmp_path / "link").symlink_to(root)
    assert [view.id for view in Library(tmp_path / "link").views()] == ["v0", "v1"]


def test_current_is_never_followed(tmp_path, pattern):
    root, outside = stranger_s(tmp_path, pattern, 0)
    replace(root / "models" / "current", "link", outside / "models" / "1")
    with untouched(outside):
        assert Library(root).models.current() == 2
        assert os.readlink(root / "models" / "current") == "2"


def test_a_job_does_not_name_its_own_file(tmp_path, pattern):
    root, outside = stranger_s(tmp_path, pattern, 0)
    job = root / "jobs" / "job-0001.json"
    job.write_text(job.read_text().replace("job-0001", "../../outside/library"))
    before = (outside / "library.json").exists()
    with untouched(outside):
        use_everything(root)
        # It goes by the name of its file, and that is where its end is written.
        store = JobStore(root)
        (written,) = [each for each in store.jobs() if each.id == "job-0001"]
        store.update(written, state=DONE)
        store.close()
    assert '"done"' in job.read_text() and (outside / "library.json").exists() == before


@pytest.fixture
def planted(tmp_path):
    """Pickles that leave a proof when they are unpickled: their bytes by name, and the proof."""
    folder, proof = tmp_path / "pickles", tmp_path / "proof"
    folder.mkdir()
    found = pickles(folder, proof)
    with pytest.raises(AttributeError, match="nothing"):  # they do what they are feared for
        pickle.loads(found["plain.pkl"]).nothing  # noqa: B018, S301
    proof.rmdir()
    return found, proof


def test_no_file_of_a_library_is_unpickled(tmp_path, pattern, planted, soak):
    found, proof = planted
    chance = random.Random(0)
    for number, place in enumerate(FILES):
        names = sorted(found) if soak else chance.sample(sorted(found), 1)
        for name in names:
            root, outside = stranger_s(tmp_path, pattern, f"{number}_{name}")
            replace(root / place, found[name], outside)
            use_everything(root)
            assert not proof.exists(), (place, name)


READERS = {
    "base.safetensors": lambda path: load_base_model(str(path), {"cup": 1}),
    "base.pth": lambda path: load_base_model(str(path), {"cup": 1}),
    "fcn.safetensors": lambda path: load_fcn(str(path)),
    "vgg16.pth": imagenet_vgg16,
    "vgg16.safetensors": imagenet_vgg16,
    "checkpoint.safetensors": StageCheckpoint,
    "encoder.onnx": lambda path: load_refiner(f"{path},{path}", "cpu"),
    "peer.onnx": SalientPeer,
    "model.onnx": lambda path: OnnxRuntime(path, "cpu"),
    "annotations.json": read_coco,
    "labelme.json": open_annotations,
    "set.zip": open_annotations,
    "bag.mcap": open_source,
    "bag.db3": open_source,
    "metadata.yaml": lambda path: open_source(path.parent),
    "picture.png": read_image,
    "mask.png": read_mask_file,
    "view.json": lambda path: read_record(path, ViewRecord),
}


@pytest.mark.parametrize("name", READERS)
def test_no_file_that_anyone_names_is_unpickled(tmp_path, planted, name):
    found, proof = planted
    for each, content in found.items():
        path = tmp_path / each / name
        path.parent.mkdir()
        path.write_bytes(content)
        with pytest.raises(AutomaskError) as refused, limited(20):
            READERS[name](path)
        assert str(refused.value).isprintable()
        assert not proof.exists(), f"{each} was unpickled as {name}"


@pytest.mark.parametrize("name", READERS)
def test_nobody_waits_for_a_pipe(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(AutomaskError), limited(20):
        READERS[name](tmp_path / name)


@pytest.mark.parametrize(
    ("network", "file"),
    [("vgg16", "vgg16-397923af.pth"), ("resnet50", "maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth")],
)
def test_what_lies_in_torch_s_cache_is_not_unpickled(tmp_path, planted, monkeypatch, network, file):
    found, proof = planted
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    place = tmp_path / "torch" / "hub" / "checkpoints"
    place.mkdir(parents=True)
    for each in ("zip.pt", "old.pt", "plain.pkl"):
        (place / file).write_bytes(found[each])
        with pytest.raises(AutomaskError):
            imagenet_vgg16() if network == "vgg16" else load_base_model("resnet50", {"cup": 1})
        assert (place / file).read_bytes() == found[each], "this is what was read"
        assert not proof.exists(), each


FILE_NAMES = (
    "//{outside}",
    "{outside}",
    "../outside/secret.png",
    "a/../../outside/secret.png",
    "..\\outside\\secret.png",
    "\\\\{outside}",
    "file://{outside}",
    "zip://../outside/secret.png",
    "%2e%2e/outside/secret.png",
    "..%2foutside%2fsecret.png",
    "secret.png/../../outside/secret.png",
    "\0{outside}",
)


@pytest.mark.parametrize("name", FILE_NAMES)
def test_no_file_name_in_coco_leads_out_of_the_pictures_folder(tmp_path, pattern, name):
    outside, images = tmp_path / "outside", tmp_path / "images"
    outside.mkdir()
    images.mkdir()
    shutil.copy(pattern / "objects/cup/views/v0.png", outside / "secret.png")
    image = {"id": 1, "file_name": name.format(outside=outside / "secret.png")}
    square = [4.0, 4.0, 20.0, 4.0, 20.0, 20.0]
    content = {
        "images": [image | {"width": 32, "height": 24, "view_id": "../../x"}],
        "categories": [{"id": 1, "name": "cup"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "segmentation": [square]}],
    }
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps(content))
    library = Library(tmp_path / "library", create=True)
    with untouched(outside):
        outcome = import_coco(library, read_coco(path), images)
    assert not outcome.added and library.views() == []
    (broken,) = outcome.broken
    assert "there is no picture" in broken.reason and broken.reason.isprintable()


@pytest.mark.parametrize("name", ["%2e%2e%2foutside%2fbag.db3", "bag?mode=rwc.db3", "bag#.db3"])
def test_no_file_name_in_a_recording_leads_out_of_it(tmp_path, name):
    folder, outside = tmp_path / "bag", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (outside / "bag.db3").write_bytes(b"")
    (folder / name).write_bytes(b"")
    with untouched(outside), pytest.raises(AutomaskError, match="is no name for a recording"):
        open_source(folder)


def test_no_size_is_believed(tmp_path):
    (lines,) = together(tmp_path / "bombs", 0, bombs.light)
    *refused, grown = lines
    assert len(refused) == len(bombs.BOMBS)
    for name, line in refused:
        assert line.isprintable(), name
    assert grown < 150, "MiB that were taken for what never was there"


def test_what_a_terminal_obeys_is_shown_and_not_sent(tmp_path, capsys):
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a\x1b]0;owned\x07\x1b[2J\n\u202egnp.png").write_bytes(b"no picture")
    (folder / os.fsdecode(b"\xff\xfe.png")).write_bytes(b"no picture")
    root = tmp_path / "library"
    arguments = ["add", "--library", str(root), "--label", "cup", str(folder)]
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.isprintable() and "\\x1b]0;owned" in line
    assert main([*arguments[:-3], "--label", "\x1b[2J", str(folder)]) == 2
    assert capsys.readouterr().err.strip().isprintable()
    make_library(root)
    stray = root / "objects" / "cup" / "views" / "\x1b[2J.png"
    stray.write_bytes(b"no view")
    os.utime(stray, (0, 0))
    main(["check", str(root)])
    lines = capsys.readouterr().out.splitlines()
    assert any("\\x1b[2J" in line for line in lines) and all(map(str.isprintable, lines))


def test_words_of_a_stranger_stay_words_in_a_report(tmp_path):
    words = "<script>alert('x')</script><img src=x onerror=alert(1)>"
    library = Library(tmp_path / "library", create=True)
    view = library.add_view(
        "cup", picture(0), captured_at=1.0, source=words, camera={"frame_id": words}
    )
    verdict = Verdict(False, 0.5, (words,))
    library.write_mask(view, Mask(mask(0).pixels, verdict), fcn=words)
    write_masks_report(library, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "<script" not in text and "onerror=alert(1)&gt;" in text and "<img src=x" not in text


def test_a_promotion_beyond_all_time_is_listed(tmp_path, capsys):
    entry = {"version": 1, "at": 1e300, "reason": "x"}
    library = Library(tmp_path / "library", create=True)
    (library.root / "models").mkdir()
    (library.root / "models" / "promotions.json").write_text(json.dumps([entry]))
    assert main(["rollback", "--library", str(library.root), "--list"]) == 0
    assert "1e+300 s" in capsys.readouterr().out
