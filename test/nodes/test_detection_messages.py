"""Detections as vision_msgs, value by value."""

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from automask_ros.nodes.detection_messages import (
    to_detection_array,
    to_label_info,
    to_vision_info,
)
from automask_ros.types import Detections, PlacedMask


def detections():
    return Detections(
        boxes=np.array([[10, 20, 30, 60], [0.5, 1, 2.5, 4]], np.float32),
        scores=np.array([0.75, 0.5], np.float32),
        class_ids=np.array([2, 1], np.int32),
        labels=("mug", "can"),
        masks=(
            PlacedMask(20, 10, np.ones((40, 20), bool)),
            PlacedMask(1, 0, np.ones((3, 3), bool)),
        ),
        image_size=(80, 60),
    )


def test_order_labels_scores_and_boxes():
    header = Header(stamp=Time(sec=7, nanosec=9), frame_id="eye")
    message = to_detection_array(detections(), header)
    assert message.header == header
    first, second = message.detections
    assert first.header == header
    assert (first.id, second.id) == ("", "")
    assert (first.bbox.center.position.x, first.bbox.center.position.y) == (20.0, 40.0)
    assert (first.bbox.size_x, first.bbox.size_y, first.bbox.center.theta) == (20.0, 40.0, 0.0)
    assert [result.hypothesis.class_id for result in first.results] == ["mug"]
    assert first.results[0].hypothesis.score == 0.75
    assert second.results[0].hypothesis.class_id == "can"
    assert (second.bbox.center.position.x, second.bbox.size_x) == (1.5, 2.0)


def test_ids_of_a_tracker():
    message = to_detection_array(detections(), Header(), ("12", "7"))
    assert [detection.id for detection in message.detections] == ["12", "7"]
    assert [each.id for each in to_detection_array(detections(), Header(), ()).detections] == [
        "",
        "",
    ]
    with pytest.raises(ValueError):
        to_detection_array(detections(), Header(), ("12",))


def test_nothing_found():
    message = to_detection_array(Detections.empty((80, 60)), Header(frame_id="eye"))
    assert message.detections == []
    assert message.header.frame_id == "eye"


def test_label_info_maps_ids_to_labels():
    message = to_label_info({"mug": 2, "can": 1}, 0.5, Time(sec=1))
    assert [(row.class_id, row.class_name) for row in message.class_map] == [(1, "can"), (2, "mug")]
    assert message.threshold == 0.5
    assert message.header.stamp.sec == 1


def test_vision_info():
    message = to_vision_info("mask_rcnn", "/library/models/3", 4, Time(sec=1))
    assert (message.method, message.database_location) == ("mask_rcnn", "/library/models/3")
    assert message.database_version == 4
