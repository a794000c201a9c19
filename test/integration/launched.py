"""Launch files as a person starts them: by the real `launch`, each in its own process group."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from automask_ros.nodes.environment import PROFILE_VARIABLES
from automask_ros.resources import share_directory

LAUNCH = share_directory() / "launch"
START = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource

source = PythonLaunchDescriptionSource(sys.argv[1])
arguments = [tuple(argument.split(":=", 1)) for argument in sys.argv[2:]]
service = LaunchService()
service.include_launch_description(
    LaunchDescription([IncludeLaunchDescription(source, launch_arguments=arguments)])
)
sys.exit(service.run())
"""


class Launcher:
    """Starts launch files beside a robot."""

    def __init__(self, robot):
        self._robot = robot
        self._started = []

    def __call__(self, name, *arguments, namespace=None):
        """Start a launch file, in the robot's namespace if no other is given; its process."""
        environment = dict(self._robot.environment)
        for variable in PROFILE_VARIABLES:  # the launch file has to set it
            environment.pop(variable, None)
        namespace = self._robot.namespace if namespace is None else namespace
        process = subprocess.Popen(
            [
                *(sys.executable, "-c", START, str(LAUNCH / name)),
                *(f"namespace:={namespace}", *arguments),
            ],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # so that Ctrl-C reaches it and its nodes, and nobody else
        )
        self._started.append(process)
        return process

    def close(self):
        """End what still runs, nodes first."""
        for process in self._started:
            for child in children_of(process):
                os.kill(child, signal.SIGKILL)
            process.kill()
            process.wait()


def children_of(process):
    """The ids of the processes that a launch process has started and that run."""
    try:
        return [int(pid) for pid in Path(_CHILDREN.format(process.pid)).read_text().split()]
    except FileNotFoundError:
        return []


_CHILDREN = "/proc/{0}/task/{0}/children"
