"""Work that takes of the processors only what other threads leave."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

_T = TypeVar("_T")
NICENESS = 10
_LOWEST = 19


def lower_priority() -> None:
    """Let the calling thread, and those that it will make, give way to others from now on.

    For good: to raise a priority again takes rights that a robot's nodes do not have. Linux alone
    has a priority for each thread; elsewhere, and where it is forbidden, nothing changes.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        usual = os.getpriority(os.PRIO_PROCESS, thread)
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, min(usual + NICENESS, _LOWEST))


def in_its_own_thread(work: Callable[[], _T]) -> _T:
    """What `work` returns or raises, once a thread of its own has done it.

    Nothing waits for that thread at the end of the process: the disk that it reads may hang.
    """
    done: Future[_T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again by who waits for it
            done.set_exception(error)

    threading.Thread(target=run, name="gently", daemon=True).start()
    return done.result()


def at_low_priority(work: Callable[[], _T]) -> _T:
    """The same, by a thread that gives way to others."""

    def gently() -> _T:
        lower_priority()
        return work()

    return in_its_own_thread(gently)
