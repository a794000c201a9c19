"""A publisher that knows who cannot hear it, and who holds it up."""

from __future__ import annotations

import time
from typing import Any

from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import (
    QoSCompatibility,
    QoSProfile,
    QoSReliabilityPolicy,
    qos_check_compatible,
)
from rclpy.topic_endpoint_info import TopicEndpointInfo

from automask_ros.nodes.meters import LatencyMeter
from automask_ros.nodes.qos import PUBLISHER, output_qos, overridable, override_name, words
from automask_ros.nodes.transport_remedy import uses_fast_dds

PATIENCE = 3.0
"""Seconds for which a subscriber may leave messages without an answer, or hold up the sending."""
LOOK_PERIOD = 0.5
"""Seconds between two looks at whether everything sent was acknowledged."""


class WatchedPublisher:
    """A lifecycle publisher, its QoS overridable, that says what is wrong with its subscribers.

    A subscriber that hangs (stopped by Ctrl-Z, in a debugger) holds nothing back: of a queue that
    keeps the last messages, the oldest is given up. But each of them is sent to it again and again,
    which makes sending slow, until the middleware takes it for dead (after 10 to 20 s).
    """

    def __init__(self, node: LifecycleNode, kind: type, topic: str) -> None:
        self._node = node
        self.topic = node.resolve_topic_name(topic)
        self._publisher: Any = node.create_lifecycle_publisher(
            kind,
            topic,
            output_qos(),
            qos_overriding_options=overridable(node, PUBLISHER, self.topic, output_qos()),
        )
        self._qos = self._publisher.qos_profile
        self._durations = LatencyMeter()
        self._sending_since: float | None = None
        self._last_look = time.monotonic()
        self._unanswered_since: float | None = None
        # Cyclone DDS acknowledges in batches: at 20 messages a second some are always open.
        self._answers_at_once = uses_fast_dds()

    def publish(self, message: Any) -> None:
        """Publish a message, or one that is serialized; nothing goes out while the node is
        inactive."""
        self._look()
        self._sending_since = started = time.monotonic()
        self._publisher.publish(message)
        self._sending_since = None
        self._durations.add(time.monotonic() - started)

    def get_subscription_count(self) -> int:
        """How many subscribers there are that can hear it."""
        return int(self._publisher.get_subscription_count())

    def destroy(self) -> None:
        """Leave the topic."""
        self._node.destroy_lifecycle_publisher(self._publisher)

    def problem(self) -> str | None:
        """Which subscriber gets nothing or hangs, with the remedy, in one line; None if none."""
        subscribers = self._node.get_subscriptions_info_by_topic(self.topic)
        offered = self._offered()
        if offered is None:
            return None
        for subscriber in subscribers:
            fit, reason = qos_check_compatible(offered, subscriber.qos_profile)
            if fit == QoSCompatibility.ERROR:
                return f"{_name(subscriber)} gets nothing from {self.topic}: {self._cure(reason)}"
        return self._hold_up([_name(s) for s in subscribers if _is_reliable(s)])

    def _offered(self) -> QoSProfile | None:
        """The QoS as others see it: what our own profile leaves open stands there as 0, which
        compares as stricter than their 'for ever'."""
        own = (self._node.get_name(), self._node.get_namespace())
        for publisher in self._node.get_publishers_info_by_topic(self.topic):
            if (publisher.node_name, publisher.node_namespace) == own:
                return publisher.qos_profile
        return None

    def _look(self) -> None:
        """See whether all that was sent before has arrived: a frame's time should be enough."""
        now = time.monotonic()
        if not self._answers_at_once or now - self._last_look < LOOK_PERIOD:
            return
        self._last_look = now
        if self._answered():
            self._unanswered_since = None
        elif self._unanswered_since is None:
            self._unanswered_since = now

    def _answered(self) -> bool:
        return bool(self._publisher.wait_for_all_acked(Duration()))

    def _hold_up(self, suspects: list[str]) -> str | None:
        now, sending, unanswered = time.monotonic(), self._sending_since, self._unanswered_since
        who = ("one of " if len(suspects) > 1 else "") + (", ".join(suspects) or "somebody")
        remedy = "resume or end it, or let it subscribe at best effort"
        if sending is not None and now - sending > PATIENCE:
            return f"{who} holds up {self.topic} for {now - sending:.0f} s: {remedy}"
        # Asked once more: it may have come back, or left, since the last message was sent.
        if unanswered is None or now - unanswered < PATIENCE or self._answered():
            return None
        return (
            f"{who} has not answered on {self.topic} for {now - unanswered:.0f} s, "
            f"sending takes {self._durations.median_ms():.1f} ms: {remedy}"
        )

    def _cure(self, reason: str) -> str:
        offered = f"{self._qos.reliability.name}, {self._qos.durability.name}"
        cure = f"{words(reason)}; let it ask for {offered.lower()}"
        if self._qos.reliability == QoSReliabilityPolicy.BEST_EFFORT:
            cure += f", or set {override_name(PUBLISHER, self.topic, 'reliability')} to reliable"
        return cure


def _name(subscriber: TopicEndpointInfo) -> str:
    return f"{subscriber.node_namespace.rstrip('/')}/{subscriber.node_name}"


def _is_reliable(subscriber: TopicEndpointInfo) -> bool:
    return bool(subscriber.qos_profile.reliability == QoSReliabilityPolicy.RELIABLE)
