"""Depth over DDS, from one participant to another: which message is taken, and what is said."""

import array
import math
import threading
import time

import numpy as np
import pytest
import rclpy
from builtin_interfaces.msg import Time
from integration.robot import RELIABLE
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.qos import QoSReliabilityPolicy
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from automask_ros.detection.pinhole import PinholeCamera
from automask_ros.errors import AutomaskError
from automask_ros.nodes import depth_subscription
from automask_ros.nodes.depth_subscription import DepthSubscription
from automask_ros.nodes.qos import camera_qos

HEIGHT, WIDTH = 480, 640
K = [600.0, 0.0, 320.0, 0.0, 610.0, 240.0, 0.0, 0.0, 1.0]
MILLISECOND = 1_000_000


def stamp(milliseconds):
    return Time(sec=1_700_000_000 + milliseconds // 1000, nanosec=milliseconds % 1000 * MILLISECOND)


def depth_message(milliseconds, encoding="16UC1"):
    """A depth image whose every pixel says when it was taken: one millimetre for each."""
    values = np.full((HEIGHT, WIDTH), milliseconds, "<u2")
    message = Image(header=Header(stamp=stamp(milliseconds), frame_id="eye"), encoding=encoding)
    message.height, message.width, message.step = HEIGHT, WIDTH, 2 * WIDTH
    message.data = array.array("B", values.tobytes())
    return message


class DepthCamera:
    """A publisher of depth, and the subscription under test in a participant of its own."""

    def __init__(self, robot, tolerance=0.05, overrides=()):
        self.robot = robot
        self.depth = robot.node.create_publisher(Image, "head/depth", RELIABLE)
        self.info = robot.node.create_publisher(CameraInfo, "head/camera_info", RELIABLE)
        self._context = Context()
        rclpy.init(context=self._context, domain_id=robot.domain)
        self._node = rclpy.create_node(
            "listener",
            context=self._context,
            namespace=robot.namespace,
            cli_args=[
                *("--ros-args", "-r", "depth:=head/depth"),
                *(part for each in overrides for part in ("-p", each)),
            ],
        )
        self.wanted = True
        self.heard = DepthSubscription(self._node, tolerance, lambda: self.wanted)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._spin)
        self._thread.start()

    def until(self, condition, what):
        self.robot.wait_for(condition, 20, what)

    def show(self, *milliseconds):
        """Publish depth taken at these times, and wait until it is there."""
        for moment in milliseconds:
            self.send(depth_message(moment))

    def send(self, message):
        """Publish until it is there: who has just met somebody may miss the first words."""
        before, sent_at = self.heard.received, -math.inf

        def arrived():
            nonlocal sent_at
            if time.monotonic() - sent_at > 1.0:  # not at once: it would count for the next one
                self.depth.publish(message)
                sent_at = time.monotonic()
            self.robot.spin(0.02)
            return self.heard.received > before

        self.until(arrived, "the depth")

    def describe(self, **fields):
        """Publish a camera_info until it is there."""
        info = CameraInfo(**fields)

        def arrived():
            self.info.publish(info)
            self.robot.spin(0.02)
            heard = self.heard._info
            return heard is not None and deserialize_message(heard, CameraInfo) == info

        self.until(arrived, "the camera_info")

    def close(self):
        rclpy.try_shutdown(context=self._context)
        self._thread.join()
        self._node.destroy_node()

    def _spin(self):
        try:
            self._executor.spin()
        except ExternalShutdownException:
            pass


@pytest.fixture
def make_camera(robot):
    """Makes a depth camera and who listens to it."""
    cameras = []

    def make(**options):
        cameras.append(DepthCamera(robot, **options))
        return cameras[-1]

    yield make
    for camera in cameras:
        camera.close()


@pytest.fixture
def camera(make_camera):
    return make_camera()


def test_the_depth_that_belongs_to_a_picture(camera):
    assert camera.heard.depth_at(stamp(100)) is None
    camera.show(100, 133, 166)
    assert camera.heard.depth_at(stamp(100)) is None, "without camera_info there is no camera"
    camera.describe(height=HEIGHT, width=WIDTH, k=K)

    depth, pinhole = camera.heard.depth_at(stamp(133))
    assert depth.shape == (HEIGHT, WIDTH) and np.allclose(depth, 0.133)
    assert pinhole == PinholeCamera(600.0, 610.0, 320.0, 240.0)
    for asked, nearest in ((101, 100), (148, 133), (151, 166), (166, 166), (60, 100)):
        assert np.allclose(camera.heard.depth_at(stamp(asked))[0], nearest / 1000)
    assert camera.heard.depth_at(stamp(40)) is None

    camera.describe(height=HEIGHT // 2, width=WIDTH // 2, k=K)
    _, pinhole = camera.heard.depth_at(stamp(133))
    assert pinhole == PinholeCamera(1200.0, 1220.0, 640.5, 480.5)


def test_depth_is_held_while_a_picture_is_worked_on(camera):
    camera.describe(height=HEIGHT, width=WIDTH, k=K)
    camera.show(200)
    hold = camera.heard.hold(stamp(230))
    camera.show(233, *range(266, 866, 33))
    assert np.allclose(camera.heard.depth_at(stamp(230))[0], 0.233)
    del hold
    assert camera.heard.depth_at(stamp(230)) is None


def test_a_wide_tolerance_takes_what_is_there_and_holds_nothing_up(make_camera):
    camera = make_camera(tolerance=5.0)
    camera.describe(height=HEIGHT, width=WIDTH, k=K)
    camera.show(100)
    began = time.monotonic()
    assert np.allclose(camera.heard.depth_at(stamp(700))[0], 0.1)
    assert time.monotonic() - began < 2


def test_depth_is_subscribed_to_while_it_is_wanted(camera):
    camera.describe(height=HEIGHT, width=WIDTH, k=K)
    camera.show(100)
    camera.wanted = False
    camera.until(lambda: camera.depth.get_subscription_count() == 0, "the end of depth")
    camera.until(lambda: camera.info.get_subscription_count() == 0, "the end of camera_info")
    camera.until(lambda: camera.heard._info is None, "that it is forgotten")
    assert camera.heard.depth_at(stamp(100)) is None
    assert camera.heard.problem() is None
    camera.wanted = True
    camera.describe(height=HEIGHT, width=WIDTH, k=K)
    camera.show(200)
    assert np.allclose(camera.heard.depth_at(stamp(200))[0], 0.2)


def test_damaged_depth_is_named(camera):
    camera.describe(height=HEIGHT, width=WIDTH, k=K)
    camera.send(depth_message(400, encoding="rgb8"))
    with pytest.raises(AutomaskError, match="depth encoding 'rgb8' is not supported"):
        camera.heard.depth_at(stamp(400))

    short = depth_message(500)
    short.data = short.data[:-1]
    camera.send(short)
    with pytest.raises(AutomaskError, match="holds 614399 bytes, but 640x480 needs 614400"):
        camera.heard.depth_at(stamp(500))

    camera.send(serialize_message(depth_message(600))[:1000])
    with pytest.raises(
        AutomaskError, match="a serialized Image is damaged or no plain CDR: it has 1000"
    ):
        camera.heard.depth_at(stamp(600))

    camera.send(b"\x00\x01\x00\x00\x07\x00\x00\x00")
    assert "a message of 8 bytes is no camera's" in camera.heard.problem()
    camera.show(700)
    assert camera.heard.problem() is None
    assert np.allclose(camera.heard.depth_at(stamp(700))[0], 0.7)

    camera.describe(height=HEIGHT, width=WIDTH)
    with pytest.raises(AutomaskError, match="no focal length .*: calibrate the camera"):
        camera.heard.depth_at(stamp(700))


def test_why_there_is_no_depth(camera, monkeypatch):
    monkeypatch.setattr(depth_subscription, "PATIENCE", 0.5)
    heard, node = camera.heard, camera.robot.node
    topic = f"{camera.robot.namespace}/head/depth"
    info_topic = f"{camera.robot.namespace}/head/camera_info"

    def named(*words):
        camera.until(lambda: all(word in (heard.problem() or "") for word in words), words)

    named(f"{topic} has 1 publisher(s) but delivered nothing for", "config/fastdds.xml")
    node.destroy_publisher(camera.depth)
    named(f"nobody publishes {topic}: let the camera publish depth that is aligned")
    other = node.create_publisher(CompressedImage, "head/depth", RELIABLE)
    named(f"{topic} carries sensor_msgs/msg/CompressedImage, not sensor_msgs/msg/Image")
    node.destroy_publisher(other)

    camera.depth = node.create_publisher(Image, "head/depth", RELIABLE)

    def streaming(moment, *words):
        def named():
            camera.depth.publish(depth_message(moment))
            heard.depth_at(stamp(moment + 200))
            return all(word in (heard.problem() or "") for word in words)

        camera.until(named, words)

    streaming(800, f"{info_topic} has 1 publisher(s) but delivered nothing for")
    camera.describe(height=HEIGHT, width=WIDTH, k=K)
    streaming(800, f"{topic}: the depth nearest to the last picture is 0.200 s", "depth_tolerance")

    def well():
        camera.depth.publish(depth_message(800))
        return heard.depth_at(stamp(800)) is not None and heard.problem() is None

    camera.until(well, "the end of it")


def test_qos_is_what_the_overrides_ask_for(robot, make_camera, monkeypatch):
    monkeypatch.setattr(depth_subscription, "PATIENCE", 0.5)
    depth, info = (f"{robot.namespace}/head/{name}" for name in ("depth", "camera_info"))
    names = [f"qos_overrides.{topic}.subscription.reliability" for topic in (depth, info)]
    camera = make_camera(overrides=[f"{name}:=reliable" for name in names])
    for topic in (depth, info):
        (found,) = camera.robot.wait_for(
            lambda topic=topic: robot.node.get_subscriptions_info_by_topic(topic), 10, topic
        )
        assert found.qos_profile.reliability == QoSReliabilityPolicy.RELIABLE
    camera.describe(height=HEIGHT, width=WIDTH, k=K)
    camera.show(100)
    assert camera.heard.depth_at(stamp(100)) is not None

    robot.node.destroy_publisher(camera.depth)
    robot.node.create_publisher(Image, "head/depth", camera_qos())
    expected = (
        f"{depth}: QoS of its publisher does not fit: best effort publisher and reliable "
        f"subscription: set {names[0]} to best_effort, or change the publisher"
    )
    camera.until(lambda: camera.heard.problem() == expected, expected)
