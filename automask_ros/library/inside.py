"""A library keeps to its own folder: it holds folders and regular files, and no way out of it.

A library, a recording or a COCO folder may come from a stranger. Through a link in it something
would be read or written elsewhere, on a pipe a reader would wait for ever, a device never ends. The
library's root itself may be a link: whoever names it has chosen where it leads.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock

from automask_ros.errors import AutomaskError

_MEGABYTE = 1 << 20
_FOLDERS = ("objects", "models", "jobs", "damaged", "backup")


class NotPlain(AutomaskError):
    """Something that is no regular file; ``fault`` says what, in words that follow its name."""

    def __init__(self, path: Path, fault: str) -> None:
        super().__init__(f"{path} {fault}; replace or remove it")
        self.fault = fault


def check_folder(path: Path) -> None:
    """AutomaskError when something is there that is no folder of its own."""
    fault = _fault(path, "folder")
    if fault:
        raise AutomaskError(f"{path} {fault}: a library keeps to its own folder; move it away")


def check_file(path: Path) -> None:
    """NotPlain when something is there that is no file of its own."""
    fault = _fault(path, "file")
    if fault:
        raise NotPlain(path, fault)


def check_part(path: Path) -> None:
    """NotPlain when something is there that is neither a file nor a folder of its own."""
    if not path.is_dir() or path.is_symlink():
        check_file(path)


def check_tree(root: Path) -> None:
    """NotPlain for the first thing in a library that is neither a file nor a folder of its own, for
    work that goes through all of it. ``models/current`` is a link, which nobody follows."""
    check_file(root / "library.json")
    waiting = [root / name for name in _FOLDERS]
    for folder in waiting:
        check_folder(folder)
    while waiting:
        path = waiting.pop()
        if path == root / "models" / "current":
            continue
        check_part(path)
        if path.is_dir():
            waiting.extend(path.iterdir())


def file_lock(path: Path) -> FileLock:
    """The lock on a file; NotPlain when something else has its name."""
    check_file(path)
    return FileLock(path)


def read_regular(path: Path, most: int, *, links: bool = False) -> bytes:
    """What a regular file holds, at most ``most`` bytes; with ``links`` also behind a link.

    NotPlain for anything else and for more: nothing is waited for, and no memory taken. OSError
    when it cannot be read.
    """
    try:
        with open_regular(path, links=links) as file:
            # As much as there is: memory for `most` would be taken at once, and may not be there.
            size = os.fstat(file.fileno()).st_size
            content = file.read(size + 1) if size <= most else b""
            while size < len(content) <= most and (more := file.read(_MEGABYTE)):
                content += more  # it has grown meanwhile
    except _NotRegular as error:
        raise NotPlain(path, str(error.strerror)) from None
    if max(size, len(content)) > most:
        raise NotPlain(path, f"is larger than {most >> 20} MiB")
    return content


def open_regular(path: Path, *, links: bool = False) -> BinaryIO:
    """Open a regular file to read; OSError for anything else, without waiting for it."""
    follow = 0 if links else os.O_NOFOLLOW
    try:
        # Without O_NONBLOCK a pipe that nobody writes into would hold up its reader here.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | follow)
    except OSError as error:
        fault = _fault(path, "file") if error.errno in (errno.ELOOP, errno.ENXIO) else None
        if fault is None:
            raise
        raise _NotRegular(errno.EINVAL, fault) from None  # a link, or a socket
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise _NotRegular(errno.EINVAL, f"is {_kind(mode)}, and not a file")
    return open(descriptor, "rb")


class _NotRegular(OSError):
    """Something that is no regular file was to be opened; ``strerror`` says what it is."""


def _fault(path: Path, wanted: str) -> str | None:
    """Why what lies at a path is not what is wanted; None when it is, or nothing lies there."""
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISDIR(mode) if wanted == "folder" else stat.S_ISREG(mode):
        return None
    return f"is {_kind(mode)}, and not a {wanted}"


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFLNK: "a link",
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFREG: "a file",
    }
    return kinds.get(stat.S_IFMT(mode), "a device")
