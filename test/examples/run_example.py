"""The examples: as processes of their own, and as modules."""

import importlib.util
import subprocess
import sys
import time
from pathlib import Path

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def load(name):
    """The module of an example."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def start(robot, name, *arguments, namespace=None):
    """Start an example that knows ROS, in the robot's namespace unless another is given."""
    return subprocess.Popen(
        [
            *(sys.executable, str(EXAMPLES / f"{name}.py"), *map(str, arguments)),
            *("--ros-args", "-r", f"__ns:={namespace or robot.namespace}"),
        ],
        env=robot.environment | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(robot, name, *arguments, namespace=None, show=lambda: None, seconds=180, period=0.2):
    """Run an example while `show()` is called every `period`; exit code, stdout and stderr."""
    process = start(robot, name, *arguments, namespace=namespace)
    until = time.monotonic() + seconds
    while process.poll() is None:
        if time.monotonic() > until:
            process.kill()
            raise AssertionError(f"{name} runs after {seconds} s: {process.communicate()}")
        show()
        robot.spin(period)
    return process.returncode, *process.communicate()
