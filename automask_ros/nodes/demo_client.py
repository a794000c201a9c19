"""What the demo hears from the four nodes and asks of them: topics and services, nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from diagnostic_msgs.msg import DiagnosticStatus
from rcl_interfaces.srv import SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, QoSReliabilityPolicy
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection2DArray, VisionInfo

from automask_ros.errors import AutomaskError
from automask_ros.nodes.qos import latched

#: A node's first answer may have to wait for its imports on a busy machine.
SERVICE_PATIENCE = 90.0
_POLL_SECONDS = 0.05
_RELIABLE = QoSProfile(depth=50, reliability=QoSReliabilityPolicy.RELIABLE)

_Value = TypeVar("_Value")
Stamp = tuple[int, int]


class DemoClient:
    """Listens to the nodes and calls their services; every wait has an end."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._executor = SingleThreadedExecutor(context=node.context)
        self._executor.add_node(node)
        self._clients: dict[str, Any] = {}
        self.views = 0
        self.last_view_at: float | None = None
        self.progress: DiagnosticStatus | None = None
        self.live_model = ""
        self.detections: dict[Stamp, Detection2DArray] = {}
        self.instances: dict[Stamp, Image] = {}
        listen = node.create_subscription
        # Raw: only the moment at which a view was kept matters.
        listen(Image, "capture/view", self._on_view, _RELIABLE, raw=True)
        listen(DiagnosticStatus, "trainer/progress", self._on_progress, latched())
        listen(VisionInfo, "detector/vision_info", self._on_model, latched())
        listen(Detection2DArray, "detector/detections", self._on_detections, _RELIABLE)
        listen(Image, "detector/instances", self._on_instances, _RELIABLE)

    def spin(self, seconds: float) -> None:
        """Listen for a while."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left)

    def wait_for(self, condition: Callable[[], _Value], seconds: float) -> _Value:
        """Listen until `condition()` is true; its last value, which is false after `seconds`."""
        until = time.monotonic() + seconds
        while not (value := condition()) and time.monotonic() < until:
            self._executor.spin_once(timeout_sec=_POLL_SECONDS)
        return value

    def call(self, name: str) -> str:
        """Call a Trigger service; its message. AutomaskError when it is refused or not answered."""
        answer = self._call(Trigger, name, Trigger.Request())
        if not answer.success:
            raise AutomaskError(f"{name} was refused: {answer.message}")
        return str(answer.message)

    def set_parameter(self, node: str, name: str, value: bool | int | float | str) -> None:
        """Set a parameter of a running node; AutomaskError when it is refused or not answered."""
        request = SetParameters.Request(
            parameters=[Parameter(name, value=value).to_parameter_msg()]
        )
        result = self._call(SetParameters, f"{node}/set_parameters", request).results[0]
        if not result.successful:
            raise AutomaskError(f"parameter {name} of {node} was refused: {result.reason}")

    def wait_for_services(self, *names: str) -> None:
        """AutomaskError when one of these Trigger services does not come up."""
        for name in names:
            self._ready(Trigger, name)

    def progress_values(self) -> dict[str, str]:
        """What the trainer's last progress says, by key."""
        return {item.key: item.value for item in self.progress.values} if self.progress else {}

    def close(self) -> None:
        """Listen no more."""
        self._executor.shutdown()

    def _call(self, kind: Any, name: str, request: Any) -> Any:
        future = self._ready(kind, name).call_async(request)
        if not self.wait_for(future.done, SERVICE_PATIENCE):
            raise AutomaskError(f"{name} gave no answer within {SERVICE_PATIENCE:.0f} s")
        return future.result()

    def _ready(self, kind: Any, name: str) -> Any:
        if name not in self._clients:
            self._clients[name] = self._node.create_client(kind, name)
        client = self._clients[name]
        if not self.wait_for(client.service_is_ready, SERVICE_PATIENCE):
            raise AutomaskError(
                f"the service {name} did not come up within {SERVICE_PATIENCE:.0f} s: "
                f"see the log of {name.partition('/')[0]}"
            )
        return client

    def _on_view(self, _: bytes) -> None:
        self.views += 1
        self.last_view_at = time.monotonic()

    def _on_progress(self, message: DiagnosticStatus) -> None:
        self.progress = message

    def _on_model(self, message: VisionInfo) -> None:
        self.live_model = message.database_location

    def _on_detections(self, message: Detection2DArray) -> None:
        self.detections[_stamp(message)] = message

    def _on_instances(self, message: Image) -> None:
        self.instances[_stamp(message)] = message


def _stamp(message: Detection2DArray | Image) -> Stamp:
    return message.header.stamp.sec, message.header.stamp.nanosec
