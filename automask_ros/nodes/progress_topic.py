"""A node's `~/progress`: how far its work is, told whenever that changes."""

from __future__ import annotations

from collections.abc import Mapping

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node

from automask_ros.nodes.diagnostics import key_values
from automask_ros.nodes.qos import latched


class ProgressTopic:
    """Publishes a DiagnosticStatus, latched: whoever comes late hears the last word."""

    def __init__(self, node: Node, topic: str = "~/progress") -> None:
        self._name = node.get_name()
        self._publisher = node.create_publisher(DiagnosticStatus, topic, latched())
        self.status = DiagnosticStatus()

    def tell(self, level: bytes, message: str, values: Mapping[str, object]) -> None:
        """Publish a message with its figures, unless it is the last one again."""
        status = DiagnosticStatus(
            level=level,
            name=self._name,
            message=message,
            hardware_id="automask_ros",
            values=key_values(values),
        )
        if status != self.status:
            self.status = status
            self._publisher.publish(status)
