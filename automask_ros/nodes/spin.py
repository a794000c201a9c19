"""How our nodes start and end: one executor, a clean shutdown, one line on an error."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Protocol, cast

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.utilities import try_shutdown

from automask_ros.errors import AutomaskError
from automask_ros.library.files import one_line
from automask_ros.nodes.environment import ros_environment
from automask_ros.nodes.shared_memory import remove_abandoned_segments

EXIT_OK = 0
EXIT_USER_ERROR = 2

LONGEST_WAIT = 1.0
"""Seconds until a node without work looks up: a signal can slip past rclpy's waking."""


class WorkingNode(Protocol):
    """What run_node asks of a node beside being one: it may own threads and processes."""

    failure: BaseException | None
    """What ended one of its threads."""

    def close(self) -> None:
        """Stop what the node started; callbacks no longer come."""


def run_node(create: Callable[[], Node], arguments: Sequence[str] | None = None) -> int:
    """Create a node and spin it until Ctrl-C, SIGTERM or a failure; the process's exit code."""
    return run_nodes([create], arguments)


def run_nodes(
    creators: Sequence[Callable[[], Node]], arguments: Sequence[str] | None = None
) -> int:
    """Create nodes and spin them in one executor until one of them fails or all are to end.

    The exit code: 0 after a shutdown that was asked for; 2 after an error that the user can mend,
    with one line on stderr that names the remedy. Anything else is raised. The process is to end
    with it: from the first Ctrl-C on, further ones are taken no notice of.
    """
    nodes: list[Node] = []
    interrupted = _interrupt_once()
    try:
        # Before the first participant: started by hand, a node too delivers images of any size.
        os.environ.update(ros_environment())
        remove_abandoned_segments()
        _init(arguments)
        # Before the node, whose threads may end everything at once: half made it cannot be undone.
        executor = SingleThreadedExecutor()
        nodes.extend(create() for create in creators)
        _spin(nodes, executor)
    except AutomaskError as error:
        sys.stderr.write(f"automask: {error}\n")
        return EXIT_USER_ERROR
    except (KeyboardInterrupt, ExternalShutdownException):
        pass  # asked to end before the node stood
    except RuntimeError as error:
        # The same, in the midst of what needs the context that a signal has just shut down.
        if len(nodes) == len(creators) or rclpy.ok():
            if "security" not in str(error):
                raise
            sys.stderr.write(f"automask: the middleware cannot be secured: {one_line(error)}\n")
            return EXIT_USER_ERROR
    finally:
        for node in reversed(nodes):
            cast(WorkingNode, node).close()
            node.destroy_node()
        try_shutdown()
        if interrupted.is_set():
            # Python gives the signal's default back before native code has ended, but not this.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    return EXIT_OK


def _interrupt_once() -> threading.Event:
    """Let the first Ctrl-C ask this process to end, and the next ones change nothing about that.

    rclpy hands the signal on to the handler that it finds. In the midst of closing, another
    KeyboardInterrupt would leave half of it undone, with a traceback. SIGTERM works as ever.
    """
    asked = threading.Event()

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        if not asked.is_set():
            asked.set()
            raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():  # signals are no other's
        signal.signal(signal.SIGINT, interrupt)
    return asked


def _init(arguments: Sequence[str] | None) -> None:
    """Start ROS; AutomaskError when it refuses, as for security without its files."""
    try:
        rclpy.init(args=list(arguments) if arguments is not None else None)
    except RuntimeError as error:
        raise AutomaskError(
            f"ROS does not start ({one_line(error)}); check the arguments and ROS_* variables"
        ) from error


def start_worker(node: Node, work: Callable[[], None], name: str) -> threading.Thread:
    """Run `work` in a thread; what it raises ends the node's process as if raised in its own."""

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - handed over to the main thread, whole
            if isinstance(error, RuntimeError) and not node.context.ok():
                return  # what rclpy raises in the midst of publishing when all is to end
            cast(WorkingNode, node).failure = error
            # None while the node is still being made: _spin looks before it waits.
            if node.executor is not None:
                node.executor.wake()

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread


def _spin(nodes: Sequence[Node], executor: SingleThreadedExecutor) -> None:
    try:
        for node in nodes:
            executor.add_node(node)
        while rclpy.ok() and _failure(nodes) is None:
            executor.spin_once(LONGEST_WAIT)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except RuntimeError:
        # What rclpy raises where the context is shut down while it prepares to wait.
        if rclpy.ok():
            raise
    if (failure := _failure(nodes)) is not None:
        raise failure


def _failure(nodes: Sequence[Node]) -> BaseException | None:
    """What ended a thread of one of the nodes; None while all are well."""
    return next((each for node in nodes if (each := cast(WorkingNode, node).failure)), None)
