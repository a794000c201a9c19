"""A slot for the newest frame and the thread that works on it, so that callbacks never wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from rclpy.node import Node

from automask_ros.nodes.spin import start_worker

Item = TypeVar("Item")


class NewestFrame(Generic[Item]):
    """Holds one item: a newer one replaces it, and what was never taken is counted as dropped."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._item: Item | None = None
        self._closed = False
        self.received = 0
        self.dropped = 0

    def put(self, item: Item) -> None:
        """Leave the newest item; never blocks on the taker's work."""
        with self._condition:
            self.received += 1
            if self._item is not None:
                self.dropped += 1
            self._item = item
            self._condition.notify()

    def take(self) -> Item | None:
        """Wait for an item and take it; None once the slot is closed."""
        with self._condition:
            self._condition.wait_for(lambda: self._item is not None or self._closed)
            item, self._item = self._item, None
            return None if self._closed else item

    def clear(self) -> None:
        """Forget an item that waits, without counting it as dropped."""
        with self._condition:
            self._item = None

    def close(self) -> None:
        """Let `take` return None from now on."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()


class FrameWorker(Generic[Item]):
    """A thread of `node` that gives each item of a slot to `work`, one after the other.

    What `work` raises ends the node: an error that it can live with is for `work` to handle.
    """

    def __init__(
        self, node: Node, slot: NewestFrame[Item], work: Callable[[Item], None], name: str
    ) -> None:
        self._slot = slot
        self._work = work
        self._thread = start_worker(node, self._run, name)

    def _run(self) -> None:
        while (item := self._slot.take()) is not None:
            self._work(item)

    def close(self, timeout: float = 2.0) -> None:
        """Close the slot and wait for the item in work, at most `timeout` seconds."""
        self._slot.close()
        self._thread.join(timeout)
