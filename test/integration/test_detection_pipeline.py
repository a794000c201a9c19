"""The end of a detector in the midst of its work; a stand-in for the network takes its time."""

import random
import secrets
import threading
import time
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
import rclpy
from builtin_interfaces.msg import Time
from integration.robot import RELIABLE
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray, Detection3DArray

from automask_ros.errors import AutomaskError
from automask_ros.nodes import detector_node
from automask_ros.nodes.detection_pipeline import MOST_FAILURES
from automask_ros.nodes.detector_node import DetectorNode
from automask_ros.nodes.image_messages import to_message
from automask_ros.nodes.live_model import LiveModel
from automask_ros.types import Detections

K = [60.0, 0.0, 32.0, 0.0, 60.0, 24.0, 0.0, 0.0, 1.0]


class SlowNetwork:
    """Finds nothing, in its own time."""

    labels = {"cup": 1}
    thresholds = {"cup": 0.5}
    runtime = SimpleNamespace(name="a stand-in", batches=False)

    def __init__(self, seconds):
        self.seconds = seconds
        self.at_work, self.done = threading.Event(), threading.Event()

    def fit(self, image):
        return image

    def look(self, fitted):
        self.at_work.set()
        time.sleep(self.seconds)
        return fitted

    def place(self, found, fitted, image):
        self.done.set()
        return Detections.empty(image.shape[:2])


@pytest.fixture
def stage(tmp_path):
    """A detector in this process, with a camera, what it answers, and a way to spin both."""
    arguments = ["-p", f"library:={tmp_path / 'library'}", "-p", "autostart:=false"]
    rclpy.init(
        args=["--ros-args", *arguments, "-r", f"__ns:=/of_{secrets.token_hex(4)}"],
        domain_id=random.SystemRandom().randint(1, 100),
    )
    detector, camera = DetectorNode(), rclpy.create_node("camera")
    executor = SingleThreadedExecutor()
    executor.add_node(detector)
    executor.add_node(camera)
    images = camera.create_publisher(Image, "image", RELIABLE)
    heard = []
    camera.create_subscription(Detection2DArray, "detector/detections", heard.append, RELIABLE)

    def spin_until(condition, seconds=20.0):
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until, "waited for too long"
            executor.spin_once(0.02)

    def show():
        images.publish(to_message(np.zeros((48, 64, 3), np.uint8), Header(frame_id="eye")))

    yield SimpleNamespace(
        detector=detector, peer=camera, images=images, heard=heard, show=show, spin_until=spin_until
    )
    detector.close()
    executor.shutdown()
    rclpy.try_shutdown()


def begin(stage, network):
    """Configure and activate, and let a frame's work begin."""
    assert stage.detector.trigger_configure() == TransitionCallbackReturn.SUCCESS
    stage.detector._pipeline.use(LiveModel(network, 1, "nowhere", 1, 0.5))
    assert stage.detector.trigger_activate() == TransitionCallbackReturn.SUCCESS

    def at_work():
        stage.show()
        return network.at_work.is_set()

    stage.spin_until(at_work)


@pytest.mark.parametrize("transition", ["trigger_shutdown", "trigger_deactivate"])
def test_a_transition_waits_for_the_frame_in_work(stage, transition):
    network = SlowNetwork(2.5)
    begin(stage, network)
    assert getattr(stage.detector, transition)() == TransitionCallbackReturn.SUCCESS
    assert network.done.is_set()
    at_work = [thread for thread in threading.enumerate() if thread.name == "detector"]
    assert len(at_work) == (transition == "trigger_deactivate")
    assert stage.detector.failure is None


def test_a_transition_that_fails_is_told_and_leaves_nothing_behind(stage, monkeypatch):
    def fail(*_):
        raise RuntimeError("no more threads")

    with monkeypatch.context() as patched:
        patched.setattr(detector_node, "ModelLoader", fail)
        assert stage.detector.trigger_configure() == TransitionCallbackReturn.ERROR
    words = "on_configure failed: RuntimeError: no more threads"
    assert words in stage.detector._health().message
    assert "detector" not in {thread.name for thread in threading.enumerate()}
    stage.spin_until(lambda: stage.images.get_subscription_count() == 0)
    begin(stage, SlowNetwork(0.0))
    stage.spin_until(lambda: stage.heard)


def test_a_picture_that_waits_longer_than_depth_is_kept_has_its_depth(stage):
    """And so has the one in work meanwhile."""
    network = SlowNetwork(2.0)
    in_space, info = [], CameraInfo(height=48, width=64, k=K)
    peer = stage.peer
    peer.create_subscription(Detection3DArray, "detector/detections_3d", in_space.append, RELIABLE)
    depths = peer.create_publisher(Image, "depth", RELIABLE)
    infos = peer.create_publisher(CameraInfo, "camera_info", RELIABLE)
    begin(stage, network)
    for publisher in (depths, infos):
        stage.spin_until(lambda publisher=publisher: publisher.get_subscription_count())
    stage.spin_until(lambda: stage.detector._pipeline.processed)

    def send(publisher, message, received):
        before = received()
        publisher.publish(message)
        stage.spin_until(lambda: received() > before)

    [camera] = stage.detector._pipeline.cameras

    def depth(second):
        pixels = np.full((48, 64), 900, np.uint16)
        header = Header(frame_id="eye", stamp=Time(sec=second))
        send(depths, to_message(pixels, header), lambda: camera.depth.received)

    def frame(second):
        depth(second)
        header = Header(frame_id="eye", stamp=Time(sec=second))
        picture = to_message(np.zeros((48, 64, 3), np.uint8), header)
        send(stage.images, picture, lambda: camera.images.received)

    def known():  # who has just met somebody may miss the first words
        infos.publish(info)
        depths.publish(to_message(np.zeros((48, 64), np.uint16), Header(frame_id="eye")))
        return camera.depth._info is not None and camera.depth.received

    stage.spin_until(known)
    network.at_work.clear()
    frame(100)
    stage.spin_until(network.at_work.is_set)
    frame(200)
    for second in range(201, 220):
        depth(second)
    stage.spin_until(lambda: {100, 200} <= {each.header.stamp.sec for each in in_space})


def test_reasons_that_are_known_never_end_the_process(stage):
    class Failing(SlowNetwork):
        def look(self, fitted):
            self.at_work.set()
            self.frames = getattr(self, "frames", 0) + 1
            raise self.reason(self.frames)

    network = Failing(0.0)
    network.reason = lambda frame: (
        ValueError("a fault") if frame % MOST_FAILURES == 0 else AutomaskError("GPU memory ran out")
    )
    begin(stage, network)

    def shown(frames):
        stage.show()
        return network.frames >= frames or stage.detector.failure is not None

    stage.spin_until(lambda: shown(3 * MOST_FAILURES), 60.0)
    assert stage.detector.failure is None
    network.reason = lambda frame: ValueError("a fault")
    stage.spin_until(lambda: shown(4 * MOST_FAILURES + 1), 60.0)
    assert isinstance(stage.detector.failure, ValueError)


def test_what_was_wrong_with_frames_is_forgotten_with_the_pause(stage):
    network = SlowNetwork(0.0)
    begin(stage, network)
    stage.spin_until(lambda: stage.heard)
    broken = to_message(np.zeros((48, 64, 3), np.uint8), Header(frame_id="eye"))
    broken.step = 3
    words = "step of 3 bytes"

    def told():
        stage.images.publish(broken)
        return words in stage.detector._health().message

    stage.spin_until(told)
    assert stage.detector.trigger_deactivate() == TransitionCallbackReturn.SUCCESS
    assert words not in stage.detector._health().message


def test_a_model_that_comes_after_the_clean_up_is_not_kept(stage):
    begin(stage, SlowNetwork(0.0))
    pipeline = stage.detector._pipeline
    stage.detector.trigger_deactivate()
    stage.detector.trigger_cleanup()
    late = weakref.ref(network := SlowNetwork(0.0))
    pipeline.use(LiveModel(network, 2, "nowhere", 2, 0.5))
    del network
    assert late() is None
