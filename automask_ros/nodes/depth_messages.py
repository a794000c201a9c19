"""What was localised, as vision_msgs and as a cloud of points."""

from __future__ import annotations

import array
import sys
from collections.abc import Sequence

import numpy as np
from geometry_msgs.msg import Point, Pose, Quaternion, Vector3
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header
from vision_msgs.msg import Detection3D, Detection3DArray, ObjectHypothesisWithPose

from automask_ros.detection.localisation import LocalisedInstance
from automask_ros.types import Detections

#: A point's fields, four bytes each.
_FIELDS = {
    "x": (np.float32, PointField.FLOAT32),
    "y": (np.float32, PointField.FLOAT32),
    "z": (np.float32, PointField.FLOAT32),
    "instance": (np.uint32, PointField.UINT32),
}
_POINT = np.dtype([(name, kind) for name, (kind, _) in _FIELDS.items()])


def to_detection_3d_array(
    instances: Sequence[LocalisedInstance],
    detections: Detections,
    header: Header,
    ids: Sequence[str] = (),
) -> Detection3DArray:
    """The instances in their order, under the source image's own header.

    As in Detection2D, `class_id` is the label itself. `ids` has one entry per detection, or none.
    """
    message = Detection3DArray(header=header)
    for instance in instances:
        label = detections.labels[instance.index]
        score = float(detections.scores[instance.index])
        detection = _to_detection_3d(instance, label, score, header)
        if ids:
            detection.id = ids[instance.index]
        message.detections.append(detection)
    return message


def _to_detection_3d(
    instance: LocalisedInstance, label: str, score: float, header: Header
) -> Detection3D:
    detection = Detection3D(header=header)
    x, y, z = instance.box.centre.tolist()
    qx, qy, qz, qw = instance.box.quaternion
    pose = Pose(position=Point(x=x, y=y, z=z), orientation=Quaternion(x=qx, y=qy, z=qz, w=qw))
    detection.bbox.center = pose
    x, y, z = instance.box.size.tolist()
    detection.bbox.size = Vector3(x=x, y=y, z=z)
    result = ObjectHypothesisWithPose()
    result.hypothesis.class_id = label
    result.hypothesis.score = score
    result.pose.pose = pose
    detection.results.append(result)
    return detection


def to_point_cloud(instances: Sequence[LocalisedInstance], header: Header) -> PointCloud2:
    """The points of all instances, one after the other, under the source image's own header.

    Fields x, y, z in metres and `instance`: points of value *i* are those of detection *i - 1*, as
    in the picture of instances.
    """
    points = np.empty(sum(len(instance.points) for instance in instances), _POINT)
    start = 0
    for instance in instances:
        own = points[start : start + len(instance.points)]
        own["x"], own["y"], own["z"] = instance.points.T
        own["instance"] = instance.index + 1
        start += len(own)
    message = PointCloud2(
        header=header,
        height=1,
        width=len(points),
        is_bigendian=sys.byteorder == "big",
        point_step=_POINT.itemsize,
        row_step=points.nbytes,
        is_dense=True,
    )
    message.fields = [
        PointField(name=name, offset=4 * place, datatype=datatype, count=1)
        for place, (name, (_, datatype)) in enumerate(_FIELDS.items())
    ]
    # The generated setter copies an ndarray element by element; an array of bytes it takes whole.
    message.data = array.array("B")
    message.data.frombytes(points.view(np.uint8).data)
    return message
