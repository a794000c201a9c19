"""What is believed of a CameraInfo."""

import pytest
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from automask_ros.library.message_faults import BadMessage, Fault
from automask_ros.nodes.camera_infos import read_camera_info


def test_a_good_one_is_read_as_it_is():
    info = CameraInfo(header=Header(frame_id="eye"), distortion_model="rational_polynomial")
    info.d, info.k = [0.5] * 14, [float(n) for n in range(9)]
    assert read_camera_info(serialize_message(info)) == info


@pytest.mark.parametrize(
    ("info", "kind", "words"),
    [
        (CameraInfo(d=[0.0] * 65), Fault.CAMERA, "65 distortion coefficients, where up to 64"),
        (CameraInfo(distortion_model="x" * 1025), Fault.TEXT, "a text of 1025 letters"),
        (CameraInfo(header=Header(frame_id="x" * 2000)), Fault.TEXT, "a text of 2000 letters"),
    ],
)
def test_what_would_be_written_beside_every_view_has_bounds(info, kind, words):
    with pytest.raises(BadMessage, match=words) as caught:
        read_camera_info(serialize_message(info))
    assert caught.value.kind is kind


def test_one_that_breaks_off_is_refused_wherever_it_does():
    data = serialize_message(CameraInfo(header=Header(frame_id="eye"), d=[1.0] * 5))
    for length in range(len(data) - 8):
        with pytest.raises(BadMessage, match="damaged") as caught:
            read_camera_info(data[:length])
        assert caught.value.kind is Fault.SERIALIZED
