"""Progress of long jobs: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import io
import os
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType

import click
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from automask_ros.types import Progress

_SECONDS_BETWEEN_LINES = 15.0


class ProgressDisplay:
    """Shows Progress values on stderr; call it with each. Use it as a context manager.

    Inside, what is logged appears on lines of its own above the bar.
    """

    def __init__(self) -> None:
        self._terminal = _has_width()
        self._stage = ""
        self._bar: tqdm | None = None
        self._last_line = 0.0
        self._log: AbstractContextManager[None] = nullcontext()

    def __enter__(self) -> ProgressDisplay:
        if self._terminal:
            self._log = logging_redirect_tqdm()
        self._log.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close_bar()
        self._log.__exit__(kind, error, trace)

    def __call__(self, progress: Progress) -> None:
        """Show how far the job is."""
        if progress.stage != self._stage:
            self._close_bar()
            self._stage = progress.stage
            self._last_line = 0.0
        if progress.stage == "done":
            return
        if self._terminal:
            self._update_bar(progress)
        else:
            self._print_line(progress)

    def say(self, line: str) -> None:
        """Print a line on stdout; no bar stands in its way."""
        self._close_bar()
        click.echo(line)

    def _update_bar(self, progress: Progress) -> None:
        if self._bar is None:
            self._bar = tqdm(total=progress.total, desc=progress.stage, leave=False)
        self._bar.total = progress.total
        if progress.loss is not None:
            self._bar.set_postfix(loss=f"{progress.loss:.3f}", refresh=False)
        self._bar.update(progress.step - self._bar.n)

    def _print_line(self, progress: Progress) -> None:
        if progress.total <= 1:
            if not self._last_line:
                click.echo(progress.stage, err=True)
            self._last_line = time.monotonic()
            return
        now = time.monotonic()
        finished = progress.step >= progress.total
        if not finished and now - self._last_line < _SECONDS_BETWEEN_LINES:
            return
        self._last_line = now
        loss = "" if progress.loss is None else f", loss {progress.loss:.3f}"
        left = "" if not progress.seconds_left else f", {progress.seconds_left:.0f} s left"
        click.echo(f"{progress.stage} {progress.step}/{progress.total}{loss}{left}", err=True)

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _has_width() -> bool:
    """Whether stderr is a terminal that a bar can be drawn on; some recorders' have no columns."""
    try:
        return sys.stderr.isatty() and os.get_terminal_size(sys.stderr.fileno()).columns > 0
    except io.UnsupportedOperation:  # no file at all
        return sys.stderr.isatty()
