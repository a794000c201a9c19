"""The whole way over the topics: two objects are shown, one after the other, and then detected."""

import time

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from integration.drawn_objects import iou, view
from rclpy.serialization import deserialize_message
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from automask_ros.detection.prediction import Predictor
from automask_ros.library.library import Library
from automask_ros.nodes.image_messages import seconds_of, to_message
from automask_ros.nodes.serialized_detections import write_detections

BASE_MODEL = "lite"
VIEWS = 12
SCENES = range(1000, 1006)
OTHER_SCENES = range(2000, 2004)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("teaching") / "library"


@pytest.fixture(scope="module")
def robot(lasting_robot, root):
    """All four nodes at work, before anything was taught."""
    robot = lasting_robot
    robot.listen(
        "trainer/progress",
        "trainer/model",
        "detector/detections",
        "detector/instances",
        "detector/label_info",
        "detector/vision_info",
    )
    robot.start("capture_node", library=root, views=VIEWS, min_novelty=0.01)
    robot.start("mask_generation_node", library=root, device="cpu", threads=1)
    robot.start(
        "trainer_node",
        library=root,
        base_model=BASE_MODEL,
        device="cpu",
        threads=1,
        iterations=40,
        image_size=160,
    )
    robot.start("detector_node", library=root, device="cpu", threads=1)
    return robot


def teach(robot, library, label):
    """Show an object, wait for its masks, train; the last progress as a dict, and how many pictures
    were shown."""
    assert robot.set_parameter("capture", "label", label).successful
    assert robot.call("capture/start").success
    seeds = iter(range(10_000))

    def shown():
        robot.show(view(label, next(seeds))[0])
        robot.spin(0.2)
        return len(library.views(label)) == VIEWS

    robot.wait_for(shown, 120, f"the views of {label}")
    answer = robot.call("trainer/train")
    assert answer.success
    job = answer.message.split()[0]

    def ended():
        (told,) = robot.heard["trainer/progress"][-1:] or [DiagnosticStatus()]
        values = {v.key: v.value for v in told.values}
        over = values.get("stage") in ("done", "failed", "cancelled")
        return values if over and values["job"] == job else None

    values = robot.wait_for(ended, 400, f"the end of {job}")
    assert values["stage"] == "done", robot.heard["trainer/progress"][-1].message
    assert values["promoted"] == "True", robot.heard["trainer/progress"][-1].message
    return values, next(seeds)


def wait_for_model(robot, database_version):
    def live():
        heard = robot.heard["detector/vision_info"]
        return heard[-1] if heard and heard[-1].database_version == database_version else None

    return robot.wait_for(live, 90, f"model {database_version} in the detector")


def detect(robot, image, frame_id="camera_optical", seconds=60):
    """Show a picture until the detector answers; header, detections and instances.

    Shown again after five seconds: at best effort a busy machine may lose a frame.
    """
    topics = ("detector/detections", "detector/instances")
    until, shown = time.monotonic() + seconds, []
    while time.monotonic() < until:
        if not shown or time.monotonic() - shown[-1][0] > 5:
            shown.append((time.monotonic(), robot.show(image, frame_id=frame_id)))
        robot.spin(0.05)
        for _, header in shown:
            answers = [[m for m in robot.heard[topic] if m.header == header] for topic in topics]
            if all(answers):
                (detections,), (instances,) = answers
                return header, detections, instances
    raise AssertionError(f"no answer of the detector within {seconds} s")


def pixels_of(message):
    """The (H, W) uint16 pixels of an instances image."""
    assert (message.encoding, message.is_bigendian) == ("mono16", 0)
    return np.frombuffer(message.data, "<u2").reshape(message.height, message.width)


def came_by(robot):
    """Frames that the detector received or knows to have lost, since it subscribed."""
    values = robot.status("detector")[1]
    return sum(int(values.get(name, 0)) for name in ("received", "lost", "overrun"))


def class_map(robot):
    return {
        row.class_name: row.class_id
        for told in robot.heard["detector/label_info"][-1:]
        for row in told.class_map
    }


def assert_found(robot, label):
    """The object is found in scenes that teaching never showed, with its own pixels."""
    overlaps = []
    for seed in SCENES:
        image, truth = view(label, seed)
        _, detections, instances = detect(robot, image)
        labels = [each.results[0].hypothesis.class_id for each in detections.detections]
        found = [index for index, each in enumerate(labels, start=1) if each == label]
        pixels = pixels_of(instances)
        overlaps.append(max((iou(pixels == index, truth) for index in found), default=0.0))
    assert np.median(overlaps) > 0.7, (label, overlaps)


def assert_agreement(robot, library, label):
    """What came over the topics is, bit for bit, what the library's own predictor says, be it
    nothing; and in most scenes that teaching never showed it is not nothing."""
    predictor = Predictor.from_version(library, device="cpu")
    counts = []
    for seed in OTHER_SCENES:
        image, _ = view(label, seed)
        header, detections, instances = detect(robot, image, frame_id="some_camera")
        assert isinstance(header, Header)
        assert detections.header == header and instances.header == header
        expected = predictor(image)
        ids = [each.id for each in detections.detections]
        assert len(set(ids)) == len(ids) and all(each.isdigit() for each in ids)
        written = write_detections(expected, header, ids)
        assert detections == deserialize_message(written, Detection2DArray)
        assert instances == to_message(expected.instances(), header)
        assert_painted(expected, detections, pixels_of(instances))
        counts.append(len(expected))
    assert np.count_nonzero(counts) >= len(counts) - 1, counts


def assert_painted(expected, detections, pixels):
    """The higher score lies on top, and what is painted lies in its box."""
    scores = [each.results[0].hypothesis.score for each in detections.detections]
    assert scores == sorted(scores, reverse=True)
    painted = np.zeros_like(pixels)
    for index in reversed(range(len(expected))):
        painted[expected.mask(index)] = index + 1
    assert np.array_equal(pixels, painted), "the higher score lies on top"
    for index, each in enumerate(detections.detections, start=1):
        rows, columns = np.nonzero(pixels == index)
        centre, box = each.bbox.center.position, each.bbox
        if len(rows):
            assert columns.min() >= centre.x - box.size_x / 2 - 1.5
            assert columns.max() <= centre.x + box.size_x / 2 + 1.5
            assert rows.min() >= centre.y - box.size_y / 2 - 1.5
            assert rows.max() <= centre.y + box.size_y / 2 + 1.5


def test_two_objects_one_after_the_other(robot, root):
    assert robot.state("detector") == "active"
    library = Library(root)

    first, _ = teach(robot, library, "cup")
    assert first["version"] == "1"
    masks = {each.id: library.read_mask(each) for each in library.trainable_views("cup")}
    assert len(masks) >= VIEWS - 2
    vision_info = wait_for_model(robot, 1)
    assert vision_info.method == "mask_rcnn"
    assert vision_info.database_location == str(library.models.directory(1))
    robot.wait_for(lambda: class_map(robot) == {"cup": 1}, 10, "the labels")
    record = library.models.record(1)
    assert robot.heard["detector/label_info"][-1].threshold == pytest.approx(
        min(record.thresholds.values())
    )
    assert_found(robot, "cup")
    assert_agreement(robot, library, "cup")

    # The second object: the detector keeps its subscription and answers all the while.
    received = came_by(robot)
    # Telling two objects apart takes longer than finding one.
    assert robot.set_parameter("trainer", "iterations", 100).successful
    _, shown = teach(robot, library, "ball")
    wait_for_model(robot, 2)
    robot.wait_for(lambda: class_map(robot) == {"ball": 2, "cup": 1}, 10, "both labels")
    assert robot.images.get_subscription_count() == 2, "capture's and the detector's"
    robot.wait_for(lambda: came_by(robot) >= received + shown, 10, "frames")
    assert_found(robot, "cup")
    assert_found(robot, "ball")
    assert_agreement(robot, library, "ball")

    # Back to the first model, and nothing but it.
    assert robot.call("trainer/rollback").message == "model version 1 is live again"
    assert wait_for_model(robot, 3).database_location == str(library.models.directory(1))
    robot.wait_for(lambda: class_map(robot) == {"cup": 1}, 10, "the first labels")
    assert robot.heard["trainer/model"][-1].database_version == 3
    values = robot.status("detector")[1]
    assert int(values["processed"]) > 0 and float(values["latency_p50_ms"]) > 0
    assert values["runtime"].startswith("ONNX Runtime on")
    assert robot.alive() == {
        "capture_node",
        "mask_generation_node",
        "trainer_node",
        "detector_node",
    }
    assert all(seconds_of(m.header.stamp) > 0 for m in robot.heard["trainer/model"])
