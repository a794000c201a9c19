"""Frames that a subscription did not get: lost on the way, or pushed out of its own queue."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.event_handler import QoSMessageLostInfo

from automask_ros.nodes.meters import RateMeter

_NO_COUNT = 2**31 - 1
"""What Fast DDS tells, and adds to its total, when the last fragment of a picture comes after a
later picture that needed none: less than nothing was lost, which its type cannot hold."""
MANY = 0.05
"""Share of frames lost that is worth a warning."""
SEVERAL = 3
"""Lost frames that are worth one: a subscriber who joins a stream may miss its first two."""


class LossMeter:
    """Counts what the middleware says of a subscription that it did not get.

    `lost` are messages that were sent and did not arrive; at least so many, for Fast DDS tells of
    a loss only once something later arrives, and not of each. `overrun` are those that arrived, but
    while the node was busy, and newer ones took their places in its queue; they can be counted
    only where the middleware numbers what is published (Fast DDS, Zenoh) and `alone()` says that
    the numbers are one publisher's.
    """

    def __init__(self, alone: Callable[[], bool]) -> None:
        self._alone = alone
        self._newest: int | None = None
        self._missing = 0
        self.lost = 0
        self._recently_lost = RateMeter()
        self._recently_received = RateMeter()

    def on_lost(self, event: QoSMessageLostInfo) -> None:
        """Count what the middleware lost."""
        if event.total_count_change < _NO_COUNT:
            self.lost += event.total_count_change
            self._recently_lost.tick(event.total_count_change)

    def on_frame(self, number: int | None) -> None:
        """Count a frame that came; `number` is that under which it was published, if it has one."""
        self._recently_received.tick()
        if number is None:
            return
        gap = number - self._newest - 1 if self._newest is not None else 0
        self._newest = number
        if gap > 0 and self._alone():
            self._missing += gap

    @property
    def overrun(self) -> int | None:
        """Frames that came faster than they were taken; None where that cannot be known."""
        return None if self._newest is None else max(0, self._missing - self.lost)

    def share(self) -> float:
        """The share of frames lost on the way in the last seconds, 0 to 1."""
        lost = self._recently_lost.count()
        return lost / max(1, lost + self._recently_received.count())

    def starving(self) -> bool:
        """Whether so many frames were lost in the last seconds that it should be said."""
        return self._recently_lost.count() >= SEVERAL and self.share() > MANY
