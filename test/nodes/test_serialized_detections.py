"""Detections as serialized vision_msgs, value by value, as rclpy reads them."""

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

from automask_ros.nodes.serialized_detections import write_detections
from automask_ros.types import Detections, PlacedMask

TEXTS = ("", "a", "ab", "abc", "abcd", "mug é", "日本語", "camera_color_optical_frame")


def read(*arguments) -> Detection2DArray:
    return deserialize_message(write_detections(*arguments), Detection2DArray)


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
    message = read(detections(), header)
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
    message = read(detections(), Header(), ("12", "7"))
    assert [detection.id for detection in message.detections] == ["12", "7"]
    assert [each.id for each in read(detections(), Header(), ()).detections] == [
        "",
        "",
    ]
    with pytest.raises(ValueError):
        read(detections(), Header(), ("12",))


def test_nothing_found():
    message = read(Detections.empty((80, 60)), Header(frame_id="eye"))
    assert message.detections == []
    assert message.header.frame_id == "eye"


def as_message(found: Detections, header: Header, ids: tuple[str, ...]) -> Detection2DArray:
    """Made of rclpy's own messages, field by field."""
    message = Detection2DArray(header=header)
    for (left, top, right, bottom), score, label, track in zip(
        found.boxes.tolist(), found.scores.tolist(), found.labels, ids, strict=True
    ):
        detection = Detection2D(header=header, id=track)
        detection.bbox.center.position.x = (left + right) / 2
        detection.bbox.center.position.y = (top + bottom) / 2
        detection.bbox.size_x, detection.bbox.size_y = right - left, bottom - top
        result = ObjectHypothesisWithPose()
        result.hypothesis.class_id, result.hypothesis.score = label, score
        detection.results.append(result)
        message.detections.append(detection)
    return message


def test_all_is_as_rclpy_writes_it_whatever_the_length_of_texts():
    random = np.random.default_rng(0)
    for _ in range(300):
        count = int(random.integers(0, 6))
        low = random.uniform(-5, 600, (count, 2))
        found = Detections(
            boxes=np.concatenate([low, low + random.uniform(0, 99, (count, 2))], 1).astype("f4"),
            scores=np.sort(random.random(count, np.float32))[::-1],
            class_ids=np.ones(count, np.int32),
            labels=tuple(random.choice(TEXTS, count).tolist()),
            masks=(PlacedMask(0, 0, np.ones((1, 1), bool)),) * count,
            image_size=(480, 640),
        )
        stamp = Time(sec=int(random.integers(-9, 2**31)), nanosec=int(random.integers(0, 10**9)))
        header = Header(stamp=stamp, frame_id=str(random.choice(TEXTS)))
        ids = tuple(random.choice(TEXTS, count).tolist())
        written = write_detections(found, header, ids)
        expected = as_message(found, header, ids)
        assert deserialize_message(written, Detection2DArray) == expected
        # Nothing else is compared: what rclpy fills up with is whatever lies in memory.
        assert 0 <= len(written) - len(serialize_message(expected)) < 4
