"""The newest frame of each of several cameras, for one thread that works on them."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

Item = TypeVar("Item")


class NewestFrames(Generic[Item]):
    """Holds one item of each source: a newer one replaces it and counts it as dropped."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._items: dict[int, Item] = {}
        self._awake = False
        self._closed = False
        self.dropped = 0

    def put(self, source: int, item: Item) -> None:
        """Leave the newest item of a source; never blocks on the taker's work."""
        with self._condition:
            if self._items.pop(source, None) is not None:
                self.dropped += 1
            self._items[source] = item
            self._condition.notify()

    def wake(self) -> None:
        """Let `take` return, with or without an item."""
        with self._condition:
            self._awake = True
            self._condition.notify()

    def take(self) -> dict[int, Item] | None:
        """Wait for items and take all that are there, by source, the oldest first; None once the
        slot is closed."""
        with self._condition:
            self._condition.wait_for(lambda: self._items or self._awake or self._closed)
            items, self._items, self._awake = self._items, {}, False
            return None if self._closed else items

    def clear(self) -> None:
        """Forget what waits, without counting it as dropped."""
        with self._condition:
            self._items.clear()

    def close(self) -> None:
        """Let `take` return None from now on."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
