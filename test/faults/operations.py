"""Operations on a library that are killed at each of their fault points, and the libraries they
begin with.

Each takes the library's folder and `acknowledge`, which it calls after each step that is done for
good. It begins with looking at what is done already, so that after a kill it goes on.
"""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from automask_ros.cli.main import main
from automask_ros.library.adding import add_source
from automask_ros.library.coco import read_coco
from automask_ros.library.coco_export import export_coco
from automask_ros.library.coco_import import import_coco
from automask_ros.library.export_folder import ExportConfig
from automask_ros.library.fetch_model import fetch_model
from automask_ros.library.fetch_views import fetch_views
from automask_ros.library.library import Library
from automask_ros.library.migration import record_paths
from automask_ros.library.other_library import OtherLibrary
from automask_ros.library.records import ModelRecord
from automask_ros.library.sources import open_source
from automask_ros.nodes.job_store import DONE, RUNNING, JobStore
from automask_ros.types import Mask, Verdict

SIZE = (48, 64)
IDS = ("a", "b")
REFUSED = Verdict(False, 0.25, ("boundary uncertain",))
Acknowledge = Callable[[], None]


def picture(seed: int) -> np.ndarray:
    """A noisy picture, (48, 64, 3) uint8 BGR."""
    return np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), np.uint8)


def shape(seed: int) -> np.ndarray:
    """A disc that stands elsewhere for each seed, (48, 64) bool."""
    pixels = np.zeros(SIZE, np.uint8)
    cv2.circle(pixels, (20 + 3 * seed, 24), 12, 1, -1)
    return pixels.astype(bool)


def empty(root: Path) -> None:
    """Begin with nothing."""


def views(root: Path) -> None:
    """Begin with two views without masks."""
    add_views(root, lambda: None)


def masked(root: Path) -> None:
    """Begin with two views and their masks, one of them refused."""
    views(root)
    write_masks(root, lambda: None)


def drawn(root: Path) -> None:
    """Begin with two views: a mask drawn by a person, and one that a person painted over."""
    masked(root)
    library = Library(root)
    library.write_drawn_mask(library.view("mug", "a"), shape(2))
    cv2.imwrite(str(library.mask_path("mug", "b")), shape(3).astype(np.uint8) * 255)


def trained(root: Path) -> None:
    """Begin with two versions, both promoted."""
    masked(root)
    train(root, lambda: None)


def old(root: Path) -> None:
    """Begin with a library of format 1, with views, masks, versions and jobs."""
    trained(root)
    queue_jobs(root, lambda: None)
    for path in record_paths(root):
        record = json.loads(path.read_bytes()) | {"format": 1}
        for name in ("checksum", "image", "files", "lost", *(["id"] * ("captured_at" in record))):
            record.pop(name, None)
        plain = {"promotions.json": "promotions", "labels.json": "labels"}.get(path.name)
        path.write_text(json.dumps(record[plain] if plain else record))


def photos(root: Path) -> None:
    """Begin with two photographs beside the library."""
    for seed in range(2):
        cv2.imwrite(str(root.parent / f"photo_{seed}.png"), picture(seed))


def travelled(root: Path) -> None:
    """Begin with a COCO folder beside the library: a refused mask, a vetoed view, a drawn one."""
    other = root.parent / "other"
    masked(other)
    library = Library(other)
    library.set_vetoed(library.view("mug", "a"), True)
    third = library.add_view("mug", picture(2), captured_at=3.0, source="test", view_id="c")
    library.write_drawn_mask(third, shape(2))
    export_coco(library, root.parent / "coco")


def another(root: Path) -> None:
    """Begin with two views, one of them also in another library that has masks and versions.

    That lies where copies of the folder around the library find it as well.
    """
    trained(root.parents[1] / "other")
    add_views(root, lambda: None)
    library = Library(root)
    library.remove_view(library.view("mug", "b"))
    library.add_view("mug", picture(5), captured_at=3.0, source="test", view_id="b")
    Library(root.parents[1] / "other").add_view("mug", picture(6), captured_at=4.0, source="test")


def add_views(root: Path, acknowledge: Acknowledge) -> None:
    library = Library(root, create=True)
    for seed, name in enumerate(IDS):
        if not library.has_view("mug", name):
            library.add_view(
                "mug", picture(seed), captured_at=1.0 + seed, source="test", view_id=name
            )
            acknowledge()


def write_masks(root: Path, acknowledge: Acknowledge) -> None:
    library = Library(root)
    for seed, view in enumerate(library.views()):
        if view.verdict is None:
            verdict = REFUSED if seed else Verdict(True, 0.9)
            library.write_mask(view, Mask(shape(seed), verdict), fcn="lite")
            acknowledge()


def replace_masks(root: Path, acknowledge: Acknowledge) -> None:
    library = Library(root)
    for seed, view in enumerate(library.views()):
        if view.made_by != "lite, joined":
            mask = Mask(shape(4 + seed), Verdict(True, 0.8))
            library.write_mask(view, mask, fcn="lite, joined")
            acknowledge()


def judge_masks(root: Path, acknowledge: Acknowledge) -> None:
    library = Library(root)
    for view in library.views():
        if view.made_by != "lite, compared":
            library.write_verdict(view, Verdict(True, 0.7), made_by="lite, compared")
            acknowledge()


def draw_masks(root: Path, acknowledge: Acknowledge) -> None:
    library = Library(root)
    for seed, view in enumerate(library.views()):
        if not np.array_equal(library.read_mask(view), shape(6 + seed)):
            library.write_drawn_mask(view, shape(6 + seed))
            acknowledge()


def forget_masks(root: Path, acknowledge: Acknowledge) -> None:
    library = Library(root)
    for view in library.views():
        if view.verdict is not None:
            library.forget_mask(view)
            acknowledge()


def veto(root: Path, acknowledge: Acknowledge) -> None:
    library = Library(root)
    for view in library.views():
        if not view.vetoed:
            library.set_vetoed(view, True)
            acknowledge()


def remove_views(root: Path, acknowledge: Acknowledge) -> None:
    library = Library(root)
    for view in library.views():
        library.remove_view(view)
        acknowledge()


def add_photos(root: Path, acknowledge: Acknowledge) -> None:
    source = open_source(root.parent, None, "photo_*")
    library = Library(root, create=True)
    add_source(library, "mug", source, progress=lambda _: acknowledge())


def train(root: Path, acknowledge: Acknowledge) -> None:
    """What a training writes: class ids, two versions, their promotions."""
    models = Library(root).models
    for number, label in ((1, "mug"), (2, "can")):
        labels = models.class_ids([label])
        acknowledge()
        if number not in models.versions():
            _make_version(models, labels)
        acknowledge()
        if models.database_version() < number:
            models.promote(number, "good enough")
        acknowledge()


def roll_back(root: Path, acknowledge: Acknowledge) -> None:
    models = Library(root).models
    if models.current() == 2:
        models.rollback()
        acknowledge()


def queue_jobs(root: Path, acknowledge: Acknowledge) -> None:
    Library(root, create=True)
    store = JobStore(root)
    while len(store.jobs()) < 2:
        store.add()
        acknowledge()
    for job in store.unfinished():
        store.update(job, state=RUNNING)
        acknowledge()
        store.update(job, state=DONE, message="trained", version=int(job.id[-1]))
        acknowledge()


def migrate(root: Path, acknowledge: Acknowledge) -> None:
    Library(root)
    acknowledge()


def bring_in(root: Path, acknowledge: Acknowledge) -> None:
    coco = root.parent / "coco"
    found = read_coco(coco / "annotations.json")
    library = Library(root, create=True)
    import_coco(library, found, coco / "images", progress=lambda _: acknowledge())


def fetch(root: Path, acknowledge: Acknowledge) -> None:
    other, library = OtherLibrary(root.parents[1] / "other"), Library(root)
    fetch_views(library, other, progress=lambda _: acknowledge())
    acknowledge()
    fetch_model(
        library,
        other,
        unfit=lambda directory, labels: None,  # its weights are none
        progress=lambda step: acknowledge() if step.stage == "promote" else None,
    )
    acknowledge()


def take_out(root: Path, acknowledge: Acknowledge) -> None:
    config = ExportConfig(polygons=True, overwrite=True)
    export_coco(Library(root), root.parent / "coco", config=config)
    acknowledge()


def command(line: str, root: Path, acknowledge: Acknowledge) -> None:
    """A command of the command line; HERE in it stands for the folder around the library."""
    arguments = line.replace("HERE", str(root.parent)).split()
    arguments[1:1] = ["--library", str(root)]
    if main(arguments) != 0:
        raise RuntimeError(f"automask {' '.join(arguments)} failed")
    acknowledge()


def _make_version(models, labels: dict[str, int]) -> None:
    record = ModelRecord(
        architecture="mask_rcnn",
        labels=labels,
        base_model="lite",
        image_size=320,
        thresholds=dict.fromkeys(labels, 0.5),
        seed=0,
        created_at=1.0,
    )
    with models.stage() as staged:
        for name in ("weights.safetensors", "model.onnx"):
            (staged / name).write_bytes(bytes(range(256)))
        models.commit(staged, record)
