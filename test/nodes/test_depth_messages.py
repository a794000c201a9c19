"""Localised instances as vision_msgs and points, value by value and byte by byte."""

import struct

import numpy as np
from builtin_interfaces.msg import Time
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header
from vision_msgs.msg import Detection3DArray

from automask_ros.detection.localisation import LocalisedInstance
from automask_ros.detection.oriented_box import OrientedBox
from automask_ros.nodes.depth_messages import to_detection_3d_array, to_point_cloud
from automask_ros.types import Detections, PlacedMask

HEADER = Header(stamp=Time(sec=7, nanosec=9), frame_id="eye")
# A third of a turn about the diagonal of space: x becomes y, y becomes z.
THIRD = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
DETECTIONS = Detections(
    boxes=np.zeros((3, 4), np.float32),
    scores=np.array([0.75, 0.5, 0.25], np.float32),
    class_ids=np.array([2, 1, 2], np.int32),
    labels=("mug", "can", "mug"),
    masks=(PlacedMask(0, 0, np.ones((3, 3), bool)),) * 3,
    image_size=(80, 60),
)
FIRST = LocalisedInstance(
    0,
    np.array([[1, 2, 3], [4, 5, 6]], np.float32),
    OrientedBox(np.array([0.1, -0.2, 0.75]), THIRD, np.array([0.5, 0.25, 0.125])),
)
# The points of `localise` lie in memory coordinate by coordinate.
LAST = LocalisedInstance(
    2,
    np.array([[-1, 0.5], [-2, 0.25], [7, 8]], np.float32).T,
    OrientedBox(np.array([0.0, 0.0, 2.0]), np.eye(3), np.array([0.3, 0.2, 0.1])),
)


def over_the_wire(message):
    return deserialize_message(serialize_message(message), type(message))


def test_poses_sizes_labels_and_scores():
    message = over_the_wire(to_detection_3d_array([FIRST, LAST], DETECTIONS, HEADER))
    assert isinstance(message, Detection3DArray) and message.header == HEADER
    first, last = message.detections
    assert first.header == HEADER and first.id == ""
    pose = first.bbox.center
    assert (pose.position.x, pose.position.y, pose.position.z) == (0.1, -0.2, 0.75)
    turn = pose.orientation
    assert np.allclose((turn.x, turn.y, turn.z, turn.w), 0.5)
    assert (first.bbox.size.x, first.bbox.size.y, first.bbox.size.z) == (0.5, 0.25, 0.125)
    (result,) = first.results
    assert (result.hypothesis.class_id, result.hypothesis.score) == ("mug", 0.75)
    assert result.pose.pose == pose
    assert (last.results[0].hypothesis.class_id, last.results[0].hypothesis.score) == ("mug", 0.25)
    assert last.bbox.center.orientation.w == 1.0 and last.bbox.center.position.z == 2.0


def test_ids_are_those_of_the_detections():
    message = to_detection_3d_array([FIRST, LAST], DETECTIONS, HEADER, ["4", "7", "9"])
    assert [detection.id for detection in message.detections] == ["4", "9"]


def test_the_points_byte_by_byte():
    cloud = over_the_wire(to_point_cloud([FIRST, LAST], HEADER))
    assert cloud.header == HEADER
    assert (cloud.height, cloud.width, cloud.point_step, cloud.row_step) == (1, 4, 16, 64)
    assert cloud.is_dense
    assert [(field.name, field.offset, field.datatype, field.count) for field in cloud.fields] == [
        ("x", 0, PointField.FLOAT32, 1),
        ("y", 4, PointField.FLOAT32, 1),
        ("z", 8, PointField.FLOAT32, 1),
        ("instance", 12, PointField.UINT32, 1),
    ]
    order = ">" if cloud.is_bigendian else "<"
    assert list(struct.iter_unpack(f"{order}fffI", bytes(cloud.data))) == [
        (1, 2, 3, 1),
        (4, 5, 6, 1),
        (-1, -2, 7, 3),
        (0.5, 0.25, 8, 3),
    ]


def test_nothing_localised():
    assert to_detection_3d_array([], DETECTIONS, HEADER) == Detection3DArray(header=HEADER)
    cloud = over_the_wire(to_point_cloud([], HEADER))
    assert isinstance(cloud, PointCloud2)
    assert (cloud.width, cloud.row_step, len(cloud.data), len(cloud.fields)) == (0, 0, 0, 4)
