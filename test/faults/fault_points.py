"""Every call by which a process writes, as a point at which it can be killed.

A call has a point before it and one after it; a write has one more in its midst, when half of its
bytes are written. Each call is told to a journal, also the one that the process does not survive.
"""

import builtins
import io
import os
import signal
from collections.abc import Callable
from functools import partial

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_CALLS = ("replace", "rename", "link", "symlink", "unlink", "remove", "mkdir", "rmdir")
_ON_FILES = ("fsync", "fdatasync", "ftruncate", "sendfile")

FAILED = "failed"
"""The journal's entry for the call before it, when that raised an error."""

Journal = Callable[[list[str]], None]


class FaultPoints:
    """Counts the points that this process passes, and kills it with SIGKILL at number `deadly`.

    `deadly` counts from 1; 0 kills nothing.
    """

    def __init__(self, deadly: int, journal: Journal) -> None:
        self._deadly, self._journal, self._passed = deadly, journal, 0

    def install(self) -> None:
        """Watch this process from now on."""
        for name in _CALLS:
            setattr(os, name, partial(self._call, name, getattr(os, name)))
        for name in _ON_FILES:
            setattr(os, name, partial(self._call_on_file, name, getattr(os, name)))
        self._os_open, self._open, self._os_write = os.open, builtins.open, os.write
        os.open, os.write = self._open_descriptor, self._write_descriptor
        builtins.open = io.open = self._open_file

    def write(self, path: str, data: memoryview, write: Callable[[memoryview], int]) -> int:
        """Write `data` by `write`, past a point before, in the midst of it, and after it."""
        half = len(data) // 2
        self._journal(["write", path])
        self._pass()
        written = write(data[:half]) if half else 0
        self._pass()
        if written == half:
            written += write(data[half:])
        self._pass()
        return written

    def _pass(self) -> None:
        self._passed += 1
        if self._passed == self._deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    def _call(self, name, real, *arguments, **options):
        self._journal([name, *(str(each) for each in arguments)])
        self._pass()
        try:
            result = real(*arguments, **options)
        except OSError:
            self._journal([FAILED, name])
            raise
        self._pass()
        return result

    def _call_on_file(self, name, real, descriptor, *arguments):
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        self._journal([name, path])
        self._pass()
        result = real(descriptor, *arguments)
        self._pass()
        return result

    def _open_descriptor(self, path, flags, *arguments, **options):
        if not flags & _WRITING:
            return self._os_open(path, flags, *arguments, **options)
        return self._call("open", self._os_open, path, flags, *arguments, **options)

    def _write_descriptor(self, descriptor, data):
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        return self.write(path, memoryview(data), partial(self._os_write, descriptor))

    def _open_file(self, file, mode="r", buffering=-1, encoding=None, errors=None, newline=None,
                   closefd=True, opener=None):  # fmt: skip
        if not set(mode) & set("wxa+") or opener is not None:
            return self._open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        plain = "".join(set(mode) - set("bt"))
        raw = self._call("open", partial(_WatchedFile, self, closefd=closefd), file, plain)
        if "b" in mode and buffering == 0:
            return raw
        buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        if "b" in mode:
            return buffered
        return io.TextIOWrapper(buffered, encoding, errors, newline)


class _WatchedFile(io.FileIO):
    """A file whose writes are fault points."""

    def __init__(self, points: FaultPoints, file, mode: str, closefd: bool = True) -> None:
        super().__init__(file, mode, closefd)
        self._points = points

    def write(self, data) -> int:
        return self._points.write(str(self.name), memoryview(data).cast("B"), super().write)
