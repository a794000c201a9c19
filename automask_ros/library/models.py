"""Trained models on disk: numbered versions, which of them is promoted, and class ids for ever."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from automask_ros.errors import AutomaskError
from automask_ros.library import files
from automask_ros.library.labels import check_label
from automask_ros.library.records import (
    ModelRecord,
    PromotionRecord,
    parse_record,
    read_record,
    write_record,
)

_VERSION = re.compile(r"[1-9][0-9]{0,8}")
_STAGING = ".staging-"


class ModelStore:
    """The folder ``models`` of a library.

    ``promotions.json`` is the truth about what was promoted when; the link ``current`` follows it,
    for people and scripts, and is mended when the store is opened. ``labels.json`` holds every
    class id ever given, so that an id never changes its meaning.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self._promotions_path = self.root / "promotions.json"
        self._labels_path = self.root / "labels.json"
        if self.root.is_dir() and os.access(self.root, os.W_OK):
            self._follow_promotions()

    def versions(self) -> list[int]:
        """The numbers of all versions, ascending."""
        if not self.root.is_dir():
            return []
        return sorted(
            int(path.name)
            for path in self.root.iterdir()
            if _VERSION.fullmatch(path.name) and (path / "model.json").is_file()
        )

    def directory(self, version: int) -> Path:
        """The folder of a version; AutomaskError when there is none."""
        path = self.root / str(int(version))
        if not (path / "model.json").is_file():
            raise AutomaskError(
                f"there is no model version {version} in {self.root}; there are: "
                f"{', '.join(map(str, self.versions())) or 'none, train one first'}"
            )
        return path

    def record(self, version: int) -> ModelRecord:
        """What model.json of a version says; AutomaskError when it is missing or damaged."""
        return read_record(self.directory(version) / "model.json", ModelRecord)

    @contextmanager
    def stage(self) -> Iterator[Path]:
        """A hidden folder in which to put a model together; what is not committed is removed."""
        files.make_directory(self.root)
        staged = self.root / f"{_STAGING}{secrets.token_hex(6)}"
        lock_path = staged.with_name(f"{staged.name}.lock")
        lock = FileLock(lock_path)
        with self._locked(), files.clear_write_errors(staged):
            self._remove_abandoned()
            lock.acquire()
            staged.mkdir()
        try:
            yield staged
        finally:
            shutil.rmtree(staged, ignore_errors=True)
            lock_path.unlink(missing_ok=True)
            lock.release()

    def commit(self, staged: Path, record: ModelRecord | dict[str, Any]) -> int:
        """Write model.json into a staged folder and make it the next version; returns its number.

        The number in ``record`` is replaced. A version appears whole or not at all.
        """
        fields = record.model_dump() if isinstance(record, ModelRecord) else dict(record)
        with self._locked():
            version = self._next_version()
            path = staged / "model.json"
            write_record(path, parse_record(path, {**fields, "version": version}, ModelRecord))
            files.sync_tree(staged)
            target = self.root / str(version)
            with files.clear_write_errors(target):
                os.rename(staged, target)
                files.sync_directory(self.root)
            return version

    def class_ids(self, labels: Iterable[str]) -> dict[str, int]:
        """The class id of each label, from 1; a new label gets the next free one, for ever."""
        wanted = sorted({check_label(label) for label in labels})
        files.make_directory(self.root)
        with self._locked():
            known = self._known_ids()
            unknown = [label for label in wanted if label not in known]
            for label in unknown:
                known[label] = max(known.values(), default=0) + 1
            if unknown:
                files.write_json(self._labels_path, known)
        return {label: known[label] for label in wanted}

    def current(self) -> int | None:
        """The promoted version; None when nothing was promoted yet."""
        return next(
            (version for version in reversed(self._promoted()) if self._is_whole(version)), None
        )

    def promote(self, version: int, reason: str) -> int:
        """Make a version the current one; returns the new database version."""
        self.record(version)
        with self._locked():
            return self._append(PromotionRecord(version=version, at=time.time(), reason=reason))

    def rollback(self) -> int:
        """Promote the version that was current before this one; returns its number."""
        with self._locked():
            promoted = [version for version in self._promoted() if self._is_whole(version)]
            if len(promoted) < 2:
                raise AutomaskError("there is no earlier promoted model to roll back to")
            left, target = promoted[-1], promoted[-2]
            reason = f"rolled back from version {left}"
            self._append(
                PromotionRecord(version=target, at=time.time(), reason=reason, rollback=True)
            )
            return target

    def promotions(self) -> list[PromotionRecord]:
        """Every promotion and rollback so far, oldest first."""
        if not self._promotions_path.exists():
            return []
        content = files.read_json(self._promotions_path)
        if not isinstance(content, list):
            raise AutomaskError(f"{self._promotions_path} is damaged: it should hold a list")
        return [parse_record(self._promotions_path, entry, PromotionRecord) for entry in content]

    def database_version(self) -> int:
        """The number of promotions so far: it rises by one each time the detector should reload."""
        return len(self.promotions())

    @contextmanager
    def _locked(self) -> Iterator[None]:
        path = self.root / ".lock"
        with files.clear_write_errors(path):
            lock = FileLock(path)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _is_whole(self, version: int) -> bool:
        return (self.root / str(version) / "model.json").is_file()

    def _next_version(self) -> int:
        """One more than any number ever used, so that a number never names two models."""
        folders = (int(path.name) for path in self.root.iterdir() if _VERSION.fullmatch(path.name))
        promoted = (entry.version for entry in self.promotions())
        return max((*folders, *promoted), default=0) + 1

    def _promoted(self) -> list[int]:
        """The versions one could roll back through; the last one is current."""
        stack: list[int] = []
        for entry in self.promotions():
            if entry.rollback and entry.version in stack:
                while stack[-1] != entry.version:
                    stack.pop()
            elif not stack or stack[-1] != entry.version:
                stack.append(entry.version)
        return stack

    def _append(self, entry: PromotionRecord) -> int:
        entries = [*self.promotions(), entry]
        files.write_json(self._promotions_path, [each.model_dump(mode="json") for each in entries])
        self._follow_promotions()
        return len(entries)

    def _follow_promotions(self) -> None:
        """Point the link ``current`` at what promotions.json says."""
        current = self.current()
        link = self.root / "current"
        if current is None or (link.is_symlink() and os.readlink(link) == str(current)):
            return
        if link.exists() and not link.is_symlink():
            raise AutomaskError(f"{link} should be a link that automask makes; move it away")
        files.write_link(link, str(current))

    def _known_ids(self) -> dict[str, int]:
        """Every id ever given: from labels.json and, should that be lost, from all versions."""
        known: dict[str, int] = {}
        for version in self.versions():
            known.update(self.record(version).labels)
        if self._labels_path.exists():
            content = files.read_json(self._labels_path)
            if not isinstance(content, dict) or not all(
                isinstance(value, int) for value in content.values()
            ):
                raise AutomaskError(f"{self._labels_path} is damaged: it should map labels to ids")
            known.update(content)
        return known

    def _remove_abandoned(self) -> None:
        """Remove staged folders whose maker is dead: the kernel has dropped the lock it held."""
        for lock_path in self.root.glob(f"{_STAGING}*.lock"):
            lock = FileLock(lock_path)
            try:
                lock.acquire(blocking=False)
            except Timeout:
                continue
            shutil.rmtree(lock_path.with_suffix(""), ignore_errors=True)
            lock_path.unlink(missing_ok=True)
            lock.release()
