"""How far the whole demo is: one bar over all its stages, measured in expected seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import click
from tqdm import tqdm

#: Seconds on two cores, as first estimate; what is left follows from the time really taken.
_SECONDS_PER_STEP = {"capture": 0.1, "masks": 0.5, "train": 0.75, "scenes": 0.4}
_SECONDS_AROUND = {"capture": 5.0, "masks": 5.0, "train": 40.0, "scenes": 5.0}
_SECONDS_BETWEEN_LINES = 20.0
#: Of an object of the demo, where their number decides.
_USUAL_ITERATIONS = 120

_WORDS = {"capture": "showing", "masks": "masks of", "train": "training for"}


class DemoProgress:
    """A bar on a terminal, a line now and then elsewhere; use it as a context manager."""

    def __init__(self, steps: Mapping[tuple[str, str], int]) -> None:
        """``steps``: how many there will be, for each (label, stage); the scenes have no label."""
        self._expected = {
            (label, stage): count * _SECONDS_PER_STEP[stage] + _SECONDS_AROUND[stage]
            for (label, stage), count in steps.items()
        }
        self._done = dict.fromkeys(self._expected, 0.0)
        self._started = time.monotonic()
        self._last_line, self._last_stage = 0.0, ("", "")
        self._bar: tqdm | None = None
        if sys.stderr.isatty():
            layout = "{desc} {percentage:3.0f}%|{bar}| {elapsed}, about {remaining} left"
            self._bar = tqdm(total=self.expected, bar_format=layout, smoothing=0, leave=False)

    @property
    def expected(self) -> float:
        """Seconds that the whole demo should take."""
        return sum(self._expected.values())

    def __enter__(self) -> DemoProgress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def update(self, label: str, stage: str, step: int, total: int) -> None:
        """Show how far a stage is; all stages before it are done."""
        for key, expected in self._expected.items():
            if key == (label, stage):
                self._done[key] = expected * step / max(total, 1)
                break
            self._done[key] = expected
        words = f"{_WORDS.get(stage, 'test scenes')} {label}".strip() + f" {step}/{total}"
        if self._bar is not None:
            self._bar.set_description_str(words, refresh=False)
            self._bar.update(sum(self._done.values()) - self._bar.n)
        else:
            self._line(words, (label, stage))

    def say(self, line: str) -> None:
        """Print a line that stays, above the bar."""
        if self._bar is not None:
            self._bar.clear()
        click.echo(line)

    def _line(self, words: str, stage: tuple[str, str]) -> None:
        now = time.monotonic()
        if stage == self._last_stage and now - self._last_line < _SECONDS_BETWEEN_LINES:
            return
        self._last_line, self._last_stage = now, stage
        done = sum(self._done.values())
        left = (now - self._started) / done * (self.expected - done) if done > 1 else self.expected
        click.echo(f"{words}, about {left / 60:.0f} min left", err=True)


def session_steps(
    frames: Mapping[str, int], views: int, iterations: int, scenes: int
) -> dict[tuple[str, str], int]:
    """How many steps each stage of a session will have, in their order."""
    steps: dict[tuple[str, str], int] = {}
    for label, count in frames.items():
        steps[label, "capture"] = count
        steps[label, "masks"] = min(views, count)
        steps[label, "train"] = iterations or _USUAL_ITERATIONS
    return {**steps, ("", "scenes"): scenes}


def from_event(event: Mapping[str, Any]) -> tuple[str, str, int, int]:
    """The arguments of ``update`` from a progress event of the session."""
    return event["label"], event["stage"], event["step"], event["total"]
