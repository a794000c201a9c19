#!/usr/bin/env python3
"""Train on all that the library holds, and follow the training to its end.

    python3 retrain.py --ros-args -r __ns:=/robot1

Exit code: 0 when a new model went live, 1 when not (the last line says why). Ctrl-C leaves the
training running: `ros2 service call /trainer/cancel std_srvs/srv/Trigger` ends it.
"""

import argparse
import sys
import time
from collections.abc import Callable

import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.client import Client
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args
from std_srvs.srv import Trigger

LATCHED = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class Retraining(Node):
    """Orders a training, and prints what the trainer says of it."""

    def __init__(self) -> None:
        super().__init__("retrain")
        self._reports: list[tuple[str, dict[str, str]]] = []
        self._train: Client = self.create_client(Trigger, "trainer/train")
        self.create_subscription(DiagnosticStatus, "trainer/progress", self._on_progress, LATCHED)

    def order(self, patience: float) -> str:
        """The id of a new job; `patience` in seconds is for the trainer's answer."""
        if not self._wait_for(self._train.service_is_ready, patience):
            sys.exit("no service trainer/train: does the trainer run, and in this namespace?")
        self._wait_for(lambda: False, 0.5)  # until the trainer knows of us, too
        future = self._train.call_async(Trigger.Request())
        if not self._wait_for(future.done, patience):
            sys.exit("trainer/train does not answer")
        answer = future.result()
        if answer is None:
            sys.exit("trainer/train gave no answer")
        if not answer.success:
            sys.exit(answer.message)
        print(answer.message, flush=True)
        return str(answer.message.split()[0])  # the answer begins with it

    def follow(self, job: str) -> bool:
        """Whether a new model went live, once the job has ended."""
        told_at = 0.0
        while self._train.service_is_ready():
            rclpy.spin_once(self, timeout_sec=0.1)
            while self._reports:  # what came before the answer is among them
                message, values = self._reports.pop(0)
                if values.get("job") != job:
                    continue
                ended = "promoted" in values  # told at the end of a job alone
                if ended or time.monotonic() - told_at > 2.0:
                    print(message, flush=True)
                    told_at = time.monotonic()
                if ended:
                    if values["promoted"] == "True":
                        print(f"model version {values['version']} is live")
                    return values["promoted"] == "True"
        sys.exit(f"the trainer is gone: when it is started again it goes on with {job}")

    def _wait_for(self, condition: Callable[[], bool], seconds: float) -> bool:
        until = time.monotonic() + seconds
        while not condition() and time.monotonic() < until:
            rclpy.spin_once(self, timeout_sec=0.1)
        return condition()

    def _on_progress(self, message: DiagnosticStatus) -> None:
        values = {item.key: item.value for item in message.values}
        self._reports.append((message.message, values))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--patience", type=float, default=30.0, help="seconds for the trainer's answer (30)"
    )
    options = parser.parse_args(remove_ros_args(sys.argv)[1:])
    # Ctrl-C stays Python's own: it arrives between two callbacks, and not inside ROS.
    try:
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        node = Retraining()
        return 0 if node.follow(node.order(options.patience)) else 1
    except KeyboardInterrupt:
        return 130
    finally:
        rclpy.try_shutdown()


if __name__ == "__main__":
    sys.exit(main())
