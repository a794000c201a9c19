"""What a process wrote to its standard error before it died: native code says nothing elsewhere."""

from __future__ import annotations

import os
import sys
from multiprocessing.connection import Connection

_KEPT = 2000
_CHUNK = 65536


class LastWords:
    """The parent's end of a pipe that a process has as its standard error.

    What comes is passed on to this process's standard error; the end of it is kept.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._kept = b""
        os.set_blocking(connection.fileno(), False)

    def take(self) -> None:
        """Pass on what was written since the last call; the process waits once 64 kB lie there."""
        try:
            while words := os.read(self._connection.fileno(), _CHUNK):
                sys.stderr.write(words.decode(errors="replace"))
                self._kept = (self._kept + words)[-_KEPT:]
        except BlockingIOError:
            pass

    def last_line(self) -> str:
        """The last line that says something; empty when nothing was said."""
        self.take()
        lines = self._kept.decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def close(self) -> None:
        """Pass on the rest."""
        if not self._connection.closed:
            self.take()
            self._connection.close()


def speak_to(connection: Connection) -> None:
    """Make a pipe this process's standard error, for native code too."""
    os.dup2(connection.fileno(), 2)
    connection.close()
