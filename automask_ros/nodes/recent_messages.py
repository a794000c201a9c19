"""The last messages of a topic, serialized, looked up by the stamps of their headers."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from typing import TypeAlias

from builtin_interfaces.msg import Time

from automask_ros.nodes.serialized_stamp import nanoseconds_of, read_stamp

_KEPT = 8  # messages, beside those that are held
_LATE = 1_000_000_000  # nanoseconds: what is farther behind is not waited for

#: Nanoseconds of a stamp, and the serialized message.
Stamped: TypeAlias = tuple[int, bytes]


class Hold:
    """While somebody has it, the message that is nearest to its stamp is kept."""

    def __init__(self, wanted: int, nearest: Stamped | None) -> None:
        self.wanted, self.nearest = wanted, nearest


class RecentMessages:
    """Filled by a callback, asked by another thread.

    However long a picture waits and the work on it takes, what belongs to it is there afterwards if
    its stamp is held.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._recent: deque[Stamped] = deque(maxlen=_KEPT)
        # No WeakSet: it changes when a hold goes, also while another thread walks through it.
        self._holds: list[weakref.ref[Hold]] = []

    def put(self, serialized: bytes) -> None:
        """Add a message that has just come; AutomaskError when it is too short for a stamp."""
        stamped = nanoseconds_of(read_stamp(serialized)), serialized
        with self._changed:
            self._recent.append(stamped)
            for hold in self._held():
                hold.nearest = _nearer(hold.wanted, hold.nearest, stamped)
            self._changed.notify_all()

    def hold(self, stamp: Time) -> Hold:
        """Keep the message nearest to `stamp`, those to come included, as long as what is returned
        is there."""
        wanted = nanoseconds_of(stamp)
        with self._changed:
            hold = Hold(wanted, self._nearest(wanted))
            self._holds = [weakref.ref(each) for each in (*self._held(), hold)]
        return hold

    def nearest(self, stamp: Time, patience: float) -> tuple[float, bytes] | None:
        """The message nearest to `stamp`, and how many seconds it is away from it.

        As long as the newest one is a little older, a nearer one may be under way: it is waited for
        `patience` seconds at most. None where no message has come at all.
        """
        wanted = nanoseconds_of(stamp)
        with self._changed:
            self._changed.wait_for(lambda: not self._under_way(wanted), patience)
            found = self._nearest(wanted)
        return None if found is None else (abs(found[0] - wanted) * 1e-9, found[1])

    def clear(self) -> None:
        """Forget all messages, and what is held."""
        with self._changed:
            self._recent.clear()
            for hold in self._held():
                hold.nearest = None

    def _held(self) -> list[Hold]:
        return [hold for each in self._holds if (hold := each()) is not None]

    def _under_way(self, wanted: int) -> bool:
        return bool(self._recent) and 0 < wanted - self._recent[-1][0] < _LATE

    def _nearest(self, wanted: int) -> Stamped | None:
        nearest: Stamped | None = None
        held = [hold.nearest for hold in self._held() if hold.nearest is not None]
        for stamped in (*held, *self._recent):
            nearest = _nearer(wanted, nearest, stamped)
        return nearest


def _nearer(wanted: int, one: Stamped | None, other: Stamped) -> Stamped:
    """Of two messages that whose stamp is nearer to the one wanted; the later one of equals."""
    return one if one is not None and abs(one[0] - wanted) < abs(other[0] - wanted) else other
