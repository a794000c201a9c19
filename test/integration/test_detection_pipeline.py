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
from integration.robot import RELIABLE
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from automask_ros.nodes import detector_node
from automask_ros.nodes.detector_node import DetectorNode
from automask_ros.nodes.image_messages import to_message
from automask_ros.nodes.live_model import LiveModel
from automask_ros.types import Detections


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
        detector=detector, images=images, heard=heard, show=show, spin_until=spin_until
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


def test_a_model_that_comes_after_the_clean_up_is_not_kept(stage):
    begin(stage, SlowNetwork(0.0))
    pipeline = stage.detector._pipeline
    stage.detector.trigger_deactivate()
    stage.detector.trigger_cleanup()
    late = weakref.ref(network := SlowNetwork(0.0))
    pipeline.use(LiveModel(network, 2, "nowhere", 2, 0.5))
    del network
    assert late() is None
