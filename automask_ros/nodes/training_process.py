"""Training in a process of its own: callbacks answer, and its memory is gone afterwards."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from automask_ros.errors import AutomaskError
from automask_ros.memory import REMEDY, speaks_of_memory
from automask_ros.nodes.last_words import LastWords, speak_to
from automask_ros.nodes.threads import limit_threads
from automask_ros.types import Progress


@dataclass(frozen=True)
class Trained:
    """What a training made; `promoted` tells whether it is live, `reason` why or why not.

    `average_precision` maps each label to its mask AP on held-out views (0..1).
    """

    version: int
    promoted: bool
    reason: str
    average_precision: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed:
    """Why a training ended without a model: one line, and the traceback when it was a defect."""

    message: str
    details: str = ""


@dataclass(frozen=True)
class Remark:
    """What the training warned of, in one line."""

    message: str


Event = Progress | Remark | Trained | Failed


class TrainingProcess:
    """One training of a library in a spawned process, which ends when this one is gone."""

    def __init__(self, library_root: Path, settings: Mapping[str, Any], threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, child_end = context.Pipe()
        words, its_words = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_train,
            args=(child_end, its_words, library_root, dict(settings), threads),
            name="automask_training",
            daemon=True,
        )
        self._words = LastWords(words)
        # Ctrl-C reaches the whole process group: the process that begins inherits what its first
        # thread blocks, for it cannot say for itself that it ignores the signal until it stands.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        child_end.close()
        its_words.close()

    def events(self) -> Iterator[Event]:
        """What the training reported since the last call; the last event is Trained or Failed."""
        self._words.take()
        try:
            while self._connection.poll():
                event = self._connection.recv()
                yield event
                if isinstance(event, Trained | Failed):
                    return
        except (EOFError, OSError):
            self._process.join()
            yield Failed(_died(self._process.exitcode, self._words.last_line()))

    def stop(self, patience: float = 0.5) -> None:
        """End the process: by SIGTERM, and after `patience` seconds by SIGKILL."""
        self._process.terminate()
        self._process.join(patience)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._connection.close()
        self._words.close()

    def finish(self) -> None:
        """Wait for a process that has reported its last event."""
        self._process.join(10.0)
        self.stop()


def _died(exit_code: int | None, last_line: str) -> str:
    """Why a process is gone that could not say so itself."""
    if exit_code == -signal.SIGKILL:
        return f"the training process was killed, most likely because memory ran out; {REMEDY}"
    killed = exit_code is not None and exit_code < 0
    how = signal.Signals(-(exit_code or 0)).name if killed else f"exit code {exit_code}"
    if speaks_of_memory(last_line):
        return f"the training process died as memory ran out ({how}: {last_line}); {REMEDY}"
    why = f": {last_line}" if last_line else ""
    return f"the training process died ({how}{why}); see the trainer's log"


def _train(
    connection: Connection,
    words: Connection,
    library_root: Path,
    settings: dict[str, Any],
    threads: int,
) -> None:
    speak_to(words)
    # Whether the training ends is its parent's decision; its own children inherit this as well.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _go_first()
    threading.Thread(target=_end_with_parent, args=(connection,), daemon=True).start()
    limit_threads(threads)
    logging.getLogger("automask_ros").addHandler(_Remarks(connection))
    try:
        connection.send(_train_version(connection, library_root, settings))
    except AutomaskError as error:
        connection.send(Failed(str(error)))
    except Exception as error:  # noqa: BLE001 - told to the parent, which logs all of it
        connection.send(Failed(f"{type(error).__name__}: {error}", traceback.format_exc()))


def _go_first() -> None:
    """Let the kernel, when memory runs out, end this process and none of the robot's others."""
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("800")


class _Remarks(logging.Handler):
    """Sends warnings to the parent, whose log people read."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(logging.WARNING)
        self._connection = connection

    def emit(self, record: logging.LogRecord) -> None:
        self._connection.send(Remark(record.getMessage()))


def _train_version(connection: Connection, library_root: Path, settings: dict[str, Any]) -> Trained:
    from automask_ros.detection.teaching import train_version
    from automask_ros.detection.training import TrainConfig
    from automask_ros.library.library import Library

    result = train_version(Library(library_root), TrainConfig(**settings), connection.send)
    per_label = result.evaluation["per_label"]
    precisions = {label: of["AP"] for label, of in per_label.items() if of["AP"] is not None}
    return Trained(result.version, result.promoted, result.reason, precisions)


def _end_with_parent(connection: Connection) -> None:
    """Block until the parent's end of the pipe closes, which the kernel does when it dies."""
    try:
        connection.recv()
    except (EOFError, OSError):
        os._exit(1)
