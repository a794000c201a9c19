"""Fixtures of the integration tests."""

import pytest
from integration.launched import Launcher
from integration.robot import Robot


@pytest.fixture
def robot(tmp_path):
    """A robot without nodes; what a test starts on it is ended after the test."""
    robot = Robot(tmp_path)
    yield robot
    robot.close()


@pytest.fixture(scope="module")
def lasting_robot(tmp_path_factory):
    """The same, for all tests of a file."""
    robot = Robot(tmp_path_factory.mktemp("logs"))
    yield robot
    robot.close()


@pytest.fixture
def launch(robot):
    """Starts launch files, in the robot's namespace; ended after the test."""
    launcher = Launcher(robot)
    yield launcher
    launcher.close()
