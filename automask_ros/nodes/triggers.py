"""std_srvs/Trigger services whose action returns its message, or raises it."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node
from std_srvs.srv import Trigger

from automask_ros.errors import AutomaskError


def create_trigger(node: Node, name: str, action: Callable[[], str]) -> None:
    """Offer the service `name`: what `action` returns is the answer, an AutomaskError a refusal."""

    def answer(_: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
            response.message = action()
            response.success = True
        except AutomaskError as error:
            response.message = str(error)
            response.success = False
        return response

    node.create_service(Trigger, name, answer)
