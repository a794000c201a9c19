"""Atomic and durable writes: after a kill or a power cut a file is the old one or the new one.

Everything the package keeps on disk goes through here. A write makes a temporary file beside its
target (a name beginning with '.'), syncs it, renames it over the target and syncs the directory.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from automask_ros.errors import AutomaskError

_TEMPORARY_SUFFIX = ".tmp"
_REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space and try again",
    errno.EDQUOT: "the disk quota is used up; free some space and try again",
    errno.EROFS: "the file system is read-only; mount it writable or choose another place",
    errno.EACCES: "permission denied; make it writable for this user or choose another place",
    errno.EPERM: "permission denied; make it writable for this user or choose another place",
}


@contextmanager
def clear_write_errors(path: Path) -> Iterator[None]:
    """Turn an OSError inside the block into an AutomaskError that names the path and a remedy."""
    try:
        yield
    except OSError as error:
        known = _REMEDIES.get(error.errno) if error.errno is not None else None
        raise AutomaskError(f"cannot write {path}: {known or error.strerror or error}") from error


def sync_directory(directory: Path) -> None:
    """Make renames inside a directory survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(directory: Path) -> None:
    """Create a directory and its missing parents, durably; no error when it is there already."""
    with clear_write_errors(directory):
        missing = [path for path in (directory, *directory.parents) if not path.exists()]
        directory.mkdir(parents=True, exist_ok=True)
        for path in reversed(missing):
            sync_directory(path.parent)


def write_bytes(path: Path, data: bytes | memoryview) -> None:
    """Write a whole file, atomically and durably; its directory must exist."""
    temporary = temporary_beside(path)
    with clear_write_errors(path):
        try:
            with open(temporary, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_directory(path.parent)


def write_json(path: Path, content: Any) -> None:
    """Write plain data as readable JSON, atomically and durably.

    Raises ValueError for NaN and infinities: other languages could not read them back.
    """
    text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False)
    write_bytes(path, (text + "\n").encode())


def write_image(path: Path, image: NDArray[Any]) -> str:
    """Write an image losslessly as PNG: ``(H, W, 3)`` or ``(H, W)`` uint8, bool as 0 and 255.

    Returns the SHA-256 of the file.
    """
    pixels = image.astype(np.uint8) * 255 if image.dtype == np.bool_ else image
    if pixels.dtype != np.uint8:
        raise ValueError(f"images on disk are uint8 or bool, not {pixels.dtype}")
    encoded, data = cv2.imencode(".png", pixels)
    if not encoded:
        raise ValueError(f"an image of shape {image.shape} cannot be written as PNG")
    content = data.tobytes()
    write_bytes(path, content)
    return hashlib.sha256(content).hexdigest()


def move(path: Path, target: Path) -> None:
    """Move a file within a file system, atomically and durably."""
    with clear_write_errors(path):
        os.rename(path, target)
        sync_directory(target.parent)
        sync_directory(path.parent)


def write_link(path: Path, target: str) -> None:
    """Point the symbolic link ``path`` at ``target``, atomically and durably."""
    temporary = temporary_beside(path)
    with clear_write_errors(path):
        try:
            os.symlink(target, temporary)
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_directory(path.parent)


def sync_tree(directory: Path) -> None:
    """Sync every file and folder below a directory, for files that other code has written."""
    with clear_write_errors(directory):
        for folder, _, names in os.walk(directory):
            for name in names:
                descriptor = os.open(Path(folder, name), os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
            sync_directory(Path(folder))


def read_json(path: Path) -> Any:
    """Read a JSON file; AutomaskError when it cannot be read or does not parse."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise AutomaskError(f"{path} does not exist") from None
    except OSError as error:
        raise AutomaskError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise AutomaskError(f"{path} is damaged: no JSON ({one_line(error)})") from None


def temporary_beside(path: Path) -> Path:
    """A new hidden name in the same directory, so that a rename to ``path`` is atomic."""
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}{_TEMPORARY_SUFFIX}")


def remove_stale_temporaries(directory: Path, older_than: float = 3600.0) -> None:
    """Remove what killed writers left behind, when it is older than some seconds."""
    limit = time.time() - older_than
    with os.scandir(directory) as entries:
        stale = [
            entry.path
            for entry in entries
            if entry.name.startswith(".")
            and entry.name.endswith(_TEMPORARY_SUFFIX)
            and entry.stat(follow_symlinks=False).st_mtime < limit
        ]
    for path in stale:
        Path(path).unlink(missing_ok=True)


def described(error: Exception) -> str:
    """What went wrong, as one line: an error of ours as it is, any other after its kind."""
    line = one_line(error)
    return line if isinstance(error, AutomaskError) else f"{type(error).__name__}: {line}"


def one_line(error: object) -> str:
    """An error's text as one line of at most 200 characters."""
    text = " ".join(str(error).split())
    return text if len(text) <= 200 else f"{text[:197]}..."
