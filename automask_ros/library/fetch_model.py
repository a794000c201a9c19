"""A model version of another library, as a new version of this one that goes live."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from automask_ros.errors import AutomaskError, printable
from automask_ros.library import files
from automask_ros.library.inside import check_file, open_regular
from automask_ros.library.library import Library
from automask_ros.library.models import ModelStore
from automask_ros.library.other_library import OtherLibrary
from automask_ros.library.records import ModelRecord
from automask_ros.library.version_files import is_run
from automask_ros.types import Progress, ProgressCallback

#: Taken beside what runs: weights to compare with, and figures. A report is a page, and stays.
_ALSO = ("measured.safetensors", "metrics.json")
_BLOCK = 1 << 20

#: Why the model in a folder does not load with these class ids, in one line; None when it does.
Unfit = Callable[[Path, Mapping[str, int]], str | None]


@dataclass(frozen=True)
class FetchedModel:
    """``version`` is the model's number here, ``fetched_from`` there. ``new`` says whether it came
    just now, ``promoted`` whether it went live just now, ``live`` whether it is live. ``forgotten``
    are labels that the model live before knows and this one does not."""

    version: int
    fetched_from: int
    new: bool
    promoted: bool
    live: bool
    forgotten: tuple[str, ...] = ()


def fetch_model(
    library: Library,
    other: OtherLibrary,
    version: int | None = None,
    *,
    unfit: Unfit,
    again: bool = False,
    progress: ProgressCallback | None = None,
) -> FetchedModel:
    """Take a version of another library, the one live there when None, and promote it here.

    One that is here already is not taken twice. It goes live if it never was; one that was, and
    that a rollback or a training has replaced since, does so only ``again``. AutomaskError, and
    nothing changes, when it is damaged, does not load, or its class ids mean something else here.
    """
    if other.is_same_as(library.root):
        raise AutomaskError(f"{other.root} is this library itself; give another one")
    number, record = chosen_version(other, version)
    wanted = _wanted(other, number, record)
    models = library.models
    here = _same_version(models, record, wanted)
    new = here is None
    if here is None:
        here = _take(library, other, number, record, wanted, unfit, progress)
    live_before = models.current()
    known = models.record(live_before).labels if live_before is not None else {}
    promoted = here != live_before and (
        again or here not in {entry.version for entry in models.promotions()}
    )
    if promoted:
        if progress is not None:
            progress(Progress("promote", 0, 1))
        models.promote(here, f"fetched from {printable(str(other.root))}, version {number}")
    forgotten = tuple(sorted(known.keys() - record.labels.keys())) if promoted else ()
    return FetchedModel(here, number, new, promoted, models.current() == here, forgotten)


def chosen_version(other: OtherLibrary, version: int | None) -> tuple[int, ModelRecord]:
    """The number of a version there, of the one that is live when None, and what it says of itself.

    AutomaskError when there is none, or its record is damaged.
    """
    # Should the live one be damaged it is refused: an older one must not come in its place.
    number = other.models.promoted() if version is None else version
    if number is None:
        raise AutomaskError(f"{other.root} has no promoted model; train one there")
    return number, other.models.record(number)


def _wanted(other: OtherLibrary, number: int, record: ModelRecord) -> dict[str, str]:
    """The files to take, with their digests."""
    wanted = {
        name: digest
        for name, digest in record.files.items()
        if "/" not in name and not name.startswith(".") and (is_run(name) or name in _ALSO)
    }
    if not any(map(is_run, wanted)):
        raise AutomaskError(
            f"model version {number} of {other.root} tells no digests of its weights: it is of an "
            "earlier automask_ros; open that library with this one first (automask report)"
        )
    return wanted


def _take_class_ids(library: Library, other: OtherLibrary, record: ModelRecord) -> None:
    ids = {**other.models.known_class_ids(), **record.labels}
    if not library.models.take_class_ids(ids):
        raise AutomaskError(
            f"{library.models.class_id_clash(ids)} ({other.root}), and an id never changes its "
            "meaning: fetch this model into a library of its own"
        )


def _same_version(models: ModelStore, record: ModelRecord, wanted: Mapping[str, str]) -> int | None:
    """The version here that is this model and whole; None when there is none."""
    for number in reversed(models.versions()):
        try:
            here = models.record(number)
        except AutomaskError:
            continue  # damaged: it may be what the fetch is to replace
        same = all(here.files.get(name) == digest for name, digest in wanted.items())
        said = (here.labels, here.thresholds) == (record.labels, record.thresholds)
        if same and said and models.fault(number) is None:
            return number
    return None


def _take(
    library: Library,
    other: OtherLibrary,
    number: int,
    record: ModelRecord,
    wanted: Mapping[str, str],
    unfit: Unfit,
    progress: ProgressCallback | None,
) -> int:
    directory = other.models.directory(number)
    sizes = {name: _size(directory / name) for name in wanted}
    files.check_room(library.root, sum(sizes.values()), "the model")
    with library.models.stage() as staged:
        for step, (name, digest) in enumerate(wanted.items(), start=1):
            _copy(directory / name, staged / name, digest, sizes[name])
            if progress is not None:
                progress(Progress("fetch", step, len(wanted)))
        if fault := unfit(staged, record.labels):
            fault = fault.replace(f"{staged}/", "")
            raise AutomaskError(f"model version {number} of {other.root} cannot be used: {fault}")
        _take_class_ids(library, other, record)
        origin = {"library": printable(str(other.root)), "version": number}
        fields = record.model_dump(exclude={"files", "lost"}) | {"fetched": origin}
        return library.models.commit(staged, fields)


def _size(path: Path) -> int:
    check_file(path)
    with files.clear_read_errors(path):
        return path.lstat().st_size


def _copy(source: Path, target: Path, digest: str, most: int) -> None:
    """Copy at most so many bytes; AutomaskError unless they have the digest."""
    found, count = hashlib.sha256(), 0
    with files.clear_read_errors(source), open_regular(source) as file:
        with files.clear_write_errors(target), open(target, "xb") as copy:
            while count < most and (block := file.read(min(_BLOCK, most - count))):
                found.update(block)
                copy.write(block)
                count += len(block)
    if found.hexdigest() != digest:
        raise AutomaskError(
            f"{source} is not the file that was written; it may be on its way: fetch again, or see "
            "automask check"
        )
