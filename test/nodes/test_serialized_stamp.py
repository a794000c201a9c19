"""Stamps in serialized messages, as rclpy and other writers lay them down."""

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from automask_ros.errors import AutomaskError
from automask_ros.nodes.serialized_stamp import nanoseconds_of, read_stamp, with_stamp

STAMP = Time(sec=1_700_000_000, nanosec=999_999_999)


@pytest.mark.parametrize("kind", [Image, CompressedImage, CameraInfo])
def test_the_stamp_is_read_and_replaced(kind):
    serialized = serialize_message(kind(header=Header(stamp=STAMP, frame_id="eye")))
    assert read_stamp(serialized) == STAMP
    other = with_stamp(serialized, Time(sec=-1, nanosec=5))
    assert read_stamp(other) == Time(sec=-1, nanosec=5)
    message = deserialize_message(other, kind)
    assert message.header == Header(stamp=Time(sec=-1, nanosec=5), frame_id="eye")


def test_a_message_of_the_other_byte_order():
    big = b"\x00\x00\x00\x00" + np.array([7, 9], ">u4").tobytes()
    assert read_stamp(big) == Time(sec=7, nanosec=9)
    assert with_stamp(big, Time(sec=8, nanosec=10))[4:] == np.array([8, 10], ">u4").tobytes()


def test_too_few_bytes():
    for length in range(12):
        with pytest.raises(AutomaskError, match=f"a message of {length} bytes is no camera's"):
            read_stamp(bytes(length))


def test_nanoseconds():
    assert nanoseconds_of(STAMP) == 1_700_000_000_999_999_999
