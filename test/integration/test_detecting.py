"""What the detector publishes: from several cameras, in space, while models are swapped."""

import array
import json
import time
from pathlib import Path

import numpy as np
import pytest
from integration.drawn_objects import view
from integration.graphs import write_another_graph, write_graph_for_one_size
from integration.robot import LATCHED, RELIABLE
from integration.stored_models import keep_as_committed, store_model
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray, Detection3DArray, VisionInfo

from automask_ros.library.library import Library
from automask_ros.nodes.image_messages import seconds_of, stamp_of, to_message

ERROR = b"\x02"
NETWORK_SIZE = 160, 213  # of a picture of 480 x 640, with which a model is warmed up


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A library with a promoted model that calls everything a cup."""
    library = Library(tmp_path_factory.mktemp("detecting") / "library", create=True)
    store_model(library, view("cup", 0)[0])
    return library


def resident(pid):
    """Memory of a process in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def test_two_cameras_on_one_detector(robot, library):
    names = ("left", "right")
    cameras = {n: robot.node.create_publisher(Image, f"{n}/image_raw", RELIABLE) for n in names}
    heard = {name: [] for name in names}
    instances = {name: [] for name in names}
    for name in names:
        base = f"detector/{name}/image_raw"
        robot.node.create_subscription(
            Detection2DArray, f"{base}/detections", heard[name].append, RELIABLE
        )
        robot.node.create_subscription(Image, f"{base}/instances", instances[name].append, RELIABLE)
    topics = json.dumps([f"{name}/image_raw" for name in names])
    robot.start("detector_node", library=library.root, device="cpu", image_topics=topics)
    robot.wait_for(
        lambda: all(each.get_subscription_count() for each in cameras.values()), 60, "subscriptions"
    )
    robot.wait_for(lambda: robot.state("detector") == "active", 60, "the model")
    shown = {name: view("cup", seed) for seed, name in enumerate(names)}
    for number in range(3):
        for name in names:
            header = Header(stamp=stamp_of(1000.0 + number), frame_id=name)
            cameras[name].publish(to_message(shown[name][0], header))
        robot.wait_for(
            lambda number=number: all(len(heard[n]) == number + 1 for n in names), 30, "answers"
        )
    for name in names:
        assert {message.header.frame_id for message in heard[name]} == {name}
        assert [m.header.stamp.sec for m in heard[name]] == [1000, 1001, 1002]
        robot.wait_for(lambda name=name: instances[name], 10, "instances")
        picture = instances[name][-1]
        found = np.frombuffer(picture.data, np.uint16).reshape(picture.height, picture.width) > 0
        mask = shown[name][1]
        assert (found & mask).sum() / (found | mask).sum() > 0.7
    robot.wait_for(lambda: robot.status("detector")[1].get("processed") == "6", 10, "the count")
    values = robot.status("detector")[1]
    assert (values["received"], values["dropped"], values["bad_frames"]) == ("6", "0", "0")
    assert values["image_qos"] == "best_effort, depth 5; best_effort, depth 5"
    assert 0 < float(values["infer_p50_ms"]) <= float(values["latency_p99_ms"])
    assert float(values["overhead_p50_ms"]) < float(values["infer_p50_ms"])

    def the_bad_one_is_named():
        for name in names:
            image = to_message(shown[name][0], Header(stamp=stamp_of(time.time()), frame_id=name))
            image.encoding = "rgb9" if name == "left" else image.encoding
            cameras[name].publish(image)
        robot.spin(0.3)
        status, values = robot.status("detector")
        return int(values["bad_frames"]) > 0 and status

    status = robot.wait_for(the_bad_one_is_named, 20, "the bad camera")
    assert status.message.startswith(f"{robot.namespace}/left/image_raw: ")
    assert "rgb9" in status.message
    robot.wait_for(lambda: len(heard["right"]) > 3, 20, "an answer to the other one")
    assert len(heard["left"]) == 3


def test_models_are_swapped_between_frames_under_load(robot, library, tmp_path):
    own = Library(tmp_path / "library", create=True)
    image = view("cup", 0)[0]
    first = store_model(own, image, "cup")
    second = store_model(own, image, "mug", promoted=False)
    robot.listen("detector/detections", "detector/vision_info", "detector/label_info")
    orders = robot.node.create_publisher(VisionInfo, "trainer/model", LATCHED)
    robot.start("detector_node", library=own.root, device="cpu")
    robot.wait_for(lambda: robot.heard["detector/vision_info"], 60, "the first model")
    answers = robot.heard["detector/detections"]
    came = []
    robot.node.create_subscription(
        Detection2DArray, "detector/detections", lambda _: came.append(time.monotonic()), RELIABLE
    )

    def load(seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            robot.show(image)
            robot.spin(1 / 30)

    def second_detects():
        load(0.3)
        return any(d.results[0].hypothesis.class_id == "mug" for m in answers for d in m.detections)

    load(2.0)
    ordinary = np.median(np.diff(came))
    swapped_at = len(came)
    orders.publish(
        VisionInfo(database_location=str(own.models.directory(second)), database_version=2)
    )
    robot.wait_for(second_detects, 20, "the second model")
    load(2.0)
    labels = [{d.results[0].hypothesis.class_id for d in m.detections} for m in answers]
    order = [each for each in labels if each]
    assert {"cup"} in order and {"mug"} in order
    assert order == sorted(order, key=lambda each: each == {"mug"}), "cup until mug, never both"
    told = [m.database_location for m in robot.heard["detector/vision_info"]]
    assert told == [str(own.models.directory(version)) for version in (first, second)]
    gaps = np.diff(came[swapped_at - 1 :])
    # Two cores share loading and detecting, others may be at work too: no pause all the same.
    assert np.quantile(gaps, 0.9) < max(3 * ordinary, 0.5)
    assert gaps.max() < max(10 * ordinary, 1.0)
    stamps = [seconds_of(message.header.stamp) for message in answers]
    assert stamps == sorted(stamps)


def tear(path):
    path.write_bytes(b"torn")


@pytest.mark.parametrize("damage", [tear, write_another_graph])
def test_a_model_that_does_not_load_leaves_the_old_one_running(robot, damage, tmp_path):
    own = Library(tmp_path / "library", create=True)
    image = view("cup", 0)[0]
    store_model(own, image, "cup")
    broken = store_model(own, image, "mug", promoted=False)
    damage(own.models.directory(broken) / "model.onnx")
    keep_as_committed(own, broken)
    robot.listen("detector/detections")
    orders = robot.node.create_publisher(VisionInfo, "trainer/model", LATCHED)
    robot.start("detector_node", library=own.root, device="cpu", track_memory=0.0)
    robot.wait_for(lambda: robot.state("detector") == "active", 60, "the first model")
    orders.publish(
        VisionInfo(database_location=str(own.models.directory(broken)), database_version=2)
    )
    words = f"model version {broken} does not load"
    robot.wait_for(
        lambda: (status := robot.status("detector")[0]) and status.message.startswith(words),
        30,
        "the reason",
    )
    answer = robot.answer_to(image, "detector/detections")
    assert {d.results[0].hypothesis.class_id for d in answer.detections} == {"cup"}
    assert {d.id for d in answer.detections} == {""}
    assert "model version 1 runs with ONNX Runtime on CPU" in robot.log("detector_node")


def test_a_frame_that_fails_is_told_and_the_next_one_is_worked_on(robot, tmp_path):
    own = Library(tmp_path / "library", create=True)
    version = store_model(own, view("cup", 0)[0])
    write_graph_for_one_size(own.models.directory(version) / "model.onnx", *NETWORK_SIZE)
    keep_as_committed(own, version)
    robot.listen("detector/detections")
    robot.start("detector_node", library=own.root, device="cpu")
    robot.wait_for(lambda: robot.state("detector") == "active", 60, "the model")

    def told():
        robot.show(np.zeros((200, 200, 3), np.uint8))
        robot.spin(0.3)
        status, values = robot.status("detector")
        return status is not None and status.level == ERROR and values

    values = robot.wait_for(told, 30, "the failure")
    message = robot.message("detector")
    assert message.startswith("frames cannot be worked on: ") and "Reshape" in message
    assert int(values["failed"]) > 0 and values["processed"] == "0"
    assert robot.log("detector_node").count("a frame could not be worked on") == 1

    good = np.zeros((480, 640, 3), np.uint8)
    assert list(robot.answer_to(good, "detector/detections").detections) == []

    def over():
        robot.show(good)
        robot.spin(0.2)
        return robot.message("detector") == "detecting"

    robot.wait_for(over, 20, "the end of it")


def test_a_detector_ends_where_every_frame_fails(robot, tmp_path):
    """Only a new process helps against a GPU that is lost: whoever started it starts it again."""
    own = Library(tmp_path / "library", create=True)
    version = store_model(own, view("cup", 0)[0])
    write_graph_for_one_size(own.models.directory(version) / "model.onnx", *NETWORK_SIZE)
    keep_as_committed(own, version)
    robot.start("detector_node", library=own.root, device="cpu")
    robot.wait_for(lambda: robot.state("detector") == "active", 60, "the model")

    def ended():
        robot.show(np.zeros((200, 200, 3), np.uint8))
        robot.spin(0.05)
        return robot.process("detector_node").poll()

    assert robot.wait_for(ended, 30, "the end") == 1


def test_a_model_that_a_command_promotes_is_taken(robot, tmp_path):
    own = Library(tmp_path / "library", create=True)
    image = view("cup", 0)[0]
    first = store_model(own, image, "cup")
    robot.listen("detector/vision_info")
    robot.start("detector_node", library=own.root, device="cpu")
    told = robot.heard["detector/vision_info"]
    robot.wait_for(lambda: told, 60, "the first model")
    second = store_model(own, image, "mug")
    robot.wait_for(lambda: len(told) == 2, 20, "the second model")
    assert own.models.rollback() == first
    robot.wait_for(lambda: len(told) == 3, 20, "the first one again")
    # A message that lay on the topic since before changes nothing.
    orders = robot.node.create_publisher(VisionInfo, "trainer/model", LATCHED)
    orders.publish(
        VisionInfo(database_location=str(own.models.directory(second)), database_version=2)
    )
    robot.spin(3.0)
    assert [(m.database_location, m.database_version) for m in told] == [
        (str(own.models.directory(version)), number)
        for version, number in ((first, 1), (second, 2), (first, 3))
    ]


def test_life_cycles_leak_nothing(robot, library):
    # One heap that gives back at once: by default threads keep up to 80 MB before it settles.
    robot.environment |= {"MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": "0"}
    robot.start("detector_node", library=library.root, device="cpu", autostart=False, threads=1)
    pid = robot.process("detector_node").pid
    image, memory = view("cup", 0)[0], []
    for _ in range(16):
        for label in ("configure", "activate", "deactivate", "activate"):
            assert robot.change_state("detector", label)
        robot.show(image)
        robot.spin(0.2)
        for label in ("deactivate", "cleanup"):
            assert robot.change_state("detector", label)
        memory.append(resident(pid))
    threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
    # A model, its session and its frames are tens of MB.
    assert max(memory[-4:]) - max(memory[4:8]) < 10, memory
    assert robot.change_state("detector", "configure")
    assert robot.change_state("detector", "cleanup")
    tasks = Path(f"/proc/{pid}/task")
    robot.wait_for(lambda: len(list(tasks.iterdir())) <= threads, 20, "the end of its threads")


def test_where_an_object_is_and_that_it_is_the_same(robot, library):
    image, mask = view("cup", 0)
    height, width = mask.shape
    focal, near, far = 400.0, 0.6, 1.1
    depth = np.where(mask, near, far).astype(np.float32)
    depth[np.random.default_rng(0).random(mask.shape) < 0.2] = np.nan  # as stereo leaves some out
    info = CameraInfo(height=height, width=width)
    info.k = [focal, 0.0, width / 2, 0.0, focal, height / 2, 0.0, 0.0, 1.0]
    depths = robot.node.create_publisher(Image, "aligned/depth", RELIABLE)
    infos = robot.node.create_publisher(CameraInfo, "aligned/camera_info", RELIABLE)
    boxes, clouds = [], []
    robot.node.create_subscription(
        Detection3DArray, "detector/detections_3d", boxes.append, RELIABLE
    )
    robot.node.create_subscription(PointCloud2, "detector/points", clouds.append, RELIABLE)
    robot.listen("detector/detections")
    robot.start(
        "detector_node", library=library.root, device="cpu", remappings={"depth": "aligned/depth"}
    )
    robot.wait_for(
        lambda: depths.get_subscription_count() and infos.get_subscription_count(),
        60,
        "the subscriptions of depth and camera_info",
    )
    for number in range(3):
        header = Header(stamp=stamp_of(1000.0 + 0.1 * number), frame_id="camera_optical")
        info.header = header
        infos.publish(info)
        message = to_depth_message(depth, header)
        depths.publish(message)
        robot.spin(0.2)
        robot.images.publish(to_message(image, header))
        robot.wait_for(lambda number=number: len(boxes) == number + 1, 20, "positions")
    (found,) = boxes[-1].detections
    assert boxes[-1].header == header
    position, size = found.bbox.center.position, found.bbox.size
    rows, columns = np.nonzero(mask)
    middle = (columns.min() + columns.max() + 1) / 2, (rows.min() + rows.max() + 1) / 2
    assert position.z == pytest.approx(near, abs=0.005)
    assert position.x == pytest.approx((middle[0] - width / 2) * near / focal, abs=0.01)
    assert position.y == pytest.approx((middle[1] - height / 2) * near / focal, abs=0.01)
    assert size.z < 0.01 < size.y <= size.x < 0.3
    assert found.results[0].hypothesis.class_id == "cup"
    points = np.frombuffer(clouds[-1].data, np.float32).reshape(-1, 4)
    assert len(points) > 0.6 * mask.sum()
    assert np.abs(points[:, 2] - near).max() < 0.01
    assert set(points[:, 3].view(np.uint32)) == {1}
    # The object stands still: one track, in both kinds of detections.
    robot.wait_for(lambda: len(robot.heard["detector/detections"]) == 3, 10, "detections")
    ids = [{d.id for d in m.detections} for m in robot.heard["detector/detections"]]
    assert ids == [{"1"}] * 3 and {d.id for m in boxes for d in m.detections} == {"1"}


def to_depth_message(depth, header):
    """A 32FC1 picture of metres."""
    message = Image(header=header, height=depth.shape[0], width=depth.shape[1])
    message.encoding, message.step = "32FC1", depth[0].nbytes
    message.data = array.array("B", depth.tobytes())
    return message
