"""A slot for the newest frame and the thread that works on it, so that callbacks never wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeVar

from rclpy.node import Node

from automask_ros.nodes.spin import start_worker

Item = TypeVar("Item")


class NewestFrame(Generic[Item]):
    """Holds one item of each source, one source if none are named: a newer item replaces it, and
    what was never taken is counted as dropped."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._items: dict[int, Item] = {}
        self._turns: dict[int, int] = {}
        self._awake = False
        self._closed = False
        self.dropped = 0

    def put(self, item: Item, source: int = 0) -> None:
        """Leave the newest item; never blocks on the taker's work."""
        with self._condition:
            if self._items.pop(source, None) is not None:
                self.dropped += 1
            self._items[source] = item
            self._condition.notify()

    def wake(self) -> None:
        """Let `take` return, though there be no item."""
        with self._condition:
            self._awake = True
            self._condition.notify()

    def take(self, together: bool = True) -> dict[int, Item] | None:
        """Wait for items and take all that are there, by source, the oldest first; None once the
        slot is closed.

        Not `together`: the one of the source whose turn is longest ago, so that the others' may
        still be replaced by newer ones.
        """
        with self._condition:
            self._condition.wait_for(lambda: self._items or self._awake or self._closed)
            self._awake = False
            if self._closed:
                return None
            if together or len(self._items) < 2:
                items, self._items = self._items, {}
            else:
                source = min(self._items, key=lambda each: self._turns.get(each, 0))
                items = {source: self._items.pop(source)}
            self._turns.update(dict.fromkeys(items, max(self._turns.values(), default=0) + 1))
            return items

    def clear(self) -> None:
        """Forget what waits, without counting it as dropped."""
        with self._condition:
            self._items.clear()

    def close(self) -> None:
        """Let `take` return None from now on."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()


Given = TypeVar("Given", covariant=True)


class Slot(Protocol[Given]):
    """What a worker takes items from."""

    def take(self) -> Mapping[int, Given] | None:
        """Wait for items and take them, by source; None once the slot is closed."""

    def close(self) -> None:
        """Let `take` return None from now on."""


class FrameWorker(Generic[Item]):
    """A thread of `node` that gives each item of a slot to `work`, one after the other.

    What `work` raises ends the node: an error that it can live with is for `work` to handle.
    """

    def __init__(
        self, node: Node, slot: Slot[Item], work: Callable[[Item], None], name: str
    ) -> None:
        self._slot = slot
        self._work = work
        self._thread = start_worker(node, self._run, name)

    def _run(self) -> None:
        while (items := self._slot.take()) is not None:
            for item in items.values():
                self._work(item)

    def close(self, timeout: float = 2.0) -> None:
        """Close the slot and wait for the item in work, at most `timeout` seconds."""
        self._slot.close()
        self._thread.join(timeout)
