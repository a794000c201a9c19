"""What is lost on the way and whom nothing reaches is named with the remedy; QoS overrides."""

import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from integration.drawn_objects import view
from rclpy.qos import QoSDurabilityPolicy, QoSProfile, QoSReliabilityPolicy
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

from automask_ros.detection.base_models import load_base_model, save_checkpoint
from automask_ros.library.library import Library
from automask_ros.library.records import ModelRecord
from automask_ros.nodes.transport_remedy import uses_fast_dds

WARN = b"\x01"
BEST_EFFORT = QoSReliabilityPolicy.BEST_EFFORT
RELIABLE = QoSReliabilityPolicy.RELIABLE

of_fast_dds = pytest.mark.skipif(not uses_fast_dds(), reason="only Fast DDS tells")


@pytest.fixture
def start_peer(robot):
    """Start a process of peer.py beside the robot's, with Fast DDS as it comes."""
    processes = []

    def start(*arguments):
        environment = {k: v for k, v in robot.environment.items() if not k.startswith("FAST")}
        script = str(Path(__file__).parent / "peer.py")
        namespace = ["--ros-args", "-r", f"__ns:={robot.namespace}"]
        process = subprocess.Popen(
            [sys.executable, script, *arguments, *namespace],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def taught(tmp_path):
    """A library whose live model is the embedded one: it answers each picture with something."""
    library = Library(tmp_path / "library", create=True)
    model, architecture = load_base_model("lite", {"cup": 1})
    with library.models.stage() as staged:
        save_checkpoint(
            model,
            staged / "model.safetensors",
            architecture=architecture,
            labels={"cup": 1},
            image_size=160,
        )
        record = ModelRecord(
            architecture=architecture,
            labels={"cup": 1},
            base_model="lite",
            image_size=160,
            thresholds={"cup": 0.5},
            seed=0,
            created_at=1.0,
        )
        library.models.promote(library.models.commit(staged, record), "a test")
    return library.root


def qos_override(robot, topic, entity, policy):
    """The parameter's name; `topic` is below the robot's namespace."""
    return f"qos_overrides.{robot.namespace}/{topic}.{entity}.{policy}"


def says(robot, node, words):
    """Whether the node's diagnostics warn with these words."""
    status, _ = robot.status(node)
    return status is not None and status.level == WARN and words in status.message


@of_fast_dds
def test_frames_lost_on_the_way_are_counted_and_the_cure_named_is_one(robot, start_peer, tmp_path):
    robot.node.destroy_publisher(robot.images)
    robot.start("capture_node", library=tmp_path / "library")
    robot.wait_for(lambda: robot.status("capture")[0], 30, "the node")
    camera = start_peer("camera", "20")
    robot.wait_for(lambda: says(robot, "capture", " % of its frames on the way"), 30, "the losses")
    status, values = robot.status("capture")
    override = qos_override(robot, "image", "subscription", "reliability")
    assert status.message.startswith(f"{robot.namespace}/image loses ")
    assert "config/fastdds.xml" in status.message
    assert f"set {override} to reliable" in status.message
    assert "set image_transport:=compressed" in status.message
    share = float(values["lost_share"])
    assert share > 0.05
    said = int(re.search(r" loses (\d+) % ", status.message)[1])
    assert said == pytest.approx(100 * share, abs=0.6), "both are rounded"
    camera.terminate()
    published = int(camera.communicate(timeout=10)[0])
    robot.diagnostics.clear()
    values = robot.wait_for(lambda: robot.status("capture")[1], 10, "the last count")
    counted = int(values["lost"]) + int(values["received"])
    # At most: what was published before the two met is not counted, nor all that was lost.
    assert counted <= published, (counted, published)
    assert int(values["lost"]) >= 3
    assert robot.stop("capture_node") == 0

    robot.diagnostics.clear()
    # At a pace at which what is lost can be sent again by a machine that has other work, too.
    start_peer("camera", "5")
    robot.start("capture_node", library=tmp_path / "library", **{override: "reliable"})
    robot.wait_for(lambda: int(robot.status("capture")[1].get("received", 0)) > 20, 30, "frames")
    status, values = robot.status("capture")
    assert float(values["lost_share"]) < 0.05, values
    assert values["image_qos"] == "reliable, depth 5"
    assert status.level != WARN, status.message


def test_overrides_change_the_qos_of_each_topic_also_after_a_second_configure(robot, tmp_path):
    robot.start(
        "detector_node",
        library=tmp_path / "library",
        autostart=False,
        **{
            qos_override(robot, "image", "subscription", "reliability"): "reliable",
            qos_override(robot, "image", "subscription", "depth"): 2,
            qos_override(robot, "detector/instances", "publisher", "reliability"): "best_effort",
        },
    )
    node = robot.node
    for _ in range(2):
        assert robot.change_state("detector", "configure")
        (subscription,) = robot.wait_for(
            lambda: node.get_subscriptions_info_by_topic(f"{robot.namespace}/image"), 10, "it"
        )
        assert subscription.qos_profile.reliability == RELIABLE
        for name, reliability in (("instances", BEST_EFFORT), ("detections", RELIABLE)):
            topic = f"{robot.namespace}/detector/{name}"
            (publisher,) = robot.wait_for(
                lambda topic=topic: node.get_publishers_info_by_topic(topic), 10, topic
            )
            assert publisher.qos_profile.reliability == reliability
        # How deep a queue is, DDS does not tell others.
        robot.wait_for(
            lambda: robot.status("detector")[1].get("image_qos") == "reliable, depth 2", 10, "depth"
        )
        assert robot.change_state("detector", "cleanup")
        robot.wait_for(lambda: not robot.images.get_subscription_count(), 10, "the end of it")


@pytest.mark.parametrize(
    ("executable", "topic", "entity", "policy", "value", "line"),
    [
        ("capture_node", "image", "subscription", "depth", 0, "out of range"),
        ("capture_node", "image", "subscription", "reliability", "rather", "'rather': it must be"),
        ("detector_node", "depth", "subscription", "depth", 0, "out of range"),
        ("detector_node", "camera_info", "subscription", "reliability", "rather", "'rather': it"),
        ("detector_node", "detector/overlay", "publisher", "history", "keep_all", "'keep_all': it"),
        ("detector_node", "detector/overlay", "publisher", "depth", "two", "must be of type int"),
    ],
)
def test_a_senseless_override_ends_the_start_with_one_line(
    robot, tmp_path, executable, topic, entity, policy, value, line
):
    name = qos_override(robot, topic, entity, policy)
    robot.start(executable, library=tmp_path / "library", **{name: value})
    assert robot.process(executable).wait(60) == 2
    (said,) = robot.log(executable).strip().splitlines()
    assert said.startswith(f"automask: parameter {name} ") and line in said


def test_a_camera_that_cannot_meet_an_override(robot, tmp_path):
    robot.node.destroy_publisher(robot.images)
    robot.node.create_publisher(Image, "image", QoSProfile(depth=1, reliability=BEST_EFFORT))
    override = qos_override(robot, "image", "subscription", "reliability")
    robot.start("capture_node", library=tmp_path / "library", **{override: "reliable"})
    expected = (
        f"{robot.namespace}/image: QoS of its publisher does not fit: best effort publisher and "
        f"reliable subscription: set {override} to best_effort, or change the publisher"
    )
    robot.wait_for(lambda: says(robot, "capture", expected), 30, expected)


def test_a_subscriber_with_the_wrong_qos_is_named(robot, taught):
    qos = QoSProfile(depth=1, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)
    subscription = robot.node.create_subscription(
        Detection2DArray, "detector/detections", lambda message: None, qos
    )
    robot.start("detector_node", library=taught, device="cpu", threads=1)
    robot.wait_for(lambda: robot.status("detector")[1].get("model") == "1", 60, "the model")
    expected = (
        f"{robot.namespace}/test gets nothing from {robot.namespace}/detector/detections: volatile "
        "publisher and transient local subscription; let it ask for reliable, volatile"
    )

    def named():
        robot.show(view("cup", 0)[0])
        robot.spin(0.2)
        return says(robot, "detector", expected)

    robot.wait_for(named, 20, expected)
    robot.node.destroy_subscription(subscription)
    robot.wait_for(lambda: not named() and robot.level("detector") != WARN, 20, "its end")


@of_fast_dds
def test_a_subscriber_that_hangs_is_named_and_stops_nobody(robot, start_peer, taught):
    robot.listen("detector/detections")
    listener = start_peer("listener", "detector/detections")
    robot.start("detector_node", library=taught, device="cpu", threads=1)
    topic = f"{robot.namespace}/detector/detections"
    robot.wait_for(lambda: robot.status("detector")[1].get("model") == "1", 60, "the model")
    robot.wait_for(lambda: len(robot.node.get_subscriptions_info_by_topic(topic)) == 2, 20, "both")
    expected, image = f"{robot.namespace}/listener", view("cup", 0)[0]

    def after_a_picture(condition):
        robot.show(image)
        robot.spin(0.2)
        return condition()

    def showing_until(condition, what):
        robot.wait_for(lambda: after_a_picture(condition), 20, what)

    heard = robot.heard["detector/detections"]
    showing_until(lambda: len(heard) >= 3, "answers")
    showing_until(lambda: select.select([listener.stdout], [], [], 0)[0], "that it hears them")
    listener.send_signal(signal.SIGSTOP)
    before = len(heard)
    named = f" has not answered on {topic} for "
    showing_until(lambda: says(robot, "detector", named), "its name")
    message = robot.message("detector")
    assert expected in message and message.endswith("let it subscribe at best effort")
    showing_until(lambda: len(heard) - before >= 10, "answers for who does not hang")
    assert says(robot, "detector", named), "and it hangs still"
    listener.send_signal(signal.SIGCONT)
    showing_until(lambda: robot.level("detector") != WARN, "its end")
