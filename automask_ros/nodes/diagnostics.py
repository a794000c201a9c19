"""What a node tells on /diagnostics once a second: how it does, and why it waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node

OK = DiagnosticStatus.OK
WARN = DiagnosticStatus.WARN
ERROR = DiagnosticStatus.ERROR


@dataclass
class Health:
    """One state of a node: the worst thing that was found, in words, and the figures."""

    level: bytes = OK
    message: str = ""
    values: dict[str, Any] = field(default_factory=dict)

    def note(self, level: bytes, message: str | None) -> None:
        """Take over a message unless one at least as bad stands already; None says nothing."""
        if message and (level > self.level or not self.message):
            self.level, self.message = max(level, self.level), message


def key_values(values: Mapping[str, Any]) -> list[KeyValue]:
    """Figures as KeyValues: floats with three decimals, what is None left out."""
    return [
        KeyValue(key=key, value=f"{value:.3f}" if isinstance(value, float) else str(value))
        for key, value in values.items()
        if value is not None
    ]


class Diagnostics:
    """Publishes a node's health to /diagnostics at 1 Hz; `last` is what was told last.

    The timer runs on the steady clock: with `use_sim_time` and a paused simulation a node must
    still be able to say why it waits.
    """

    def __init__(self, node: Node, collect: Callable[[], Health]) -> None:
        self._node = node
        self._collect = collect
        self.last = Health()
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)
        node.create_timer(1.0, self.publish, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def publish(self) -> None:
        """Publish the health as it is now."""
        health = self.last = self._collect()
        status = DiagnosticStatus(
            level=health.level,
            name=self._node.get_fully_qualified_name().lstrip("/"),
            message=health.message,
            hardware_id="automask_ros",
            values=key_values(health.values),
        )
        array = DiagnosticArray(status=[status])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)
