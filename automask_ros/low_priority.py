"""Work that takes of the processors only what other threads leave."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")
_NICENESS = 10


def lower_priority() -> None:
    """Let the calling thread, and those that it will make, give way to others from now on.

    For good: to raise a priority again takes rights that a robot's nodes do not have. Linux alone
    has a priority for each thread; elsewhere nothing changes.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


def in_its_own_thread(work: Callable[[], _T]) -> _T:
    """What `work` returns or raises, once a thread of its own has done it."""
    with ThreadPoolExecutor(1, "own") as thread:
        return thread.submit(work).result()


def at_low_priority(work: Callable[[], _T]) -> _T:
    """The same, by a thread that gives way to others."""

    def gently() -> _T:
        lower_priority()
        return work()

    return in_its_own_thread(gently)
