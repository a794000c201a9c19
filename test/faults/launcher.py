"""Operations that are killed at a chosen fault point, each in a process forked from a warm one.

The warm process, `python -m faults.launcher MODULE...`, has imported what operations need and runs
nothing itself, so that a fork of it is as good as a new process, hundreds of times faster.
"""

import importlib
import json
import os
import subprocess
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path

from faults.fault_points import FaultPoints

ACKNOWLEDGED = "acknowledged"
"""The journal's entry for what the operation has acknowledged."""


@dataclass(frozen=True)
class Run:
    """How one process ended: its exit code, below 0 the signal; and its journal of calls."""

    code: int
    journal: list[list[str]]

    @property
    def killed(self) -> bool:
        """Whether it came to its fault point."""
        return self.code == -9

    @property
    def acknowledged(self) -> int:
        """The number of steps that were acknowledged."""
        return sum(entry[0] == ACKNOWLEDGED for entry in self.journal)


class Launcher:
    """The test's end: asks the warm process for runs."""

    def __init__(self, log: Path, *modules: str) -> None:
        self._log = log
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "faults.launcher", *modules],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )

    def run(self, operation, root: Path, deadly: int = 0) -> Run:
        """Run `operation(root, acknowledge)`, killed at point `deadly`; AssertionError if it fails.

        The operation is a function of a module, or a partial of one.
        """
        function = getattr(operation, "func", operation)
        order = {
            "operation": [function.__module__, function.__name__],
            "arguments": [*getattr(operation, "args", ()), str(root)],
            "deadly": deadly,
        }
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        run = Run(**json.loads(self._process.stdout.readline()))
        assert run.code in (0, -9), self._log.read_text()
        return run

    def close(self) -> None:
        """End the warm process."""
        self._process.stdin.close()
        self._process.wait(10)


def serve() -> None:
    """The warm process: forks one process for each order on stdin, tells its end on stdout."""
    for module in sys.argv[1:]:
        importlib.import_module(module)
    for line in sys.stdin.buffer:
        order = json.loads(line)
        there, here = os.pipe()
        if (child := os.fork()) == 0:
            os.dup2(2, 1)
            os._exit(_obey(order, here))
        os.close(here)
        with open(there) as pipe:
            journal = [json.loads(entry) for entry in pipe]
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(json.dumps({"code": code, "journal": journal}) + "\n")
        sys.stdout.flush()


def _obey(order: dict, pipe: int) -> int:
    real_write = os.write

    def note(entry: list[str]) -> None:
        real_write(pipe, json.dumps(entry).encode() + b"\n")

    module, name = order["operation"]
    operation = getattr(importlib.import_module(module), name)
    *arguments, root = order["arguments"]
    FaultPoints(order["deadly"], note).install()
    try:
        operation(*arguments, Path(root), lambda: note([ACKNOWLEDGED]))
    except BaseException:  # noqa: BLE001 - told to the test, whole
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    serve()
