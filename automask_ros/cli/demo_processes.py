"""The demo's processes: the four nodes and the session, in a DDS domain of their own."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

from automask_ros.errors import AutomaskError
from automask_ros.nodes.environment import ros_environment

#: The process that may end: it is the one that conducts the others.
SESSION = "session"

_PATIENCE = 10.0
_LAST_LINES = 5


class DemoProcesses:
    """Starts processes, says when one has died, and ends all of them; use it as a context manager.

    Each process leads a group of its own: Ctrl-C comes here alone, and what a process has started
    ends with it. What it prints goes to ``logs/NAME.log``.
    """

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.domain = 1 + secrets.randbelow(100)
        self._environment = ros_environment() | {
            "ROS_DOMAIN_ID": str(self.domain),
            "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
            "PYTHONUNBUFFERED": "1",
            # Six processes share the cores. OpenMP's threads spin by default while they wait for
            # each other, and keep the cores from the others: masks took twelve times as long.
            "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE"),
        }
        self._processes: dict[str, subprocess.Popen[str]] = {}

    def __enter__(self) -> DemoProcesses:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(
        self, name: str, module: str, arguments: Sequence[str], *, piped: bool = False
    ) -> None:
        """Start a module as a process; its standard output comes to this process when ``piped``."""
        with self.log(name).open("w") as log, _signals_held():
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", f"automask_ros.nodes.{module}", *arguments],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if piped else log,
                stderr=log if piped else subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    def process(self, name: str) -> subprocess.Popen[str]:
        """A process that was started."""
        return self._processes[name]

    def log(self, name: str) -> Path:
        """Where a process's log lies."""
        return self.logs / f"{name}.log"

    def last_lines(self, name: str, count: int = _LAST_LINES) -> list[str]:
        """The last lines of a process's log that are not blank."""
        text = self.log(name).read_text(errors="replace")
        return [line for line in text.splitlines() if line.strip()][-count:]

    def check(self) -> None:
        """AutomaskError with the last words of a node that has ended."""
        for name, process in self._processes.items():
            code = process.poll()
            if code is not None and name != SESSION:
                words = " | ".join(self.last_lines(name)) or "it said nothing"
                raise AutomaskError(
                    f"{name} ended by itself (exit code {code}): {words}; "
                    f"all of its log is in {self.log(name)}"
                )

    def stop(self) -> None:
        """Ask every process to end; after some seconds, end what is left of its group."""
        with _signals_held():
            self._stop()

    def _stop(self) -> None:
        for process in self._processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        until = time.monotonic() + _PATIENCE
        for process in self._processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, until - time.monotonic()))
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._processes.clear()


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Ctrl-C and SIGTERM that come meanwhile are taken afterwards: no process is started without
    being known here, and none is left because ending them was interrupted."""
    came: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: came.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if came:
            signal.raise_signal(came[0])
