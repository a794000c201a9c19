"""How long each stage of a frame's way through the detector takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from automask_ros.nodes.meters import LatencyMeter

STAGES = ("transport", "wait", "convert", "infer", "paste", "publish", "localise")
"""From the camera's stamp to the callback; in the slot; to a BGR image at the network's size; in
the network; to masks of the image's size; to messages that are sent; to positions in space."""
OVERHEAD = ("convert", "paste", "publish")
"""What the detector does beside running the network."""
_FRAMES = 1000
_FIGURES = (("p50", 50), ("p95", 95), ("p99", 99))


class FrameTimes:
    """Seconds of the stages of one frame, which came at `came_at` by the steady clock."""

    def __init__(self, came_at: float) -> None:
        self.came_at = came_at
        self.seconds = dict.fromkeys(STAGES, 0.0)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Adds what the block takes to a stage."""
        started = time.monotonic()
        yield
        self.seconds[name] += time.monotonic() - started


class StageMeters:
    """The stages of the last frames."""

    def __init__(self) -> None:
        self._meters = {name: LatencyMeter(_FRAMES) for name in (*STAGES, "overhead", "latency")}

    def add(self, times: FrameTimes) -> None:
        """Count a frame whose last message is sent."""
        for name, seconds in times.seconds.items():
            self._meters[name].add(seconds)
        self._meters["overhead"].add(sum(times.seconds[name] for name in OVERHEAD))
        # Not the sum: of several cameras a frame waits for the others' too.
        since = time.monotonic() - times.came_at
        self._meters["latency"].add(times.seconds["transport"] + since)

    def figures(self) -> dict[str, Any]:
        """For the diagnostics: milliseconds of each stage, of all but the network (``overhead``),
        and from the camera's stamp to the last message (``latency``)."""
        return {
            f"{name}_{word}_ms": meter.percentile_ms(share)
            for name, meter in self._meters.items()
            for word, share in _FIGURES
        }
