"""Hidden folders in which model versions are put together; those of killed makers are removed."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from filelock import Timeout

from automask_ros.library import files
from automask_ros.library.inside import NotPlain, file_lock

_PREFIX = ".staging-"


class StagedFolder:
    """A hidden folder below ``models``, under a lock that the kernel drops with its holder."""

    def __init__(self, models: Path) -> None:
        self.path = models / f"{_PREFIX}{secrets.token_hex(6)}"
        self._lock = file_lock(_lock_of(self.path))

    def make(self) -> None:
        """Make the folder; OSError when it cannot be written."""
        self._lock.acquire()
        self.path.mkdir()

    def remove(self) -> None:
        """Remove the folder, if it was not committed, and its lock."""
        shutil.rmtree(self.path, ignore_errors=True)
        files.discard(_lock_of(self.path))
        self._lock.release()


def abandoned_folders(models: Path) -> list[Path]:
    """The folders whose makers are dead: the kernel has dropped the lock they held."""
    found = []
    for lock_path in sorted(models.glob(f"{_PREFIX}*.lock")):
        try:
            lock = file_lock(lock_path)
            lock.acquire(blocking=False)
        except (Timeout, NotPlain):
            continue
        lock.release()
        found.append(lock_path.with_suffix(""))
    return found


def remove_abandoned_folders(models: Path) -> None:
    """Remove them; call it while holding the store's lock, under which new ones are made."""
    for path in abandoned_folders(models):
        shutil.rmtree(path, ignore_errors=True)
        files.discard(_lock_of(path))


def _lock_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")
