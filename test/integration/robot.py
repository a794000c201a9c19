"""A robot for tests: our nodes as processes of their own, and a camera and ears beside them.

Each robot has a DDS domain and a namespace of its own, so that runs side by side do not meet.
"""

import os
import random
import secrets
import signal
import subprocess
import sys
import time
from collections import defaultdict

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import QoSDurabilityPolicy, QoSProfile, QoSReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection2DArray, LabelInfo, VisionInfo

from automask_ros.nodes.environment import ros_environment
from automask_ros.nodes.image_messages import stamp_of, to_message
from automask_ros.nodes.shared_memory import remove_abandoned_segments

LATCHED = QoSProfile(
    depth=10,
    reliability=QoSReliabilityPolicy.RELIABLE,
    durability=QoSDurabilityPolicy.TRANSIENT_LOCAL,
)
RELIABLE = QoSProfile(depth=100, reliability=QoSReliabilityPolicy.RELIABLE)

SLOWEST = 4
"""How many times longer than expected a machine may take before waiting for it ends."""

HEARD = {
    "capture/view": (Image, RELIABLE),
    "mask_generator/mask": (Image, RELIABLE),
    "mask_generator/overlay": (Image, RELIABLE),
    "trainer/progress": (DiagnosticStatus, LATCHED),
    "trainer/model": (VisionInfo, LATCHED),
    "detector/detections": (Detection2DArray, RELIABLE),
    "detector/instances": (Image, RELIABLE),
    "detector/overlay": (Image, RELIABLE),
    "detector/label_info": (LabelInfo, LATCHED),
    "detector/vision_info": (VisionInfo, LATCHED),
}


class Robot:
    """Starts nodes, publishes pictures, calls services, and keeps what it hears by topic."""

    def __init__(self, log_directory):
        self.environment = ros_environment()
        # The participant of this process reads the same profile as those of the nodes.
        os.environ.update(
            {name: value for name, value in self.environment.items() if name.startswith("FAST")}
        )
        self.domain = random.SystemRandom().randint(1, 100)
        self.namespace = f"/robot_{secrets.token_hex(4)}"
        self.environment |= {"ROS_DOMAIN_ID": str(self.domain), "OMP_NUM_THREADS": "1"}
        self._logs = log_directory
        self._processes = {}
        self.context = Context()
        rclpy.init(context=self.context, domain_id=self.domain)
        self.node = rclpy.create_node("test", context=self.context, namespace=self.namespace)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self.heard = defaultdict(list)
        self.diagnostics = {}
        self.images = self.node.create_publisher(Image, "image", RELIABLE)
        self.compressed = self.node.create_publisher(CompressedImage, "image/compressed", RELIABLE)
        self.camera_info = self.node.create_publisher(CameraInfo, "camera_info", RELIABLE)
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 100)
        self._clients = {}

    def start(self, executable, remappings=None, **parameters):
        """Start a node, such as 'capture_node'; the test hears all that it publishes."""
        arguments = ["-r", f"__ns:={self.namespace}", "-r", "model:=trainer/model"]
        for name, topic in (remappings or {}).items():
            arguments += ["-r", f"{name}:={topic}"]
        for name, value in parameters.items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            arguments += ["-p", f"{name}:={text}"]
        with (self._logs / f"{executable}.log").open("ab") as log:
            self._processes[executable] = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    f"automask_ros.nodes.{executable}",
                    "--ros-args",
                    *arguments,
                ],
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def listen(self, *topics):
        """Keep the messages of these topics."""
        for topic in topics:
            kind, qos = HEARD[topic]
            self.node.create_subscription(kind, topic, self.heard[topic].append, qos)

    def log(self, executable):
        """What a node wrote to its console."""
        return (self._logs / f"{executable}.log").read_text()

    def process(self, executable):
        """A node's process."""
        return self._processes[executable]

    def alive(self):
        """Names of the nodes whose processes run."""
        return {name for name, process in self._processes.items() if process.poll() is None}

    def stop(self, executable, how=signal.SIGINT, patience=20.0):
        """Ask a node to end; its exit code."""
        process = self._processes[executable]
        process.send_signal(how)
        return process.wait(patience)

    def spin(self, seconds):
        """Listen for a while."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left)

    def wait_for(self, condition, seconds, what):
        """Listen until `condition()` is true and return its value; `seconds` are what it takes on
        a busy machine, SLOWEST times as many end the test."""
        until = time.monotonic() + SLOWEST * seconds
        while not (value := condition()):
            if time.monotonic() > until:
                states = {name: status.message for name, status in self.diagnostics.items()}
                waited = f"waited {SLOWEST * seconds} s for {what}"
                raise AssertionError(f"{waited}; diagnostics: {states}")
            self._executor.spin_once(timeout_sec=0.05)
        return value

    def call(self, name, seconds=30.0):
        """Call a Trigger service; its answer."""
        return self._call(Trigger, name, Trigger.Request(), seconds)

    def set_parameter(self, node, name, value, seconds=30.0):
        """Set a parameter of a running node; the SetParametersResult."""
        request = SetParameters.Request(
            parameters=[Parameter(name, value=value).to_parameter_msg()]
        )
        return self._call(SetParameters, f"{node}/set_parameters", request, seconds).results[0]

    def get_parameter(self, node, name, seconds=30.0):
        """A parameter's ParameterValue."""
        request = GetParameters.Request(names=[name])
        return self._call(GetParameters, f"{node}/get_parameters", request, seconds).values[0]

    def change_state(self, node, label, seconds=30.0):
        """Ask for a lifecycle transition; whether it succeeded."""
        request = ChangeState.Request()
        request.transition.label = label
        return self._call(ChangeState, f"{node}/change_state", request, seconds).success

    def state(self, node, seconds=30.0):
        """The label of a lifecycle node's state."""
        request = GetState.Request()
        return self._call(GetState, f"{node}/get_state", request, seconds).current_state.label

    def show(self, image, seconds=None, frame_id="camera_optical"):
        """Publish a picture, (H, W, 3) uint8 BGR, raw; its header."""
        header = Header(
            stamp=stamp_of(time.time() if seconds is None else seconds), frame_id=frame_id
        )
        self.images.publish(to_message(image, header))
        return header

    def answer_to(self, image, topic, seconds=20.0):
        """The message on `topic` about a picture, which is shown until there is one: of what is
        sent at best effort a busy machine loses some."""
        shown = []

        def answered():
            shown.append(self.show(image))
            self.spin(0.5)
            return [message for message in self.heard[topic] if message.header in shown]

        return self.wait_for(answered, seconds, f"an answer on {topic}")[-1]

    def status(self, node):
        """The last diagnostics of a node, and its values as a dict."""
        status = self.diagnostics.get(f"{self.namespace.lstrip('/')}/{node}")
        values = {value.key: value.value for value in status.values} if status else {}
        return status, values

    def message(self, node):
        """What a node said last on /diagnostics; nothing before the first time."""
        status, _ = self.status(node)
        return status.message if status else ""

    def level(self, node):
        """How grave that is; None before the first time."""
        status, _ = self.status(node)
        return status.level if status else None

    def close(self):
        """End everything that was started, and give back what those that were killed held."""
        running = [process for process in self._processes.values() if process.poll() is None]
        for process in running:
            process.send_signal(signal.SIGINT)
        for process in running:
            try:
                process.wait(10.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.try_shutdown(context=self.context)
        remove_abandoned_segments()

    def meet(self, kind, name, seconds=30.0):
        """A client of a service, which the server knows: until it does, its answers go nowhere."""
        if (client := self._clients.get(name)) is None:
            client = self._clients[name] = self.node.create_client(kind, name)
            self.wait_for(client.service_is_ready, seconds, f"service {name}")
            self._be_known_to(name.rpartition("/")[0], seconds)
        self.wait_for(client.service_is_ready, seconds, f"service {name}")
        return client

    def _be_known_to(self, node, seconds):
        """Wait until a node knows all that this process reads: that is told in its order, so that
        an answer to a client made now proves it."""
        client = self.node.create_client(GetParameters, f"{node}/get_parameters")
        asked = []

        def answered():
            late = not asked or time.monotonic() - asked[-1][0] > 1.0
            if late and client.service_is_ready():
                asked.append((time.monotonic(), client.call_async(GetParameters.Request())))
            return any(future.done() for _, future in asked)

        self.wait_for(answered, seconds, f"an answer of {node}")
        self.node.destroy_client(client)

    def _call(self, kind, name, request, seconds):
        future = self.meet(kind, name, seconds).call_async(request)
        self.wait_for(future.done, seconds, f"the answer of {name}")
        return future.result()

    def _on_diagnostics(self, array):
        for status in array.status:
            self.diagnostics[status.name] = status
