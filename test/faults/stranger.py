"""A stranger's library: what may lie in its places, and everything that a robot does with it."""

import os
import pickle
import shutil
import signal
from contextlib import contextmanager

import numpy as np
import torch

from automask_ros.detection.base_models import load_measured
from automask_ros.detection.load_check import load_fault, unfit
from automask_ros.detection.prediction import Predictor
from automask_ros.errors import AutomaskError
from automask_ros.library.check import check_library, repair_library
from automask_ros.library.coco_export import export_coco
from automask_ros.library.fetch_model import fetch_model
from automask_ros.library.fetch_views import fetch_views
from automask_ros.library.image_file import read_image
from automask_ros.library.library import Library
from automask_ros.library.linked_copy import linked_copy
from automask_ros.library.other_library import OtherLibrary
from automask_ros.library.report import write_masks_report
from automask_ros.nodes.job_store import JobStore
from automask_ros.segmentation.settling import add_empty_scene, empty_scene_paths
from automask_ros.types import Mask, Verdict

SIZE = (24, 32)
RECORD = {
    "architecture": "lite",
    "labels": {"cup": 1},
    "base_model": "lite",
    "image_size": 160,
    "thresholds": {"cup": 0.5},
    "seed": 0,
    "created_at": 1.0,
}
FOLDERS = (
    "objects",
    "objects/cup",
    "objects/cup/views",
    "objects/cup/masks",
    "objects/cup/background",
    "models",
    "models/1",
    "jobs",
    "trash",
    "trash/cup",
    "damaged",
    "backup",
)
FILES = (
    "library.json",
    "objects/cup/.lock",
    "objects/cup/views/v0.png",
    "objects/cup/views/v0.json",
    "objects/cup/masks/v0.png",
    "objects/cup/background/empty.png",
    "models/.lock",
    "models/labels.json",
    "models/promotions.json",
    "models/1/model.json",
    "models/1/model.safetensors",
    "models/1/measured.safetensors",
    "models/1/model.onnx",
    "jobs/.lock",
    "jobs/job-0001.json",
)


def picture(seed):
    return np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), np.uint8)


def mask(seed):
    return Mask(picture(seed)[..., 0] > 127, Verdict(True, 0.9, ("good",)))


def make_library(root):
    """A library with two views, a scene without the object, two versions, a job and some trash."""
    library = Library(root, create=True)
    for number in range(3):
        view = library.add_view(
            "cup", picture(number), captured_at=100.0 + number, source="x", view_id=f"v{number}"
        )
        library.write_mask(view, mask(number), fcn="lite")
    library.remove_view(view)
    shutil.copy(library.image_path("cup", "v0"), root.parent / "empty.png")
    add_empty_scene(library, "cup", root.parent / "empty.png")
    library.models.class_ids(["cup"])
    for _ in range(2):
        with library.models.stage() as staged:
            for name in ("model.safetensors", "measured.safetensors", "model.onnx"):
                (staged / name).write_bytes(b"no weights")
            library.models.promote(library.models.commit(staged, RECORD), "for a test")
    jobs = JobStore(root)
    jobs.add()
    jobs.close()
    (root / "damaged" / "20200101T000000Z" / "models" / "9").mkdir(parents=True)
    (root / "backup").mkdir()


def replace(path, kind, outside):
    """Put something else in the place of a file or folder of a library."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
    if kind == "link":
        path.symlink_to(outside)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "other":
        path.write_bytes(b"{}") if outside.is_dir() else path.mkdir()
    else:
        path.write_bytes(kind)


def use_everything(root):
    """Do all that nodes and commands do to a library; the lines with which it refused."""
    lines = []
    for action in ACTIONS:
        try:
            with limited(120):
                action(Library(root))
        except AutomaskError as error:
            line = str(error)
            assert line.isprintable() and len(line) < 1500, line
            lines.append(line)
    return lines


@contextmanager
def limited(seconds):
    """A test that hangs fails instead."""

    def fail(*_):
        raise TimeoutError(f"still at it after {seconds} s")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _look(library):
    for view in library.views():
        library.usable_mask(view)
        library.read_image(view)
    library.views_without_mask()
    library.awaited_masks(library.views())


def _faults(library):
    for view in library.views():
        library.image_fault(view)


def _read_by_name(library):
    view = library.view("cup", "v0")
    library.read_image(view)
    library.read_mask(view)


def _with_view(change):
    return lambda library: change(library, library.view("cup", "v0"))


def _scenes(library):
    for path in empty_scene_paths(library, "cup"):
        read_image(path, links=False)


def _stage(library):
    with library.models.stage() as staged:
        library.models.commit(staged, RECORD)


def _copy(library):
    place = library.root.parent / "copy"
    shutil.rmtree(place, ignore_errors=True)
    linked_copy(library, place)


def _fetch(library):
    """Its views and its model into a library that is ours."""
    place = library.root.parent / "ours"
    shutil.rmtree(place, ignore_errors=True)
    ours, other = Library(place, create=True), OtherLibrary(library.root)
    try:
        for broken in fetch_views(ours, other).broken:
            assert broken.reason.isprintable(), broken
        fetch_model(ours, other, unfit=unfit)
    finally:
        assert not check_library(place).findings


def _jobs(library):
    store = JobStore(library.root)
    try:
        for job in store.unfinished():
            store.update(job, state="done")
        store.add()
    finally:
        store.close()


def _add(label):
    return lambda library: library.add_view(label, picture(7), captured_at=7.0, source="x")


def _predict(runtime):
    return lambda library: Predictor.from_version(library, 1, "cpu", runtime)(picture(0))


ACTIONS = (
    _look,
    _read_by_name,
    _faults,
    lambda library: check_library(library.root, load_fault),
    _add("cup"),
    _add("pot"),
    _scenes,
    lambda library: add_empty_scene(library, "cup", library.root.parent / "empty.png"),
    _copy,
    _fetch,
    lambda library: export_coco(library, library.root.parent / "coco"),
    lambda library: write_masks_report(library, library.root.parent / "report.html"),
    lambda library: library.models.versions(),
    lambda library: library.models.record(1),
    lambda library: library.models.class_ids(["cup", "new"]),
    _stage,
    lambda library: library.models.promote(1, "again"),
    lambda library: library.models.rollback(),
    lambda library: load_measured(library.models.directory(1)),
    _predict("onnx"),
    _predict("torch"),
    _jobs,
    _with_view(lambda library, view: library.write_mask(view, mask(5), fcn="lite")),
    _with_view(
        lambda library, view: library.write_verdict(view, Verdict(False, 0.1), made_by="lite")
    ),
    _with_view(lambda library, view: library.write_drawn_mask(view, mask(6).pixels)),
    _with_view(lambda library, view: library.set_vetoed(view, True)),
    _with_view(lambda library, view: library.forget_mask(view)),
    _with_view(lambda library, view: library.remove_view(view)),
    lambda library: repair_library(library.root, load_fault),
)


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, proof):
        self._proof = str(proof)

    def __reduce__(self):
        return os.mkdir, (self._proof,)


def pickles(folder, proof):
    """Pickles as they travel: name -> bytes."""
    bomb = Bomb(proof)
    objects = np.empty(1, object)
    objects[0] = bomb
    np.save(folder / "array.npy", objects, allow_pickle=True)
    np.savez(folder / "arrays.npz", weights=objects)
    torch.save({"weights": bomb}, folder / "zip.pt")
    torch.save({"weights": bomb}, folder / "old.pt", _use_new_zipfile_serialization=False)
    (folder / "plain.pkl").write_bytes(pickle.dumps(bomb))
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
