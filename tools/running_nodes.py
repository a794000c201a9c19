"""What the running nodes offer: topics with their QoS, services, parameters and diagnostics.

Each node is started in this process, in a namespace of its own so that none hears another, and is
asked through rclpy what it has. A further node is a further line in NODES.
"""

from __future__ import annotations

import importlib
import itertools
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, QoSReliabilityPolicy

from automask_ros.nodes.capture_node import CaptureNode
from automask_ros.nodes.detector_node import DetectorNode
from automask_ros.nodes.mask_generation_node import MaskGenerationNode
from automask_ros.nodes.replay_node import ReplayNode
from automask_ros.nodes.teach_node import TeachNode
from automask_ros.nodes.trainer_node import TrainerNode
from automask_ros.resources import sample_directory

NODES: dict[str, Callable[[], Node]] = {
    "capture": CaptureNode,
    "mask_generator": MaskGenerationNode,
    "trainer": TrainerNode,
    "detector": DetectorNode,
    "teach": TeachNode,
    "replay": ReplayNode,
}
GIVEN = {"recording": str(sample_directory() / "teach_cup")}
"""Parameters without a default that works, and what is given for them."""
CAMERAS = "[/left/image_raw, /right/image_raw]"
"""`image_topics` where the topics of several cameras are looked at."""
_SETTLING = 3.0
"""Seconds in which a node finds out that it is listened to, and looks into its library once."""
_PATIENCE = 120.0
_RUNS = (f"{os.getpid()}_{number}" for number in itertools.count())


@dataclass(frozen=True, order=True)
class Endpoint:
    """A publisher or a subscription; the topic's name is relative to the node's."""

    topic: str
    way: str
    kind: str
    qos: str


@dataclass(frozen=True)
class Setting:
    """A parameter as its descriptor has it; `topic` is that of a QoS override, empty otherwise."""

    name: str
    kind: str
    default: str
    allowed: str
    when: str
    description: str
    topic: str


@dataclass(frozen=True)
class Offer:
    """What a node has at one time; `diagnostics` are the keys of its values."""

    endpoints: frozenset[Endpoint] = frozenset()
    services: frozenset[tuple[str, str]] = frozenset()
    settings: tuple[Setting, ...] = ()
    diagnostics: tuple[str, ...] = ()

    def beyond(self, other: Offer) -> Offer:
        """What the other has not; all diagnostics."""
        settings = tuple(each for each in self.settings if each not in other.settings)
        endpoints, services = self.endpoints - other.endpoints, self.services - other.services
        return Offer(endpoints, services, settings, self.diagnostics)


@dataclass
class Observed:
    """A node as it starts and while it is listened to; both for each `image_transport` that it
    takes; and listened to with several cameras."""

    plain: Offer
    listened: Offer
    transports: dict[str, tuple[Offer, Offer]] = field(default_factory=dict)
    cameras: Offer = Offer()


def observe() -> dict[str, Observed]:
    """Start every node, and once more for each way in which its topics differ.

    What every node of rclpy has by itself is left out.
    """
    with _running(NODES) as nodes:
        found = {name: Observed(*offers) for name, offers in _offers(nodes).items()}
        transports = {name: _transports(node) for name, node in nodes.items()}
        several = [name for name, node in nodes.items() if node.has_parameter("image_topics")]
    for transport in sorted({each for of in transports.values() for each in of}):
        names = [name for name, of in transports.items() if transport in of]
        with _running(names, image_transport=transport) as nodes:
            for name, offers in _offers(nodes).items():
                found[name].transports[transport] = offers
    with _running(several, image_topics=CAMERAS) as nodes:
        for name, offers in _offers(nodes).items():
            found[name].cameras = offers[1]
    return found


def _transports(node: Node) -> list[str]:
    if not node.has_parameter("image_transport"):
        return []
    words = _choices(node.describe_parameter("image_transport")).split(", ")
    return [word for word in words if word in ("raw", "compressed")]


@contextmanager
def _running(names: Iterable[str], **given: str) -> Iterator[dict[str, Any]]:
    """Nodes that spin, by name, once each has what it starts with."""
    # rclpy keeps a part of a destroyed lifecycle node in the graph: no name comes twice.
    run = next(_RUNS)
    arguments = ["--ros-args", "--log-level", "error"]
    for name in names:
        arguments += ["-r", f"{name}:__ns:=/of_{name}_{run}"]
    for parameter, value in (GIVEN | given).items():
        arguments += ["-p", f"{parameter}:={value}"]  # for the nodes that declare it
    rclpy.init(args=arguments)
    nodes: dict[str, Any] = {}
    executor = SingleThreadedExecutor()
    try:
        for name in names:
            nodes[name] = NODES[name]()
            executor.add_node(nodes[name])
        _spin(executor, lambda: all(_stands(node) for node in nodes.values()))
        yield nodes
    finally:
        for node in nodes.values():
            node.close()
            node.destroy_node()
        executor.shutdown()
        rclpy.try_shutdown()


def _spin(executor: SingleThreadedExecutor, done: Callable[[], bool]) -> None:
    until = time.monotonic() + _PATIENCE
    while not done():
        if time.monotonic() > until:
            raise SystemExit(f"the nodes do not stand after {_PATIENCE:.0f} s")
        executor.spin_once(timeout_sec=0.1)


def _stands(node: Any) -> bool:
    """Whether a node is in the graph with all that it has, its network loaded if it has one; a
    node with a lifecycle is active then."""
    machine = getattr(node, "_state_machine", None)
    if machine is not None and machine.current_state[1] != "active":
        return False
    own = {publisher.topic_name for publisher in node.publishers}
    own |= {subscription.topic_name for subscription in node.subscriptions}
    in_graph = own <= {topic for topic, _ in _graph(node)}
    return in_graph and not node._health().message.startswith("loading")


def _offers(nodes: Mapping[str, Node]) -> dict[str, tuple[Offer, Offer]]:
    """What nodes have as they stand, and while somebody hears all that they publish below their
    own names."""
    plain = {name: _own_offer(node) for name, node in nodes.items()}
    observer = rclpy.create_node("observer")
    best_effort = QoSProfile(depth=1, reliability=QoSReliabilityPolicy.BEST_EFFORT)
    for node in nodes.values():
        own = node.get_fully_qualified_name()
        for endpoint in _endpoints(node):
            if endpoint.way == "out" and endpoint.topic.startswith("~/"):
                package, _, kind = endpoint.kind.split("/")
                message = getattr(importlib.import_module(f"{package}.msg"), kind)
                topic = endpoint.topic.replace("~", own, 1)
                observer.create_subscription(message, topic, lambda _: None, best_effort)
    until = time.monotonic() + _SETTLING
    for node in nodes.values():
        _spin(node.executor, lambda: time.monotonic() > until)
    listened = {name: _own_offer(node) for name, node in nodes.items()}
    observer.destroy_node()
    return {name: (plain[name], listened[name]) for name in nodes}


def _own_offer(node: Any) -> Offer:
    """What a node has now, beyond what rclpy gives to every node."""
    bare = rclpy.create_node("bare", namespace=f"{node.get_namespace()}_bare")
    try:
        return _offer(node, tuple(node._health().values)).beyond(_offer(bare, ()))
    finally:
        bare.destroy_node()


def _offer(node: Node, diagnostics: tuple[str, ...]) -> Offer:
    name, namespace = node.get_name(), node.get_namespace()
    services = node.get_service_names_and_types_by_node(name, namespace)
    return Offer(
        frozenset(_endpoints(node)),
        frozenset((_relative(node, service), kinds[0]) for service, kinds in services),
        tuple(_settings(node)),
        diagnostics,
    )


def _graph(node: Node) -> list[tuple[str, str]]:
    name, namespace = node.get_name(), node.get_namespace()
    published = node.get_publisher_names_and_types_by_node(name, namespace)
    heard = node.get_subscriber_names_and_types_by_node(name, namespace)
    return [(topic, "out") for topic, _ in published] + [(topic, "in") for topic, _ in heard]


def _endpoints(node: Node) -> Iterator[Endpoint]:
    """Of each topic of the graph: type, reliability and durability as others see them, and the
    depth of the queue, which no other process is told, from the node itself."""
    own = {("out", each.topic_name): each.qos_profile.depth for each in node.publishers}
    own |= {("in", each.topic_name): each.qos_profile.depth for each in node.subscriptions}
    itself = (node.get_name(), node.get_namespace())
    asked = {
        "out": node.get_publishers_info_by_topic,
        "in": node.get_subscriptions_info_by_topic,
    }
    for topic, way in _graph(node):
        for info in asked[way](topic):
            if (info.node_name, info.node_namespace) == itself:
                qos, depth = info.qos_profile, own.get((way, topic))
                words = [qos.reliability.name, qos.durability.name]
                # What rcl itself publishes, below rclpy, has no depth that could be asked for.
                words += [str(depth)] if depth is not None else []
                offered = ", ".join(words).lower().replace("_", " ")
                yield Endpoint(_relative(node, topic), way, info.topic_type, offered)


def _relative(node: Node, name: str) -> str:
    """A name as it is written in the node's code."""
    own, namespace = node.get_fully_qualified_name(), node.get_namespace()
    if name.startswith(own + "/"):
        return "~" + name.removeprefix(own)
    return name.removeprefix(namespace + "/")


def _settings(node: Any) -> Iterator[Setting]:
    for name in node._parameters:  # in the order in which they were declared
        descriptor = node.describe_parameter(name)
        parameter = node.get_parameter_or(name, Parameter(name))
        shown, description, topic = name, descriptor.description, ""
        if name.startswith("qos_overrides."):
            whole = name.removeprefix("qos_overrides.").rsplit(".", 2)[0]
            topic = _relative(node, whole)
            shown, description = (text.replace(whole, "TOPIC") for text in (name, description))
        yield Setting(
            shown,
            # An empty list is of no type, and there are no others.
            parameter.type_.name.lower().replace("not_set", "string_array").replace("_", " "),
            "must be given" if name in GIVEN else _written(parameter.value),
            _allowed(descriptor, parameter.value),
            "start" if descriptor.read_only else "any time",
            description,
            topic,
        )


def _written(value: Any) -> str:
    if value is None:
        return "`[]`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    text = f"[{', '.join(value)}]" if isinstance(value, list) else str(value)
    return f"`{text}`" if text else "empty"


def _allowed(descriptor: Any, value: Any) -> str:
    for bounds in (*descriptor.integer_range, *descriptor.floating_point_range):
        return f"{bounds.from_value:.10g} to {bounds.to_value:.10g}"
    return "true, false" if isinstance(value, bool) else _choices(descriptor)


def _choices(descriptor: Any) -> str:
    return str(descriptor.additional_constraints).removeprefix("one of: ")
