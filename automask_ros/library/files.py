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
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from automask_ros.errors import AutomaskError, StorageError
from automask_ros.library.inside import read_regular

MAX_JSON_BYTES = 1024 * 1024 * 1024

_TEMPORARY_SUFFIX = ".tmp"
_REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space and try again",
    errno.EDQUOT: "the disk quota is used up; free some space and try again",
    errno.EROFS: "the file system is read-only; mount it writable or choose another place",
    errno.EACCES: "permission denied; make it writable for this user or choose another place",
    errno.EPERM: "permission denied; make it writable for this user or choose another place",
    errno.ENOENT: "its folder is gone; mount its disk or put the folder back",
    errno.EIO: "the disk reports an input/output error; see dmesg, and replace the disk or cable",
    errno.ESTALE: "the network share was lost; mount it again",
}
_READ_REMEDIES = _REMEDIES | {
    errno.EACCES: "permission denied; make it readable for this user",
    errno.EPERM: "permission denied; make it readable for this user",
}


class DamagedFile(AutomaskError):
    """A file is there and can be read, but what it holds is not what was written."""


@contextmanager
def clear_write_errors(path: Path) -> Iterator[None]:
    """Turn an OSError inside the block into a StorageError that names the path and a remedy."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"cannot write {path}: {_cause(error, _REMEDIES)}") from error


@contextmanager
def clear_read_errors(path: Path) -> Iterator[None]:
    """The same for what is read."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"cannot read {path}: {_cause(error, _READ_REMEDIES)}") from error


def _cause(error: OSError, remedies: Mapping[int, str]) -> str:
    return remedies.get(error.errno or 0) or error.strerror or str(error)


def check_room(directory: Path, needed: int, purpose: str) -> None:
    """StorageError when a directory's file system has less than `needed` bytes free."""
    with clear_read_errors(directory):
        free = shutil.disk_usage(directory).free
    if free < needed:
        raise StorageError(
            f"the disk of {directory} has {free / 1e6:.0f} MB free and {purpose} needs "
            f"{needed / 1e6:.0f} MB; free some space and try again"
        )


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
            discard(temporary)
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
    content = png_bytes(image)
    write_bytes(path, content)
    return hashlib.sha256(content).hexdigest()


def png_bytes(image: NDArray[Any]) -> bytes:
    """An image, as for ``write_image``, as the content of a PNG file."""
    pixels = image.astype(np.uint8) * 255 if image.dtype == np.bool_ else image
    if pixels.dtype != np.uint8:
        raise ValueError(f"images on disk are uint8 or bool, not {pixels.dtype}")
    encoded, data = cv2.imencode(".png", pixels)
    if not encoded:
        raise ValueError(f"an image of shape {image.shape} cannot be written as PNG")
    return bytes(data)


def add_name(path: Path, target: Path) -> None:
    """Give a file a second name, durably; a copy where the file system has no hard links."""
    with clear_write_errors(target):
        try:
            os.link(path, target)
        except OSError:
            write_bytes(target, path.read_bytes())
        else:
            sync_directory(target.parent)


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
            discard(temporary)
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


def read_json(path: Path, *, links: bool = False) -> Any:
    """Read a JSON file, with ``links`` also behind a link; AutomaskError when it cannot be read or
    does not parse."""
    try:
        return parse_json(read_regular(path, MAX_JSON_BYTES, links=links), path)
    except FileNotFoundError:
        raise AutomaskError(f"{path} does not exist; check the path") from None
    except OSError as error:
        cause = _cause(error, _READ_REMEDIES)
        raise StorageError(f"cannot read {path}: {cause}") from error


def parse_json(data: bytes, path: Path) -> Any:
    """JSON that came from ``path``, as plain data; DamagedFile when it is none."""
    try:
        content = json.loads(data)
        if b"\xed" in data or b"\\ud" in data.lower():
            # Halves of characters, which JSON can spell, could be neither written again nor sent.
            json.dumps(content, ensure_ascii=False).encode()
        return content
    except (ValueError, RecursionError) as error:
        raise DamagedFile(f"{path} is damaged: no JSON ({one_line(error)})") from None


def temporary_beside(path: Path) -> Path:
    """A new hidden name in the same directory, so that a rename to ``path`` is atomic."""
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}{_TEMPORARY_SUFFIX}")


def stale_temporaries(directory: Path, older_than: float = 3600.0) -> list[Path]:
    """What killed writers left behind in a directory, when it is older than some seconds."""
    limit = time.time() - older_than
    with os.scandir(directory) as entries:
        return sorted(
            Path(entry.path)
            for entry in entries
            if entry.name.startswith(".")
            and entry.name.endswith(_TEMPORARY_SUFFIX)
            and _is_older(entry, limit)
        )


def _is_older(entry: os.DirEntry[str], limit: float) -> bool:
    try:
        return entry.stat(follow_symlinks=False).st_mtime < limit
    except FileNotFoundError:  # its writer has just finished
        return False


def remove_stale_temporaries(directory: Path, older_than: float = 3600.0) -> None:
    """Remove what killed writers left in a directory, when it is older than some seconds.

    Nothing where there is no such directory, or none that may be written.
    """
    if not directory.is_dir() or not os.access(directory, os.W_OK):
        return
    for path in stale_temporaries(directory, older_than):
        discard(path)


def discard(path: Path) -> None:
    """Remove a file that nobody needs; one that stays harms nobody, and hides no other error."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def described(error: Exception) -> str:
    """What went wrong, as one line: an error of ours as it is, any other after its kind."""
    line = one_line(error)
    return line if isinstance(error, AutomaskError) else f"{type(error).__name__}: {line}"


def one_line(error: object, longest: int = 200) -> str:
    """An error's text as one line of at most so many characters."""
    text = " ".join(str(error).split())
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
