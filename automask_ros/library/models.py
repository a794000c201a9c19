"""Trained models on disk: numbered versions, and which of them is promoted."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from automask_ros.errors import AutomaskError
from automask_ros.library import files
from automask_ros.library.aside import taken_from
from automask_ros.library.class_ids import ClassIds
from automask_ros.library.inside import check_folder, check_part, file_lock
from automask_ros.library.labels import check_label
from automask_ros.library.promotions import Promotions
from automask_ros.library.records import (
    ModelRecord,
    PromotionRecord,
    parse_record,
    read_record,
    write_record,
)
from automask_ros.library.staging import (
    StagedFolder,
    remove_abandoned_folders,
)
from automask_ros.library.version_files import RECORD_FILE, VersionFiles, version_digests

_LOGGER = logging.getLogger(__name__)
_VERSION = re.compile(r"[1-9][0-9]{0,8}")


class ModelStore:
    """The folder ``models`` of a library.

    ``promotions.json`` is the truth about what was promoted when; the link ``current`` follows it,
    for people and scripts, and is mended when the store is opened; should promotions.json be
    damaged, the link says what is live. A version whose files are not those that were committed
    does not run: the promoted one before it is current then.
    """

    def __init__(
        self, root: Path, check: Callable[[], None] = lambda: None, *, follow: bool = True
    ) -> None:
        """Open the store; without ``follow`` nothing is written, the link neither.

        `check` raises when the library around the store is there no more.
        """
        self.root = Path(root)
        self._check = check
        self._promotions = Promotions(self.root, self._report)
        self._ids = ClassIds(
            self.root, self.versions, lambda version: self.record(version).labels, self._report
        )
        self._files = VersionFiles()
        self._reported: set[str] = set()
        check_folder(self.root)
        if follow:
            versions = (path for path in self.root.glob("[1-9]*") if not path.is_symlink())
            for folder in (self.root, *versions):
                files.remove_stale_temporaries(folder)
        writable = self.root.is_dir() and os.access(self.root, os.W_OK)
        if follow and writable and self._link_is_wrong():
            # Not without the lock: a promotion that is under way would be followed half.
            with self.locked():
                self._follow_promotions()

    def versions(self) -> list[int]:
        """The numbers of all versions, ascending."""
        with files.clear_read_errors(self.root):
            if not self.root.is_dir():
                return []
            return sorted(
                int(path.name)
                for path in self.root.iterdir()
                if _VERSION.fullmatch(path.name) and self._is_there(int(path.name))
            )

    def class_id_clash(self, ids: Mapping[str, int]) -> str | None:
        """Why the class ids of another library cannot be taken over; None when they can."""
        return self._ids.clash(ids)

    def directory(self, version: int) -> Path:
        """The folder of a version; AutomaskError when there is none, or it leads elsewhere."""
        path = self.root / str(int(version))
        check_folder(path)
        with files.clear_read_errors(path):
            for part in path.iterdir() if path.is_dir() else ():
                check_part(part)
        if not self._is_there(version):
            raise AutomaskError(
                f"there is no model version {version} in {self.root}; there are: "
                f"{', '.join(map(str, self.versions())) or 'none, train one first'}"
            )
        return path

    def record(self, version: int) -> ModelRecord:
        """What model.json of a version says; AutomaskError when it is missing or damaged."""
        return read_record(self.directory(version) / RECORD_FILE, ModelRecord)

    def fault(self, version: int) -> str | None:
        """Why a version must not run, in words that follow its name; None when it may.

        Its files are read once, and again when they have changed.
        """
        try:
            directory = self.directory(version)
            return self._files.fault(directory, self.record(version))
        except AutomaskError as error:
            return str(error)

    def file_faults(self, version: int) -> dict[str, str]:
        """What is wrong with each file of a version that is not as committed, in words."""
        return self._files.faults(self.directory(version), self.record(version))

    def problem(self) -> str | None:
        """What is wrong with what was promoted last, in one line; None when that is live."""
        try:
            self.promotions()
        except AutomaskError as error:
            return f"{error}; see automask check {self.root.parent}"
        promoted = self._promotions.stack()
        if not promoted:
            return None
        live = self.current()
        instead = "no earlier one is whole" if live is None else f"version {live} is live instead"
        if not self._is_there(promoted[-1]):
            return (
                f"model version {promoted[-1]} is gone from {self.root}: {instead}; put its folder "
                "back, or train again"
            )
        if not (fault := self.fault(promoted[-1])):
            return None
        return (
            f"model version {promoted[-1]} is damaged ({fault}): {instead}; "
            f"see automask check {self.root.parent}"
        )

    @contextmanager
    def stage(self) -> Iterator[Path]:
        """A hidden folder in which to put a model together; what is not committed is removed."""
        self._check()
        files.make_directory(self.root)
        staged = StagedFolder(self.root)
        with self.locked(), files.clear_write_errors(staged.path):
            remove_abandoned_folders(self.root)
            staged.make()
        try:
            yield staged.path
        finally:
            staged.remove()

    def commit(self, staged: Path, record: ModelRecord | dict[str, Any]) -> int:
        """Write model.json into a staged folder and make it the next version; returns its number.

        The number in ``record`` is replaced. A version appears whole or not at all.
        """
        fields = record.model_dump() if isinstance(record, ModelRecord) else dict(record)
        with self.locked():
            version = self._next_version()
            path = staged / RECORD_FILE
            fields |= {"version": version, "files": version_digests(staged)}
            write_record(path, parse_record(path, fields, ModelRecord))
            files.sync_tree(staged)
            target = self.root / str(version)
            with files.clear_write_errors(target):
                os.rename(staged, target)
                files.sync_directory(self.root)
            return version

    def class_ids(self, labels: Iterable[str]) -> dict[str, int]:
        """The class id of each label, from 1; a new label gets the next free one, for ever."""
        wanted = {check_label(label) for label in labels}
        self._check()
        files.make_directory(self.root)
        with self.locked():
            return self._ids.give(wanted)

    def known_class_ids(self) -> dict[str, int]:
        """Every class id ever given, by its label."""
        return self._ids.known()

    def take_class_ids(self, ids: Mapping[str, int]) -> bool:
        """Take over the class ids that another library gave to labels, all of them or none.

        Whether they were taken: an id that means something else here never changes its meaning.
        """
        for label in ids:
            check_label(label)
        self._check()
        files.make_directory(self.root)
        with self.locked():
            return self._ids.take(ids)

    def current(self) -> int | None:
        """The promoted version that is whole; None when nothing was promoted yet."""
        return next(iter(self.candidates()), None)

    def promoted(self) -> int | None:
        """The version promoted last, whole or not; None when nothing was promoted yet."""
        return next(reversed(self._promotions.stack()), None)

    def candidates(self) -> Iterator[int]:
        """The versions that may be live: the one promoted last, then those that were live before
        it. The log tells, once, which of them is damaged and left out."""
        for version in dict.fromkeys(reversed(self._promotions.stack())):
            if not self._is_there(version):
                continue  # a person took it away
            if fault := self.fault(version):
                self._report(f"model version {version} is left out: {fault}")
            else:
                yield version

    def promote(self, version: int, reason: str) -> int:
        """Make a version the current one; returns the new database version."""
        self.record(version)
        with self.locked():
            return self._append(PromotionRecord(version=version, at=time.time(), reason=reason))

    def promote_over(self, compared: int | None, version: int, reason: str) -> bool:
        """Promote a version that was ``compared`` with the current one (None: there was none).

        False, and nothing happens, when another one is current by now.
        """
        self.record(version)
        with self.locked():
            if self.current() != compared:
                return False
            self._append(PromotionRecord(version=version, at=time.time(), reason=reason))
            return True

    def rollback(self) -> int:
        """Promote the version that was current before this one; returns its number."""
        with self.locked():
            promoted = [
                version
                for version in self._promotions.stack()
                if self._is_there(version) and self.fault(version) is None
            ]
            if len(promoted) < 2:
                raise AutomaskError("there is no earlier promoted model to roll back to")
            left, target = promoted[-1], promoted[-2]
            self._roll_back(target, f"rolled back from version {left}")
            return target

    def leave(self, version: int) -> None:
        """Have the version live that was before a damaged one, and tell so in promotions.json."""
        with self.locked():
            promoted = self._promotions.stack()
            if not promoted or promoted[-1] != version:
                return
            target = next((each for each in self.candidates() if each != version), None)
            if target is not None:
                self._roll_back(target, f"version {version} was damaged")

    def promotions(self) -> list[PromotionRecord]:
        """Every promotion and rollback so far, oldest first."""
        return self._promotions.recorded()

    def database_version(self) -> int:
        """The number of promotions so far: it rises by one each time the detector should reload."""
        return len(self._promotions.entries())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the store's lock, against other processes and other threads of this one."""
        self._check()  # for the lock would make the folder
        path = self.root / ".lock"
        with files.clear_write_errors(path):
            lock = file_lock(path)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _is_there(self, version: int) -> bool:
        folder = self.root / str(int(version))
        with files.clear_read_errors(folder):
            return not folder.is_symlink() and (folder / RECORD_FILE).is_file()

    def _next_version(self) -> int:
        """One more than any number ever used, so that a number never names two models."""
        places = (self.root, *taken_from(self.root.parent, self.root.name))
        found = (path for place in places if place.is_dir() for path in place.iterdir())
        folders = (int(path.name) for path in found if _VERSION.fullmatch(path.name))
        promoted = (entry.version for entry in self._promotions.entries())
        return max((*folders, *promoted), default=0) + 1

    def _roll_back(self, target: int, reason: str) -> None:
        self._append(PromotionRecord(version=target, at=time.time(), reason=reason, rollback=True))

    def _append(self, *new: PromotionRecord) -> int:
        count = self._promotions.append(*new)
        self._follow_promotions()
        return count

    def mend_promotions(self) -> None:
        """Write a damaged promotions.json anew, from what the link ``current`` says."""
        with self.locked():
            self._append()

    def mend_labels(self) -> None:
        """Write labels.json anew, from what it and all versions say."""
        with self.locked():
            self._ids.mend()

    def follow_promotions(self) -> None:
        """Point the link ``current`` at the version that is live."""
        with self.locked():
            self._follow_promotions()

    def forget_file(self, version: int, name: str) -> None:
        """Have model.json no longer list a file that is lost, and say that it is; nothing when the
        whole version is gone."""
        with self.locked():
            if not self._is_there(version):
                return
            record = self.record(version)
            kept = {each: digest for each, digest in record.files.items() if each != name}
            lost = (*record.lost, name)
            changed = record.model_copy(update={"files": kept, "lost": lost})
            write_record(self.directory(version) / RECORD_FILE, changed)

    def remove_abandoned(self) -> None:
        """Remove staged folders whose makers are dead."""
        with self.locked():
            remove_abandoned_folders(self.root)

    def _report(self, line: str) -> None:
        if line not in self._reported:
            self._reported.add(line)
            _LOGGER.error("%s; see automask check %s", line, self.root.parent)

    def _follow_promotions(self) -> None:
        """Point the link ``current`` at what promotions.json says."""
        if not self._link_is_wrong():
            return
        current, link = self.current(), self.root / "current"
        if link.exists() and not link.is_symlink():
            raise AutomaskError(f"{link} should be a link that automask makes; move it away")
        files.write_link(link, str(current))

    def _link_is_wrong(self) -> bool:
        current, link = self.current(), self.root / "current"
        try:
            return current is not None and os.readlink(link) != str(current)
        except OSError:  # there is none, or something else has its name
            return True
