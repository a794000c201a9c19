"""The files of a library, any of which a person, a full disk or a bad one may have changed."""

from __future__ import annotations

import json
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np

from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.library.models import ModelStore
from automask_ros.nodes import job_store
from automask_ros.nodes.job_store import JobStore
from automask_ros.types import Mask, Verdict
from targets.edits import edited
from targets.provider import Provider

_LABEL, _ID = "cup", "20260101T000000.000000"
FILES = (
    f"objects/{_LABEL}/views/{_ID}.json",
    f"objects/{_LABEL}/views/{_ID}.png",
    f"objects/{_LABEL}/masks/{_ID}.png",
    "library.json",
    "models/1/model.json",
    "models/promotions.json",
    "models/labels.json",
    "jobs/job-0001.json",
)


def _made() -> Path:
    """A whole library: a view, its mask, a promoted model, a job."""
    root = Path(tempfile.mkdtemp(prefix="automask_fuzz_")) / "library"
    library = Library(root, create=True)
    picture = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    view = library.add_view(_LABEL, picture, captured_at=1767225600.0, source="/image")
    pixels = np.zeros((6, 8), bool)
    pixels[2:4, 2:6] = True
    library.write_mask(view, Mask(pixels, Verdict(True, 0.9, ())), fcn="lite")
    record = {
        "architecture": "lite",
        "labels": library.models.class_ids([_LABEL]),
        "base_model": "lite",
        "image_size": 160,
        "thresholds": {_LABEL: 0.5},
        "seed": 0,
        "created_at": 1.0,
    }
    with library.models.stage() as staged:
        library.models.promote(library.models.commit(staged, record), "good")
    jobs = JobStore(root)
    jobs.add()
    jobs.close()
    return root


_ROOT = _made()
_GOOD = {name: (_ROOT / name).read_bytes() for name in FILES}


def seeds() -> list[bytes]:
    """Each file as it was written, behind its number, and some with one field more."""
    edits = [bytes([number + len(FILES), 0, 1, 254]) for number in range(3, len(FILES) - 1)]
    return edits + [bytes([number]) + _GOOD[name] for number, name in enumerate(FILES)]


def check(data: bytes) -> bool:
    """The first byte chooses the file, and whether the rest is its content or edits of it; then the
    library is opened and read."""
    fields = Provider(data)
    chosen = fields.uint8()
    path = _ROOT / FILES[chosen % len(FILES)]
    good = path.read_bytes()
    read = 0
    if chosen >= len(FILES) and path.suffix == ".json":
        changed = json.dumps(edited(json.loads(good), fields)).encode()
    else:
        changed = fields.rest()
    try:
        path.write_bytes(changed)
        with suppress(AutomaskError):
            read += _read_views(Library(_ROOT))
        with suppress(AutomaskError):
            read += _read_models(ModelStore(_ROOT / "models"))
        with suppress(AutomaskError):
            read += _read_jobs()
    finally:
        path.write_bytes(good)
        shutil.rmtree(_ROOT / "objects" / _LABEL / "trash", ignore_errors=True)
    return read == 3


def _read_views(library: Library) -> bool:
    whole = True
    for view in library.views():
        json.dumps([view.captured_at, view.source, view.camera])
        try:
            picture, mask = library.read_image(view), library.read_mask(view)
            assert picture.dtype == np.uint8 and (mask is None or mask.dtype == np.bool_)
        except AutomaskError:
            whole = False
    return whole


def _read_models(store: ModelStore) -> bool:
    try:
        for version in store.versions():
            store.record(version)
    finally:  # each on its own: one file that is damaged hides none of the others
        with suppress(AutomaskError):
            store.class_ids([_LABEL])
    store.database_version()
    return store.current() == 1


def _read_jobs() -> bool:
    jobs = JobStore(_ROOT)
    try:
        for job in jobs.jobs():
            assert f"jobs/{job.id}.json" in FILES
            jobs.update(job, state=job_store.DONE)
        return True
    finally:
        jobs.close()
