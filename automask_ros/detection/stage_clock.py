"""Seconds of each stage of a teaching."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class StageClock:
    """Counts from when it was made."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._stages: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Adds what the block takes to `name`."""
        started = time.monotonic()
        yield
        spent = self._stages.get(name, 0.0) + time.monotonic() - started
        self._stages[name] = round(spent, 3)

    def seconds(self) -> dict[str, float]:
        """By stage, and the ``total``."""
        return {**self._stages, "total": round(time.monotonic() - self._started, 3)}
