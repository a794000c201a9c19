"""A group of processes whose memory is limited by the kernel (cgroups v1 or v2, as root)."""

import os
import secrets
from pathlib import Path

_V1, _V2 = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")


class MemoryGroup:
    """Lets a process that runs take so many bytes more until the group is closed."""

    def __init__(self, pid, more):
        # What a process holds stays with the group that it was in when it took it.
        root = _root()
        name = "memory.limit_in_bytes" if root == _V1 else "memory.max"
        self._parent = root
        self._folder = root / f"automask_test_{secrets.token_hex(4)}"
        self._folder.mkdir()
        (self._folder / name).write_text(str(more))
        (self._folder / "cgroup.procs").write_text(str(pid))

    @staticmethod
    def possible():
        """Whether this process may make such groups."""
        root = _root()
        return root is not None and os.access(root, os.W_OK)

    def holds(self, pid):
        """Whether a process is in the group, and so alive."""
        return str(pid) in (self._folder / "cgroup.procs").read_text().split()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pid in (self._folder / "cgroup.procs").read_text().split():
            (self._parent / "cgroup.procs").write_text(pid)
        self._folder.rmdir()


def _root():
    if (_V1 / "memory.limit_in_bytes").exists():
        return _V1
    controllers = _V2 / "cgroup.subtree_control"
    enabled = controllers.exists() and "memory" in controllers.read_text().split()
    return _V2 if enabled else None
