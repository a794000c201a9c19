"""Tells whether anybody touched files: asked of the kernel, so that native code is seen as well."""

import ctypes
import os
import struct
from contextlib import contextmanager

_ACCESS, _MODIFY, _ATTRIBUTES, _OPEN, _CREATE, _DELETE = 0x1, 0x2, 0x4, 0x20, 0x100, 0x200
_MOVED = 0x40 | 0x80
_HEADER = struct.Struct("iIII")


@contextmanager
def untouched(folder):
    """Fails when a file below a folder is opened, read, written, made or removed meanwhile."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    assert descriptor >= 0, os.strerror(ctypes.get_errno())
    wanted = _ACCESS | _MODIFY | _ATTRIBUTES | _OPEN | _CREATE | _DELETE | _MOVED
    try:
        for place, _, _ in os.walk(folder):
            watch = libc.inotify_add_watch(descriptor, os.fsencode(place), wanted)
            assert watch >= 0, os.strerror(ctypes.get_errno())
        list(_events(descriptor))  # listing the folders was one
        yield
        touched = list(_events(descriptor))
        assert not touched, f"{folder} was touched: {touched}"
    finally:
        os.close(descriptor)


def _events(descriptor):
    """(name, what happened) of all that was noted so far."""
    try:
        data = os.read(descriptor, 1 << 20)
    except BlockingIOError:
        return
    offset = 0
    while offset < len(data):
        _, mask, _, length = _HEADER.unpack_from(data, offset)
        name = data[offset + _HEADER.size :][:length].rstrip(b"\0").decode()
        offset += _HEADER.size + length
        yield name, hex(mask)
