"""Messages from bytes that anybody may have sent."""

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo
from vision_msgs.msg import VisionInfo

from automask_ros.library.message_faults import BadMessage
from automask_ros.nodes.serialized_messages import read_message

MESSAGES = [
    CameraInfo(height=6, width=8, d=[0.5] * 5),
    VisionInfo(method="mask_rcnn", database_version=3),
    DiagnosticStatus(message="turn the mug"),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda each: type(each).__name__)
def test_what_was_written_is_read(message):
    assert read_message(serialize_message(message), type(message)) == message


@pytest.mark.parametrize("message", MESSAGES, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("length", range(8))
def test_a_header_that_promises_filling_ends_nothing(message, length):
    """Fast CDR 2 ends the process at some of them."""
    for filling in range(4):
        damaged = (bytes([0, 1, 0, filling]) + b"\xff\x01\x00\xff")[:length]
        with pytest.raises(BadMessage, match=f"a damaged {type(message).__name__} of {length} "):
            read_message(damaged, type(message))
