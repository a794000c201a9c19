"""The network is cut off and comes back; the discovery server dies and comes back."""

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from faults.cable import Cable
from faults.steady_camera import picture
from integration.robot import Robot
from integration.stored_models import store_model
from vision_msgs.msg import Detection2DArray

from automask_ros.library.library import Library
from automask_ros.nodes.image_messages import seconds_of

LABEL = "ball"


@pytest.fixture
def cable():
    try:
        cable = Cable()
    except OSError as why:
        pytest.skip(f"no network can be made here to cut: {why}")
    yield cable
    cable.close()


def camera(robot, command=(), **environment):
    """A camera at 30 Hz, started by `command` (of another machine, for instance)."""
    environment = robot.environment | {"PYTHONPATH": os.pathsep.join(sys.path)} | environment
    return subprocess.Popen(
        [*command, sys.executable, "-m", "faults.steady_camera", f"{robot.namespace}/image"],
        env={name: value for name, value in environment.items() if value},
        stdin=subprocess.PIPE,
    )


def start_detector(robot, root):
    """The detector with a model that finds anything; the stamps of its answers, as they come."""
    store_model(Library(root, create=True), picture(LABEL, 0), LABEL)
    answers = []
    robot.node.create_subscription(
        Detection2DArray, "detector/detections", lambda m: answers.append(m.header.stamp), 100
    )
    robot.start("detector_node", library=root, device="cpu", threads=1)
    return answers


def next_answers(robot, answers, seconds, what, count=5):
    before = len(answers)
    robot.wait_for(lambda: len(answers) >= before + count, seconds, what)


def is_missing_pictures(robot):
    return "image" in robot.message("detector") and robot.level("detector") != b"\0"


def test_a_camera_on_another_machine_is_cut_off_and_comes_back(cable, robot, tmp_path, soak):
    answers = start_detector(robot, tmp_path / "library")
    # Only what a network carries: the other machine has no memory in common with this one.
    over_udp = {"FASTDDS_BUILTIN_TRANSPORTS": "UDPv4", "FASTDDS_DEFAULT_PROFILES_FILE": ""}
    there = camera(robot, cable.there(), **over_udp, FASTRTPS_DEFAULT_PROFILES_FILE="")
    try:
        next_answers(robot, answers, 60, "detections of the far camera's pictures")
        # Beyond 20 s both sides have forgotten each other, and must find each other anew.
        for seconds in (25, 3, 40, 1, 25) if soak else (2, 6):
            cable.cut()
            cut_at = time.time()
            robot.spin(seconds)
            if seconds > 5:
                robot.wait_for(lambda: is_missing_pictures(robot), 20, "a word about the pictures")
            assert not [stamp for stamp in answers if seconds_of(stamp) > cut_at]
            cable.mend()
            next_answers(robot, answers, 30, f"detections after {seconds} s without network")
            answers.clear()
        assert robot.alive() == {"detector_node"}
        robot.wait_for(lambda: robot.level("detector") == b"\0", 20, "good health")
    finally:
        there.kill()
        there.wait()


# A ROS 2 installation has it on the path, a virtual environment beside its Python.
SERVER = shutil.which("fast-discovery-server") or Path(sys.executable).with_name(
    "fast-discovery-server"
)

# In Fast DDS 3, which Kilted has, the tool does more: `fastdds discovery` calls it with this first.
AS_SERVER = ["42"] if Path(SERVER).parents[1].joinpath("share", "fastdds").is_dir() else []


class DiscoveryServer:
    """Fast DDS's server, through which participants find each other, in place of multicast."""

    def __init__(self, number):
        self._number = number
        self.port = random.SystemRandom().randint(20000, 50000)
        self._process = None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        where = ["-l", "127.0.0.1", "-p", str(self.port)]
        self._process = subprocess.Popen(
            [SERVER, *AS_SERVER, "-i", str(self._number), *where],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(1.0)
        assert self._process.poll() is None

    def kill(self):
        self._process.kill()
        self._process.wait()


@pytest.fixture
def servers():
    servers = [DiscoveryServer(number) for number in range(2)]
    for server in servers:
        server.start()
    yield servers
    for server in servers:
        server.kill()


@pytest.fixture
def served_robot(servers, tmp_path):
    """A robot whose nodes find each other through two discovery servers."""
    os.environ["ROS_DISCOVERY_SERVER"] = ";".join(server.address for server in servers)
    robot = Robot(tmp_path)
    yield robot
    robot.close()
    # Fast DDS takes a variable that is gone for unchanged: all later tests would find nobody.
    os.environ["ROS_DISCOVERY_SERVER"] = ""


def test_a_discovery_server_is_killed_and_comes_back(served_robot, servers, tmp_path, soak):
    """Those who know each other need no server; who comes later is found through the second one.

    A Fast DDS server that comes back is not told again what it was told before, nor with a backup
    (-b), with which 2.14 aborts: alone it would leave those who come later unfound.
    """
    robot = served_robot
    answers = start_detector(robot, tmp_path / "library")
    first = camera(robot)
    try:
        next_answers(robot, answers, 60, "detections")
        for seconds in (5, 30, 60) if soak else (3,):
            servers[0].kill()
            next_answers(robot, answers, 60, "detections with one server less")
            robot.spin(seconds)
            first.kill()
            first.wait()
            first = camera(robot)
            robot.spin(5.0)
            next_answers(robot, answers, 60, "detections of a camera that came later")
            servers[0].start()
            next_answers(robot, answers, 60, "detections with the server back")
        assert robot.alive() == {"detector_node"}
    finally:
        first.kill()
        first.wait()
