"""Disks that fill up, turn read-only, fail, are slow or go away, under nodes that run.

A small tmpfs where one may be mounted. What a tmpfs cannot do is injected into the nodes' calls
(injector/sitecustomize.py), and where nothing may be mounted all is. `faults` names what was made.
"""

import errno
import json
import os
import subprocess
from pathlib import Path

INJECTOR = Path(__file__).with_name("injector")
WRITES = ("open", "fsync", "rename", "mkdir", "unlink")
MEGABYTE = 1 << 20


class Disk:
    """Where a library lies, `root`, and the faults of its file system."""

    def __init__(self, folder, megabytes):
        folder.mkdir()
        self.mount = folder
        self.root = folder / "library"
        self.faults = []
        self._control = folder.with_name(f"{folder.name}.json")
        self._ballast = folder / "ballast"
        options = ["-t", "tmpfs", "-o", f"size={megabytes}m", "none"]
        self.mounted = _mount(*options, folder)

    @property
    def environment(self):
        """For the processes that shall meet the injected faults."""
        path = os.pathsep.join(filter(None, (str(INJECTOR), os.environ.get("PYTHONPATH"))))
        return {"PYTHONPATH": path, "FAILING_DISK": str(self._control)}

    def fill(self):
        """Let no byte be free."""
        if not self.mounted:
            return self.fail("ENOSPC", calls=("open", "fsync", "mkdir"))
        self.faults.append("ENOSPC of a tmpfs")
        with open(self._ballast, "wb", buffering=0) as file:
            for size in (MEGABYTE, 4096):
                try:
                    while file.write(bytes(size)) == size:
                        pass
                except OSError as error:
                    assert error.errno == errno.ENOSPC

    def turn_read_only(self):
        """Let nothing be written; where a file is open for writing, injected."""
        if self.mounted and _mount("-o", "remount,ro", self.mount):
            self.faults.append("EROFS of a tmpfs")
        else:
            self.fail("EROFS")

    def go_away(self):
        """Leave an empty place: unmounted, or moved away where nothing can be mounted."""
        if self.mounted and _mount("-t", "tmpfs", "-o", "size=1m", "none", self.mount):
            self.faults.append("an empty tmpfs over it")
        else:
            self.faults.append("folder moved away")
            self.root.rename(self._away)

    def come_back(self):
        """The library as it was; what was written meanwhile into the empty place."""
        if self._away.exists():
            found = [self.root] if self.root.exists() else []
            self._away.rename(self.root)
            return found
        found = list(self.mount.iterdir())
        subprocess.run(["umount", str(self.mount)], check=True)
        return found

    def fail(self, error, calls=WRITES, under="", seconds=0.0):
        """Let calls below the library's folder `under` raise an errno, or only take `seconds`."""
        self.faults.append(f"{error or f'{seconds} s'} injected into {', '.join(calls)}")
        place = str(self.root / under) if under else str(self.root)
        fault = {"under": place, "calls": calls, "error": error, "seconds": seconds}
        beside = self._control.with_suffix(".new")
        beside.write_text(json.dumps(fault))
        beside.replace(self._control)

    def heal(self):
        """No fault any more."""
        self._control.unlink(missing_ok=True)
        if self.mounted:
            assert _mount("-o", "remount,rw", self.mount)
        self._ballast.unlink(missing_ok=True)

    def close(self):
        """Give the memory back."""
        while self.mounted and os.path.ismount(self.mount):
            subprocess.run(["umount", "--lazy", str(self.mount)], check=True)

    @property
    def _away(self):
        return self.root.with_name("moved_away")


def _mount(*arguments):
    command = ["mount", *map(str, arguments)]
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False
