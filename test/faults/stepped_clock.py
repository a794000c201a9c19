"""A system clock that can be stepped, for the processes that a test starts and for no others."""

import shutil
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")


class SteppedClock:
    """Compiles the clock into a folder; OSError says why there can be none."""

    def __init__(self, folder):
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            raise OSError("there is no C compiler")
        self._library, self._file = folder / "stepped_clock.so", folder / "clock"
        command = [compiler, "-O1", "-shared", "-fPIC", "-Wall", "-Werror"]
        done = subprocess.run(
            [*command, "-o", str(self._library), str(SOURCE), "-ldl", "-pthread"],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise OSError(done.stderr)
        self._file.write_bytes(bytes(8))

    @property
    def environment(self):
        """What a process needs to live by this clock."""
        return {"LD_PRELOAD": str(self._library), "AUTOMASK_CLOCK": str(self._file)}

    def set(self, seconds):
        """Set the clock so many seconds off from the true one."""
        with self._file.open("r+b") as file:
            file.write(struct.pack("=q", round(seconds * 1e9)))
