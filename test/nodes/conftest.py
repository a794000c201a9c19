"""Fixtures of the tests of nodes and of what they are made of."""

import pytest
import rclpy
from rclpy.context import Context


@pytest.fixture
def make_node():
    """Makes nodes of any name and namespace, with arguments for ROS."""
    context = Context()
    rclpy.init(context=context, domain_id=99)
    nodes = []

    def make(*arguments, name="test", namespace="/"):
        node = rclpy.create_node(
            name,
            context=context,
            namespace=namespace,
            cli_args=["--ros-args", *arguments] if arguments else [],
        )
        nodes.append(node)
        return node

    yield make
    for node in nodes:
        node.destroy_node()
    rclpy.try_shutdown(context=context)
