"""How a node's process ends: its exit codes, and what it writes to the console."""

import signal
import subprocess
import sys
import time

import pytest

from automask_ros.nodes.environment import ros_environment

NODE = """
import sys, threading
from rclpy.node import Node
from automask_ros.errors import AutomaskError
from automask_ros.nodes.spin import run_node, start_worker

class Example(Node):
    def __init__(self):
        super().__init__("example")
        self.failure = None
        if sys.argv[1] == "wrong":
            raise AutomaskError("the cup is empty: fill it")
        start_worker(self, self.work, "work")
        self.timer = self.create_timer(0.01, self.spins)

    def spins(self):
        self.timer.cancel()
        if sys.argv[1] == "well":
            print("ready", flush=True)

    def work(self):
        if sys.argv[1] == "mended":
            raise AutomaskError("the tap is shut: open it")
        if sys.argv[1] == "broken":
            raise ZeroDivisionError("a defect")

    def close(self):
        if sys.argv[2:]:
            print("closing", flush=True)
            sys.stdin.readline()
        print("closed", flush=True)

raise SystemExit(run_node(Example, []))
"""


def start(how, *more):
    environment = ros_environment() | {"ROS_DOMAIN_ID": "98"}
    return subprocess.Popen(
        [sys.executable, "-c", NODE, how, *more],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_end(how):
    process = start("well")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(how)
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (0, "closed\n", "")


def test_a_second_interrupt_waits_for_what_the_first_began():
    process = start("well", "slowly")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "closing\n"
    for _ in range(3):
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    output, errors = process.communicate("go on\n", timeout=30)
    assert (process.returncode, output, errors) == (0, "closed\n", "")


def test_an_error_of_the_user_at_start():
    output, errors = start("wrong").communicate(timeout=60)
    assert (output, errors) == ("", "automask: the cup is empty: fill it\n")


def test_an_error_of_the_user_in_a_thread():
    process = start("mended")
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (2, "closed\n")
    assert errors == "automask: the tap is shut: open it\n"


def test_a_defect_in_a_thread_ends_the_process_with_its_traceback():
    process = start("broken")
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (1, "closed\n")
    assert errors.startswith("Traceback") and "ZeroDivisionError: a defect" in errors
