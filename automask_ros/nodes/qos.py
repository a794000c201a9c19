"""Qualities of service that several nodes share, and the parameters that override them."""

from __future__ import annotations

from rclpy.node import Node
from rclpy.qos import QoSDurabilityPolicy, QoSProfile, QoSReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

from automask_ros.nodes.parameters import Parameters, ParameterSpec

SUBSCRIPTION = "subscription"
PUBLISHER = "publisher"
LONGEST_QUEUE = 1000
"""Messages: a deeper queue of pictures would be the machine's memory."""


def latched() -> QoSProfile:
    """Reliable, and the last message goes to whoever subscribes later."""
    return QoSProfile(
        depth=1,
        reliability=QoSReliabilityPolicy.RELIABLE,
        durability=QoSDurabilityPolicy.TRANSIENT_LOCAL,
    )


def camera_qos() -> QoSProfile:
    """The newest frames at best effort: it takes what any camera offers, reliable or not."""
    return QoSProfile(depth=5, reliability=QoSReliabilityPolicy.BEST_EFFORT)


def output_qos() -> QoSProfile:
    """Reliable: whoever wants every message gets every message, also a best-effort subscriber."""
    return QoSProfile(depth=10, reliability=QoSReliabilityPolicy.RELIABLE)


def override_name(entity: str, topic: str, policy: str) -> str:
    """The parameter that overrides a policy; `topic` is whole, its remapping done."""
    return f"qos_overrides.{topic}.{entity}.{policy}"


def overridable(node: Node, entity: str, topic: str, default: QoSProfile) -> QoSOverridingOptions:
    """Declare the overrides of a topic, once, and return what makes rclpy apply them.

    rclpy would declare them too, but take any value: a queue of no message, or one that keeps all,
    at which publishing fails. Raises AutomaskError when a value given at start is refused.
    """
    if not node.has_parameter(override_name(entity, topic, "depth")):
        Parameters(node, _override_table(entity, topic, default))
    return QoSOverridingOptions.with_default_policies()


def _override_table(entity: str, topic: str, default: QoSProfile) -> tuple[ParameterSpec, ...]:
    return (
        ParameterSpec(
            override_name(entity, topic, "history"),
            "keep_last",
            f"What the {entity}'s queue of {topic} keeps",
            choices=("keep_last",),
        ),
        ParameterSpec(
            override_name(entity, topic, "depth"),
            default.depth,
            f"Messages in the {entity}'s queue of {topic}",
            minimum=1,
            maximum=LONGEST_QUEUE,
        ),
        ParameterSpec(
            override_name(entity, topic, "reliability"),
            default.reliability.name.lower(),
            f"Whether what the {entity} of {topic} loses is sent again",
            choices=("reliable", "best_effort"),
        ),
    )


def words(reason: str) -> str:
    """What `qos_check_compatible` gives as the reason, in words for people."""
    faults = [fault.strip() for fault in reason.split("ERROR:") if fault.strip()]
    return ", ".join(fault.partition(";")[0].lower() for fault in faults)
