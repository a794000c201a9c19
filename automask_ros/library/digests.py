"""SHA-256 of files, each read again only when it was replaced or changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

from automask_ros.library.inside import open_regular

_BLOCK = 1 << 20


def file_digest(path: Path) -> str:
    """SHA-256 of a library's file, whatever its size; OSError when it cannot be read or is none."""
    digest = hashlib.sha256()
    with open_regular(path) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def signature_of(path: Path) -> tuple[int, int, int]:
    """Changes when a file is replaced or written to; OSError when there is none."""
    status = path.lstat()
    return status.st_ino, status.st_mtime_ns, status.st_size


class FileDigests:
    """Remembers the digests of files as long as these stay as they are."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, int, int], str]] = {}

    def of(self, path: Path) -> str:
        """A file's SHA-256; OSError when it cannot be read."""
        signature = signature_of(path)
        known = self._known.get(path)
        if known is None or known[0] != signature:
            known = self._known[path] = signature, file_digest(path)
        return known[1]
