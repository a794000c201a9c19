"""What `automask doctor` finds out about files: weights, sample recordings, a library."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from automask_ros.cli.doctor_checks import Check, Status
from automask_ros.errors import AutomaskError
from automask_ros.resources import sample_directory, weights_path

WEIGHTS = ("lite_fcn", "lite_mask_rcnn")
RECORDINGS = ("teach_cup", "teach_bottle", "teach_can", "scenes")


def check_shipped_files() -> Iterator[Check]:
    """Yield the checks of the embedded weights and of the sample."""
    for name in WEIGHTS:
        yield check_weights(name)
    yield check_sample()


def check_weights(name: str) -> Check:
    """Check that an embedded weights file is there and is a safetensors file."""
    try:
        import numpy  # noqa: F401 - it is what the file is opened with
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        return Check(name, Status.MISSING, str(error), "pip install safetensors numpy")
    try:
        path = weights_path(f"{name}.safetensors")
        with safe_open(path, framework="numpy") as tensors:
            count = len(tensors.keys())
    except (AutomaskError, SafetensorError) as error:
        return Check(name, Status.MISSING, str(error), "git checkout weights, or reinstall")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    size = path.stat().st_size / 1e6
    return Check(name, Status.OK, f"{size:.1f} MB, {count} tensors, sha256 {digest[:16]}")


def check_sample() -> Check:
    """Check that the demo's recordings and their ground truth are there."""
    remedy = "git checkout sample, or reinstall"
    try:
        folder = sample_directory()
    except AutomaskError as error:
        return Check("sample", Status.MISSING, str(error), remedy)
    needed = [f"{name}/metadata.yaml" for name in RECORDINGS]
    needed += [f"{name}.json" for name in RECORDINGS]
    absent = [name for name in needed if not (folder / name).is_file()]
    if absent:
        return Check("sample", Status.MISSING, f"{folder} lacks {', '.join(absent)}", remedy)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    return Check("sample", Status.OK, f"{folder}, {len(RECORDINGS)} recordings, {size:.1f} MB")


def check_library(root: Path) -> Check:
    """Check that a library opens, and say what is in it."""
    # Not above: what it stands on may be what is missing.
    from automask_ros.library.library import Library

    try:
        library = Library(root)
        views = {label: library.views(label) for label in library.labels()}
        current = library.models.current()
    except AutomaskError as error:
        return Check("library", Status.MISSING, str(error), "check the path given to --library")
    counts = [
        f"{label} {len(seen)} views ({sum(view.trainable for view in seen)} usable)"
        for label, seen in views.items()
    ]
    model = "no model yet" if current is None else f"model {current}"
    return Check("library", Status.OK, f"{root}: {', '.join(counts) or 'no objects'}; {model}")
