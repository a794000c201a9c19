"""Makes a disk fail in whichever Python process starts with this folder on PYTHONPATH.

FAILING_DISK names a JSON file that is read at each call: {"under": folder, "calls": [names],
"error": errno's name or "", "seconds": how long each call takes first}. No such file: no fault.
Processes that this one spawns inherit both.
"""

import builtins
import errno
import io
import json
import os
import time

_CONTROL = os.environ.get("FAILING_DISK", "")
_open = io.open


def _fault(call, path):
    """Wait and raise as the control file says."""
    try:
        with _open(_CONTROL) as file:
            fault = json.load(file)
    except (FileNotFoundError, ValueError):
        return
    name = os.path.abspath(os.fsdecode(path))
    if call not in fault["calls"] or not name.startswith(fault["under"]):
        return
    time.sleep(fault["seconds"])
    if fault["error"]:
        number = getattr(errno, fault["error"])
        raise OSError(number, os.strerror(number), name)


def _failing(call, function, path_of=lambda *arguments: arguments[0]):
    def wrapped(*arguments, **named):
        path = path_of(*arguments)
        if not isinstance(path, int):
            _fault(call, path)
        return function(*arguments, **named)

    return wrapped


def _failing_open(file, mode="r", *arguments, **named):
    if not isinstance(file, int):
        _fault("read" if set(mode) <= set("rbt") else "open", file)
    return _open(file, mode, *arguments, **named)


def _failing_os_open(function):
    def wrapped(path, flags, *arguments, **named):
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        _fault("open" if writes else "read", path)
        return function(path, flags, *arguments, **named)

    return wrapped


if _CONTROL:
    builtins.open = io.open = _failing_open
    os.open = _failing_os_open(os.open)
    os.fsync = _failing("fsync", os.fsync, lambda fd: os.readlink(f"/proc/self/fd/{fd}"))
    os.replace = _failing("rename", os.replace, lambda source, target: target)
    os.rename = _failing("rename", os.rename, lambda source, target: target)
    os.mkdir = _failing("mkdir", os.mkdir)
    os.symlink = _failing("mkdir", os.symlink, lambda target, path: path)
    os.unlink = _failing("unlink", os.unlink)
    os.listdir = _failing("list", os.listdir, lambda path=".": path)
    os.scandir = _failing("list", os.scandir, lambda path=".": path)
