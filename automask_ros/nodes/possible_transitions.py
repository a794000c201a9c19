"""A lifecycle node that answers a transition which its state does not allow, and lives on."""

from __future__ import annotations

from typing import Any

from lifecycle_msgs.srv import ChangeState
from rclpy.lifecycle import LifecycleNode


def refuse_impossible_transitions(node: LifecycleNode) -> None:
    """Answer a transition that the node's state does not allow with no success.

    rclpy raises in the service's callback, which would end the process.
    """
    # What rclpy holds of the node's life cycle is in none of its types.
    life: Any = node
    service, machine = life._service_change_state, life._state_machine
    change = service.callback

    def guarded(request: ChangeState.Request, response: ChangeState.Response) -> Any:
        possible, wanted = machine.available_transitions, request.transition
        if any(wanted.label == row[1] if wanted.label else wanted.id == row[0] for row in possible):
            return change(request, response)
        response.success = False
        return response

    service.callback = guarded
