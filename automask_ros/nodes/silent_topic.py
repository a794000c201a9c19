"""Why a topic that has publishers delivers nothing, with the remedy."""

from __future__ import annotations

from rclpy.node import Node
from rclpy.qos import QoSCompatibility, QoSProfile, qos_check_compatible

from automask_ros.nodes.qos import words
from automask_ros.nodes.transport_remedy import transport_remedy


def why_silent(
    node: Node,
    topic: str,
    kind: str,
    qos: QoSProfile,
    seconds: float,
    *,
    name: str,
    qos_cure: str = "change the publisher",
) -> str | None:
    """In one line, after `seconds` of silence; None where nobody publishes `topic` at all.

    `kind` is the type that was subscribed to with `qos`, `name` what is to be remapped.
    """
    publishers = node.get_publishers_info_by_topic(topic)
    if not publishers:
        return None
    if all(publisher.topic_type != kind for publisher in publishers):
        return f"{topic} carries {publishers[0].topic_type}, not {kind}: remap {name}"
    for publisher in publishers:
        fit, reason = qos_check_compatible(publisher.qos_profile, qos)
        if fit == QoSCompatibility.ERROR:
            return f"{topic}: QoS of its publisher does not fit: {words(reason)}: {qos_cure}"
    return (
        f"{topic} has {len(publishers)} publisher(s) but delivered nothing for {seconds:.0f} s: "
        f"check that the camera runs, and {transport_remedy()}"
    )
