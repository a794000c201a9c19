"""The order of a journal's calls, judged as a power cut would: what is not synced may be lost."""

import os
from pathlib import Path

from faults.fault_points import FAILED
from faults.launcher import ACKNOWLEDGED

_NAMING = ("replace", "rename", "link")


def assert_durable(journal: list[list[str]]) -> None:
    """No file gets its name before its content is synced, and nothing is acknowledged before the
    folder of each new name is."""
    unsynced_files: set[str] = set()
    unsynced_folders: dict[str, list[str]] = {}
    renamed = acknowledged = 0
    for (call, *paths), (after, *_) in zip(journal, [*journal[1:], [""]], strict=True):
        if after == FAILED:
            continue
        if call in ("write", "sendfile", "ftruncate"):
            unsynced_files.add(paths[0])
        elif call in ("fsync", "fdatasync"):
            unsynced_files.discard(paths[0])
            unsynced_folders.pop(paths[0], None)
        elif call in (*_NAMING, "symlink", "mkdir"):
            new = paths[0] if call == "mkdir" else paths[1]
            if call in _NAMING:
                renamed += 1
                late = {path for path in unsynced_files if _is_within(path, paths[0])}
                assert not late, f"{call} {paths}: {late} may be empty after a power cut"
            if not _is_hidden(new):
                unsynced_folders.setdefault(str(Path(new).parent), []).append(new)
        elif call == ACKNOWLEDGED:
            acknowledged += 1
            assert not unsynced_folders, "acknowledged, but may be gone after a power cut"
    assert renamed and acknowledged


def _is_within(path: str, folder: str) -> bool:
    return os.path.commonpath([path, folder]) == folder


def _is_hidden(path: str) -> bool:
    return any(part.startswith(".") for part in Path(path).parts)
