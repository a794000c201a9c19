"""What a check of a library finds, and how each of it is repaired."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path

from automask_ros.errors import AutomaskError
from automask_ros.library import files
from automask_ros.library.digests import file_digest, signature_of
from automask_ros.library.records import NewerFormat, RecordType, read_record, write_record
from automask_ros.library.seals import Seal, seal_of, unflipped


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: ``fault`` in words that follow the file's name, and the ``remedy``.

    To repair it the files ``aside`` are moved away; then the first of them is put where it
    ``belongs``, if that is known and nothing is there; then ``restore`` puts right what can be. A
    file that is to be restored ``in_place``, the first, is copied and replaced: it is never absent,
    and who holds its ``lock`` changes it neither before nor meanwhile.
    """

    path: Path
    fault: str
    remedy: str
    aside: tuple[Path, ...] = ()
    belongs: Path | None = None
    restore: Callable[[], None] | None = None
    in_place: bool = False
    lock: Callable[[], AbstractContextManager[None]] = nullcontext


@dataclass
class Checked:
    """What was looked at, by kind, and what was found.

    What ``left_behind`` names was never acknowledged, and does no harm.
    """

    counts: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    left_behind: list[Finding] = field(default_factory=list)
    seen: dict[Path, tuple[int, int, int]] = field(default_factory=dict)
    """What the files to be moved were when they were looked at: a node may replace one since."""

    def add(self, finding: Finding | None, left_behind: bool = False) -> None:
        """Take a finding down, if it is one."""
        if finding is None:
            return
        (self.left_behind if left_behind else self.findings).append(finding)
        for path in finding.aside:
            with suppress(OSError):
                self.seen[path] = signature_of(path)

    def count(self, kind: str, number: int = 1) -> None:
        """So many things of a kind were looked at."""
        self.counts[kind] = self.counts.get(kind, 0) + number


def read_checked(path: Path, kind: type[RecordType]) -> tuple[RecordType | None, Finding | None]:
    """A record as far as it can be read, and what is wrong with its file.

    AutomaskError when it is of a newer format.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        return None, _lost(path, f"cannot be read ({error.strerror or error})")
    record: RecordType | None = None
    fault: str | None = None
    try:
        record = read_record(path, kind)
    except NewerFormat:
        raise
    except AutomaskError as error:
        fault = str(error).removeprefix(f"{path} ")
    seal = seal_of(data)
    if fault is None and seal is not Seal.BROKEN:
        return record, None
    before = unflipped(data)
    if before is not None:
        return record, Finding(
            path,
            fault or f"is {Seal.BROKEN.value}",
            "one bit of it differs from what was written: --repair puts that right (if a person "
            "meant the change, delete the line checksum in it)",
            aside=(path,),
            restore=lambda: files.write_bytes(path, before),
            in_place=True,
        )
    if fault is not None or record is None:
        return None, _lost(path, fault or "is damaged")
    kept = record
    return record, Finding(
        path,
        f"is {Seal.BROKEN.value}",
        "its content is in use as it is: --repair takes it as a person's and keeps a copy; so does "
        "deleting the line checksum in it",
        aside=(path,),
        restore=lambda: write_record(path, kept),
        in_place=True,
    )


def _lost(path: Path, fault: str) -> Finding:
    return Finding(path, fault, "--repair moves it aside", aside=(path,))


def digest_of(path: Path) -> str | None:
    """SHA-256 of a file; None when it cannot be read."""
    try:
        return file_digest(path)
    except OSError:
        return None
