"""Rates and latencies over the last moments, for the diagnostics."""

from __future__ import annotations

import threading
import time
from collections import deque

import numpy as np


class RateMeter:
    """Events a second over the last `window` seconds."""

    def __init__(self, window: float = 5.0) -> None:
        self._window = window
        self._started = time.monotonic()
        self._events: deque[tuple[float, int]] = deque()
        self._count = 0
        self._lock = threading.Lock()

    def tick(self, count: int = 1) -> None:
        """Count one event now, or several at once."""
        now = time.monotonic()
        with self._lock:
            self._events.append((now, count))
            self._count += count
            self._forget(now)

    def count(self) -> int:
        """Events in the window."""
        with self._lock:
            self._forget(time.monotonic())
            return self._count

    def rate(self) -> float:
        """Events a second, from the meter's own start while that is younger than the window."""
        now = time.monotonic()
        with self._lock:
            self._forget(now)
            return self._count / max(min(self._window, now - self._started), 1e-3)

    def _forget(self, now: float) -> None:
        while self._events and self._events[0][0] < now - self._window:
            self._count -= self._events.popleft()[1]


class LatencyMeter:
    """The last `count` durations."""

    def __init__(self, count: int = 100) -> None:
        self._seconds: deque[float] = deque(maxlen=count)
        self._lock = threading.Lock()

    def add(self, seconds: float) -> None:
        """Count one duration in seconds."""
        with self._lock:
            self._seconds.append(seconds)

    def median_ms(self) -> float | None:
        """The median in milliseconds; None before the first duration."""
        return self.percentile_ms(50)

    def percentile_ms(self, share: float) -> float | None:
        """What `share` per cent of them do not exceed, in milliseconds; None before the first."""
        with self._lock:
            seconds = list(self._seconds)
        return 1000.0 * float(np.percentile(seconds, share)) if seconds else None
