"""When to try again what failed."""

from __future__ import annotations

import time


class Backoff:
    """After each failure in a row the wait doubles, from `first` to `longest` seconds."""

    def __init__(self, first: float = 1.0, longest: float = 30.0) -> None:
        self._first, self._longest = first, longest
        self._wait = 0.0
        self._until = 0.0

    @property
    def due(self) -> bool:
        """Whether it is time to try."""
        return time.monotonic() >= self._until

    def failed(self) -> None:
        """Wait before the next try."""
        self._wait = min(max(2 * self._wait, self._first), self._longest)
        self._until = time.monotonic() + self._wait

    def succeeded(self) -> None:
        """Begin anew."""
        self._wait = self._until = 0.0
