"""A library that knows a cup, made in no time: its model is put together once for all tests."""

import tempfile
from functools import cache
from pathlib import Path

from integration.drawn_objects import view
from integration.stored_models import store_model

from automask_ros.library.library import Library
from automask_ros.types import Mask, Verdict


def teach(root, versions=0):
    """A library with eight views of a cup, their true masks, and equal models; the last is live."""
    library = Library(root, create=True)
    for seed in range(8):
        image, mask = view("cup", seed)
        added = library.add_view("cup", image, captured_at=1000.0 + seed, source="drawn")
        library.write_mask(added, Mask(mask, Verdict(True, 1.0)), fcn="drawn")
    for _ in range(versions):
        files, record = _model()
        library.models.class_ids(record.labels)
        with library.models.stage() as staged:
            for name, content in files.items():
                (staged / name).write_bytes(content)
            version = library.models.commit(staged, record)
        library.models.promote(version, "for a test")
    return library


@cache
def _model():
    with tempfile.TemporaryDirectory() as folder:
        library = Library(Path(folder), create=True)
        version = store_model(library, view("cup", 1)[0])
        files = library.models.directory(version).iterdir()
        return {path.name: path.read_bytes() for path in files}, library.models.record(version)
