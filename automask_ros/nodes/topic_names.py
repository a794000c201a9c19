"""Topics that a parameter names: whether they are names, and each a topic of its own."""

from __future__ import annotations

from collections.abc import Iterable

from rclpy.node import Node

from automask_ros.errors import AutomaskError


def whole_name(node: Node, name: str) -> str:
    """A topic's whole name, its remapping done; AutomaskError, in one line, where it is none."""
    try:
        return str(node.resolve_topic_name(name))
    except RuntimeError as error:
        # "failed to resolve name: WHY, at FILE:LINE", in which FILE is of ROS.
        reason = str(error).partition(": ")[2].partition(", at ")[0]
        raise AutomaskError(f"{name!r} is not the name of a topic: {reason or error}") from error


def check_different(node: Node, parameter: str, names: Iterable[str]) -> None:
    """AutomaskError where one of the `names`, which a parameter gives, is no topic's, or where two
    of them are one topic once they are whole and remapped."""
    found: dict[str, str] = {}
    for name in names:
        try:
            whole = whole_name(node, name)
        except AutomaskError as error:
            raise AutomaskError(f"parameter {parameter}: {error}") from error
        if whole in found:
            raise AutomaskError(
                f"parameter {parameter}: {found[whole]!r} and {name!r} are one topic, {whole}"
            )
        found[whole] = name
