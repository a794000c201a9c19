"""One robot with all four nodes and a depth camera, for all examples that know ROS."""

import array
import time
from functools import cached_property

import numpy as np
import pytest
from integration.drawn_objects import iou, view
from integration.robot import RELIABLE, Robot
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from automask_ros.detection.prediction import Predictor
from automask_ros.library.library import Library
from automask_ros.nodes.image_messages import stamp_of, to_message

VIEWS = 10
SCENES = range(1000, 1050)
"""Views of the cup that teaching never shows."""


class DepthCamera:
    """Shows views of the cup with their depth: the cup at NEAR metres, what is behind it at FAR."""

    FOCAL, NEAR, FAR = 400.0, 0.6, 1.1

    def __init__(self, robot):
        self._images = robot.images
        self._infos = robot.camera_info
        self._depths = robot.node.create_publisher(Image, "depth", RELIABLE)

    def show(self, seed, depth=True):
        """Publish view `seed` of the cup, and unless it is not wanted the depth that belongs to it,
        all under one stamp."""
        image, mask = view("cup", seed)
        height, width = mask.shape
        header = Header(stamp=stamp_of(time.time()), frame_id="camera_optical")
        if depth:
            info = CameraInfo(header=header, height=height, width=width)
            info.k = [self.FOCAL, 0.0, width / 2, 0.0, self.FOCAL, height / 2, 0.0, 0.0, 1.0]
            self._infos.publish(info)
            metres = np.where(mask, self.NEAR, self.FAR).astype(np.float32)
            message = Image(header=header, height=height, width=width, encoding="32FC1")
            message.step, message.data = 4 * width, array.array("B", metres.tobytes())
            self._depths.publish(message)
        self._images.publish(to_message(image, header))


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The robot's library, empty at first."""
    return Library(tmp_path_factory.mktemp("examples") / "library", create=True)


@pytest.fixture(scope="module")
def robot(library, tmp_path_factory):
    """All four nodes at work, before anything was taught."""
    robot = Robot(tmp_path_factory.mktemp("logs"))
    robot.listen("detector/instances")
    root, quick = library.root, {"device": "cpu", "threads": 1}
    robot.start("capture_node", library=root, views=VIEWS, min_novelty=0.01)
    robot.start("mask_generation_node", library=root, adapt=False, adapt_after=0.5, **quick)
    # However good the few views are that a busy machine leaves: what is trained goes live.
    lenient = {"min_ap50": 0.0, "tolerance": 1.0}
    robot.start("trainer_node", library=root, iterations=40, image_size=160, **lenient, **quick)
    robot.start("detector_node", library=root, **quick)
    for node in ("capture", "mask_generator", "trainer", "detector"):
        robot.wait_for(lambda node=node: robot.status(node)[0], 60, node)
    yield robot
    robot.close()


class ClearScene:
    """A scene in which the live model's best answer is the cup: what is tested is what the examples
    make of the answers, and not how much a few steps of training teach."""

    def __init__(self, library):
        self._library = library

    @cached_property
    def seed(self):
        predictor = Predictor.from_version(self._library, device="cpu")
        for seed in SCENES:
            image, mask = view("cup", seed)
            found = predictor(image)
            if len(found) and iou(found.mask(0), mask) > 0.8:
                return seed
        raise AssertionError(f"the model finds the cup in none of {len(SCENES)} scenes")


@pytest.fixture(scope="module")
def scene(library):
    return ClearScene(library)


@pytest.fixture(scope="module")
def camera(robot):
    return DepthCamera(robot)
