"""How many seconds of a whole training are left, estimated while it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from automask_ros.types import Progress, ProgressCallback

_LEAST_SHARE, _LEAST_SECONDS = 0.03, 3.0
"""Of the work, or of the time, before its pace tells anything."""
_SMOOTHING = 0.5
"""Weight of the estimate before, against one that jumps where a stage's cost was guessed badly."""

# What each part costs, in pictures that are looked at, measured on two cores and on one.
_FIT = 0.035  # class scores learn from what was seen of one picture
_STEP = 6.0  # all layers learn from one batch
_MEASURED = 1.1  # a picture is detected in, and compared with its truth
_EXPORT = 12.0


@dataclass(frozen=True)
class Part:
    """A stage of a training and what it costs, in any unit that all parts share."""

    stage: str
    cost: float


def parts_of_heads(pictures: int, completion: int, measured: int, compared: int) -> list[Part]:
    """Class scores alone learn: `pictures` in all, `completion` of them at the end; `measured` are
    the pictures that find the thresholds, `compared` those that compare versions."""
    first = pictures - completion
    return [
        Part("look", first),
        Part("train", _FIT * first),
        Part("evaluate", _MEASURED * measured),
        Part("look", completion),
        Part("train", _FIT * pictures),
        *_ending(compared),
    ]


def parts_of_all(steps: int, measured: int, compared: int) -> list[Part]:
    """All layers learn in `steps`; the rest as in `parts_of_heads`."""
    return [
        Part("train", _STEP * steps),
        Part("evaluate", _MEASURED * measured),
        *_ending(compared),
    ]


def _ending(compared: int) -> list[Part]:
    return [Part("export", _EXPORT), Part("compare", _MEASURED * compared)]


class TimeLeft:
    """Hands words of progress on, with the seconds that are left until the training is done.

    Stages come in the order of `parts`; one that ends early or does not come is passed over. What
    the parts cost is a guess, which the pace of this very training corrects.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        progress: ProgressCallback,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._parts, self._progress, self._now = parts, progress, now
        self._current = -1  # none of the parts has begun
        self._done = 0.0
        self._first: tuple[float, float] | None = None  # what was done when it was first told, when
        self._finish: float | None = None

    def __call__(self, progress: Progress) -> None:
        """Report it with `seconds_left` of the whole training; None as long as no one can tell."""
        self._advance(progress)
        self._progress(replace(progress, seconds_left=self._left(progress)))

    def _advance(self, progress: Progress) -> None:
        """Find the part that this stage is, and count what is done."""
        later = range(max(self._current, 0), len(self._parts))
        found = (index for index in later if self._parts[index].stage == progress.stage)
        current = next(found, None)
        if current is None:
            return
        share = min(progress.step / max(progress.total, 1), 1.0)
        part = self._parts[current]
        self._current = current
        self._done = sum(each.cost for each in self._parts[:current]) + share * part.cost

    def _left(self, progress: Progress) -> float | None:
        if progress.stage in ("promote", "done"):
            return 0.0
        if self._current < 0:
            return None
        now = self._now()
        if self._first is None:
            self._first = self._done, now
        first, started = self._first
        total = sum(each.cost for each in self._parts)
        seen = self._done - first
        if not seen or (seen < _LEAST_SHARE * total and now - started < _LEAST_SECONDS):
            return None
        pace = (now - started) / seen
        finish = now + pace * (total - self._done)
        if self._finish is not None:
            finish = _SMOOTHING * self._finish + (1 - _SMOOTHING) * finish
        self._finish = finish
        return max(finish - now, 0.0)
