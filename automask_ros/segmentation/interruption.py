"""Ctrl-C that waits for a good moment."""

from __future__ import annotations

import signal
import time
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# torchrun hands a Ctrl-C on that its processes may have had from the terminal already.
_ONE_AND_THE_SAME_SECONDS = 2.0


class Interruption:
    """While this context lasts, the first SIGINT or SIGTERM is only noted in `asked`.

    A later one does what it always did, so that a training that hangs can still be ended. Only in
    the main thread; elsewhere signals do not arrive, and nothing changes.
    """

    def __init__(self) -> None:
        self.asked = False
        self._asked_at = 0.0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        try:
            self._before = {number: signal.signal(number, self._note) for number in _SIGNALS}
        except ValueError:  # not the main thread
            self._before = {}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        now = time.monotonic()
        if not self.asked:
            self.asked, self._asked_at = True, now
        elif now - self._asked_at > _ONE_AND_THE_SAME_SECONDS:
            signal.signal(number, self._before[number])
            signal.raise_signal(number)
