"""Whether the disk keeps a node's threads waiting."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SLOW = 2.0
"""Seconds that writing or reading may take before it is told."""
_TOLD_FOR = 10.0


class DiskWatch:
    """Threads say while they read and write; asked from any thread, it says when that takes long.

    A disk that hangs is told while it does, a slow one for some seconds after.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        self._tickets = itertools.count()
        self._begun: dict[int, float] = {}
        self._slow, self._slow_until = 0.0, 0.0

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """The block reads or writes."""
        ticket, begun = next(self._tickets), time.monotonic()
        self._begun[ticket] = begun
        try:
            yield
        finally:
            del self._begun[ticket]
            now = time.monotonic()
            if now - begun > SLOW:
                self._slow, self._slow_until = now - begun, now + _TOLD_FOR

    def problem(self) -> str | None:
        """What there is to say, with the remedy; None when the disk is fast enough."""
        now = time.monotonic()
        longest = now - min(self._begun.copy().values(), default=now)
        if longest <= SLOW and now < self._slow_until:
            longest = self._slow
        if longest <= SLOW:
            return None
        return (
            f"the disk of {self._place} took {longest:.0f} s for one thing; see what else uses it, "
            "or move the library to a faster one"
        )
