"""The thread in which a node works with the library, so that a slow disk holds up no callback."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.task import Future
from rclpy.timer import Timer

from automask_ros.errors import AutomaskError
from automask_ros.library.files import described
from automask_ros.library.library import Library
from automask_ros.nodes.disk_watch import DiskWatch
from automask_ros.nodes.spin import start_worker

RETRY_PERIOD = 1.0
"""Seconds after which what failed is tried again."""
LIBRARY_PERIOD = 1.0
"""Seconds between two looks whether the library is still there."""


class Desk:
    """Does what a node's services and timers ask for, one thing after the other.

    What fails with an AutomaskError or an OSError ends nothing: a service answers with its line,
    a timer's work is told in `problem` and tried again. Anything else ends the node.
    """

    def __init__(self, node: Node, library: Library) -> None:
        self._node = node
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._problems: dict[str, str] = {}
        self._timers: list[Timer] = []
        self.disk = DiskWatch(library.root)
        self._thread = start_worker(node, self._run, "desk")
        self.every(LIBRARY_PERIOD, library.check)

    @property
    def problem(self) -> str | None:
        """What hinders the work of a timer, in one line."""
        return next(iter(self._problems.copy().values()), None)

    def every(self, period: float, work: Callable[[], None]) -> None:
        """Do `work` each `period` seconds; what is still to be done is not ordered twice."""
        ordered, not_before = False, 0.0

        def order() -> None:
            nonlocal ordered
            if not ordered and time.monotonic() >= not_before:
                ordered = True
                self._tasks.put(do)

        def do() -> None:
            nonlocal ordered, not_before
            ordered = False
            if not self._succeeds(work):
                not_before = time.monotonic() + RETRY_PERIOD

        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timers.append(self._node.create_timer(period, order, clock=steady))

    def ask(self, action: Callable[[], str]) -> Future:
        """The future answer of `action`, to be awaited in a callback."""
        future: Future = Future()

        def do() -> None:
            try:
                future.set_result(action())
            except (AutomaskError, OSError) as error:
                future.set_exception(error)
            if self._node.executor is not None:
                self._node.executor.wake()

        self._tasks.put(do)
        return future

    def close(self, timeout: float = 2.0) -> None:
        """Finish what is being done, at most `timeout` seconds; nothing is done after it."""
        for timer in self._timers:
            self._node.destroy_timer(timer)
        while not self._tasks.empty():
            self._tasks.get()
        self._tasks.put(None)
        self._thread.join(timeout)

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            with self.disk.at_work():
                task()

    def _succeeds(self, work: Callable[[], None]) -> bool:
        name = work.__qualname__
        try:
            work()
        except (AutomaskError, OSError) as error:
            problem = described(error)
            if self._problems.get(name) != problem:
                self._problems[name] = problem
                self._node.get_logger().error(problem)
            return False
        self._problems.pop(name, None)
        return True
