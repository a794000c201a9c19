"""std_srvs/Trigger services whose action returns its message, or raises it."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from std_srvs.srv import Trigger

from automask_ros.errors import AutomaskError
from automask_ros.library.files import described
from automask_ros.nodes.desk import Desk


def create_trigger(
    node: Node, name: str, action: Callable[[], str], desk: Desk | None = None
) -> None:
    """Offer the service `name`: what `action` returns is the answer, an AutomaskError a refusal.

    An action that reads or writes is done at a `desk`; other callbacks come meanwhile.
    """

    async def answer(_: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
            response.message = await desk.ask(action) if desk else action()
            response.success = True
        except (AutomaskError, OSError) as error:
            response.message = described(error)
            response.success = False
        return response

    # In a group of its own: one that waits for its answer would hold up all others of its group.
    node.create_service(Trigger, name, answer, callback_group=MutuallyExclusiveCallbackGroup())
