"""The node capture in this process, its frames given by hand."""

import numpy as np
import pytest
import rclpy
from rclpy.parameter import Parameter
from rclpy.serialization import serialize_message
from std_msgs.msg import Header

from automask_ros.nodes.capture_node import CaptureNode
from automask_ros.nodes.image_messages import to_message


@pytest.fixture
def capture(tmp_path):
    arguments = ("library", tmp_path / "library"), ("views", 1), ("auto_start", "true")
    given = [word for name, value in arguments for word in ("-p", f"{name}:={value}")]
    rclpy.init(args=["--ros-args", *given], domain_id=99)
    node = CaptureNode()
    node._worker.close()  # frames are taken by the test
    yield node
    node.close()
    node.destroy_node()
    rclpy.shutdown()


def frame(seed):
    pixels = np.random.default_rng(seed).integers(0, 255, (48, 64, 3), np.uint8)
    return serialize_message(to_message(pixels, Header()))


def test_frames_that_wait_when_all_views_are_there_do_not_replace_one_that_is_undone(capture):
    for seed in range(3):
        capture._on_frame(frame(seed))
    capture._take(frame(4))
    assert capture._session.count == 1
    assert len(capture._slot) == 0
    assert "undone" in capture.undo()
    capture._take(frame(5))
    assert capture._session.count == 0, "nobody called start"
    capture.start()
    capture._take(frame(6))
    assert capture._session.count == 1


def test_fewer_views_that_are_all_there_end_the_showing(capture):
    capture.set_parameters([Parameter("views", value=3)])
    capture.start()
    for seed in (4, 5):
        capture._take(frame(seed))
    capture.set_parameters([Parameter("views", value=2)])
    assert capture._session.complete
    capture.set_parameters([Parameter("label", value="bottle")])
    assert capture._health().values["state"] == "stopped"
    capture._take(frame(6))
    assert capture._session.count == 0, "nobody called start"
