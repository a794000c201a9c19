"""Images to messages and back: values, headers and times."""

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from automask_ros.errors import AutomaskError
from automask_ros.nodes.image_messages import (
    header_of,
    seconds_of,
    stamp_of,
    to_array,
    to_message,
)


def test_a_picture_survives_the_way_through_a_message():
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    header = Header(stamp=Time(sec=3, nanosec=5), frame_id="eye")
    message = to_message(image, header)
    assert (message.encoding, message.height, message.width, message.step) == ("bgr8", 5, 7, 21)
    assert message.header == header
    assert np.array_equal(to_array(message), image)


def test_instances_are_little_endian_mono16():
    instances = np.array([[0, 1], [258, 65535]], np.uint16)
    message = to_message(instances, Header())
    assert (message.encoding, message.step, message.is_bigendian) == ("mono16", 4, 0)
    assert bytes(message.data) == b"\x00\x00\x01\x00\x02\x01\xff\xff"


def test_a_mask_becomes_0_and_255():
    message = to_message(np.array([[True, False]]), Header())
    assert message.encoding == "mono8"
    assert bytes(message.data) == b"\xff\x00"


def test_a_row_with_padding():
    message = Image(encoding="mono8", height=2, width=2, step=3, data=b"\x01\x02\x99\x03\x04\x99")
    assert to_array(message)[..., 0].tolist() == [[1, 2], [3, 4]]


def test_the_message_of_a_padded_row_has_none():
    padded = Image(encoding="bgr8", height=2, width=1, step=5, data=bytes(range(10)))
    message = to_message(to_array(padded), Header())
    assert (message.step, bytes(message.data)) == (3, bytes([0, 1, 2, 5, 6, 7]))


def test_a_picture_outlives_its_message_and_a_message_its_picture():
    image = np.full((2, 2, 3), 5, np.uint8)
    message = to_message(image, Header())
    image[:] = 6
    picture = to_array(message)
    message.data = []
    assert (picture == 5).all() and not picture.flags.writeable


def test_an_encoding_that_nobody_knows_is_one_line():
    message = Image(encoding="32FC1", height=2, width=2, step=8, data=bytes(16))
    remedies = (
        "'32FC1' is not supported; publish one of: .*bgr8.*; (or install a|cv_bridge refuses)"
    )
    with pytest.raises(AutomaskError, match=remedies) as caught:
        to_array(message)
    assert "\n" not in str(caught.value)


def test_a_long_name_of_an_encoding_is_for_nobody():
    """cv_bridge would match a regular expression against it, and overflow its stack."""
    message = Image(encoding="8UC" + "1" * 1_000_000, height=1, width=1, step=8, data=bytes(8))
    with pytest.raises(AutomaskError, match="is not supported; publish one of: [^;]*$"):
        to_array(message)


def test_a_message_that_is_too_short():
    message = Image(encoding="bgr8", height=2, width=2, step=6, data=bytes(11))
    with pytest.raises(AutomaskError, match="holds 11 bytes, but 2x2 needs 12"):
        to_array(message)


@pytest.mark.parametrize("seconds", [0.0, 1_700_000_000.25, 1_700_000_000.9999999, 0.9999999999])
def test_seconds_and_stamps(seconds):
    assert seconds_of(stamp_of(seconds)) == pytest.approx(seconds, abs=2.5e-7)
    assert 0 <= stamp_of(seconds).nanosec < 1_000_000_000


@pytest.mark.parametrize(("seconds", "whole"), [(1e300, 2**31 - 1), (-5e9, -(2**31))])
def test_a_time_that_no_stamp_holds_can_be_sent_all_the_same(seconds, whole):
    """A view of a stranger's library may tell of any; to send it would end the node."""
    sent = deserialize_message(serialize_message(stamp_of(seconds)), Time)
    assert sent == Time(sec=whole, nanosec=0)


def test_the_header_of_a_view():
    header = header_of(12.5, {"frame_id": "eye"})
    assert (header.stamp.sec, header.stamp.nanosec, header.frame_id) == (12, 500_000_000, "eye")
    assert header_of(12.5, None).frame_id == ""
