"""How many frames reach the detector: a camera in a process of its own, raw images, best effort.

    python tools/transport_benchmark.py --seconds 60

Publishes at a steady rate from another process, with the Fast DDS profile that the package ships,
and asks the detector's diagnostics how many frames its subscription received. `--library` gives
the detector a model to work with meanwhile; without one it only receives.
"""

from __future__ import annotations

import argparse
import array
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import cv2

from automask_ros.library.image_file import read_image
from automask_ros.nodes.environment import ros_environment

SIZES = {"vga": (640, 480), "1080p": (1920, 1080), "4k": (3840, 2160)}
TOPIC = "/benchmark/image"


def publish(size: str, rate: float, seconds: float, picture: str) -> dict[str, Any]:
    """Be the camera: publish frames at `rate` for `seconds`, once the detector listens."""
    import rclpy
    from rclpy.qos import QoSProfile, QoSReliabilityPolicy
    from rclpy.serialization import serialize_message
    from sensor_msgs.msg import Image

    rclpy.init()
    node = rclpy.create_node("camera")
    qos = QoSProfile(depth=5, reliability=QoSReliabilityPolicy.BEST_EFFORT)
    publisher = node.create_publisher(Image, TOPIC, qos)
    width, height = SIZES[size]
    message = Image(width=width, height=height, step=3 * width, encoding="bgr8")
    message.data = array.array("B", _pixels(picture, width, height))
    # Serialized once, as a driver in C++ would be nearly free of that: the camera is not measured.
    frame = bytearray(serialize_message(message))
    while publisher.get_subscription_count() == 0:
        time.sleep(0.05)
    time.sleep(2.0)  # both sides of DDS's discovery know each other a little later
    started = time.monotonic()
    late = 0
    for number in range(round(rate * seconds)):
        due = started + number / rate
        while (left := due - time.monotonic()) > 0:
            time.sleep(left)
        late += time.monotonic() - due > 1 / rate
        struct.pack_into("<iI", frame, 4, *divmod(time.time_ns(), 1_000_000_000))
        publisher.publish(bytes(frame))
    elapsed = time.monotonic() - started
    time.sleep(1.0)
    rclpy.try_shutdown()
    return {"sent": round(rate * seconds), "seconds": elapsed, "late": late}


def _pixels(picture: str, width: int, height: int) -> bytes:
    """A picture file at that size, bgr8; noise without one."""
    if not picture:
        return os.urandom(3 * width) * height
    return cv2.resize(read_image(Path(picture)), (width, height)).tobytes()


def measure(size: str, options: argparse.Namespace, library: str) -> dict[str, Any]:
    """One row: frames sent, received, lost, and what the detector made of them."""
    rate, seconds = options.rate, options.seconds
    environment = ros_environment() | {"ROS_DOMAIN_ID": str(random.randint(1, 100))}
    detector = subprocess.Popen(
        [sys.executable, "-m", "automask_ros.nodes.detector_node", "--ros-args"]
        + ["-r", f"image:={TOPIC}", "-p", f"library:={library}"]
        + ["-p", f"score_threshold:={options.score_threshold}"],
        env=environment,
    )
    listener = subprocess.Popen(
        [sys.executable, __file__, "--role", "listener"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    memory: list[float] = []
    threading.Thread(target=_watch, args=(detector, seconds, memory), daemon=True).start()
    try:
        camera = subprocess.run(
            [sys.executable, __file__, "--role", "camera", "--size", size]
            + ["--rate", str(rate), "--seconds", str(seconds), "--picture", options.picture],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        time.sleep(2.0)  # until the diagnostics were published once more
        heard, _ = listener.communicate("end\n", timeout=30)
    finally:
        for process in (detector, listener):
            process.terminate()
        detector.wait(30)
    sent, values = json.loads(camera.stdout), json.loads(heard)
    received = int(values["received"])
    return {
        "name": f"raw {size} at {rate:g} Hz",
        **sent,
        "received": received,
        "lost": sent["sent"] - received,
        "processed": int(values["processed"]),
        "memory_mb": [round(each) for each in memory],
        **{name: float(value) for name, value in values.items() if name.endswith("_ms")},
    }


def _watch(process: subprocess.Popen[bytes], seconds: float, memory: list[float]) -> None:
    """Note the memory of a process ten times, evenly over so many seconds."""
    for _ in range(10):
        time.sleep(seconds / 10)
        status = Path(f"/proc/{process.pid}/status")
        if not status.exists():
            return
        memory.append(int(status.read_text().partition("VmRSS:")[2].split()[0]) / 1024)


def listen() -> dict[str, str]:
    """Keep the detector's last diagnostics until a line comes on standard input."""
    import rclpy
    from diagnostic_msgs.msg import DiagnosticArray
    from sensor_msgs.msg import Image
    from vision_msgs.msg import Detection2DArray

    last: dict[str, str] = {}

    def keep(message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name == "detector":
                last.update({value.key: value.value for value in status.values})

    rclpy.init()
    node = rclpy.create_node("listener")
    node.create_subscription(DiagnosticArray, "/diagnostics", keep, 10)
    # With a listener each of the detector's pictures is made and sent, as on a robot.
    node.create_subscription(Detection2DArray, "detector/detections", lambda _: None, 10)
    node.create_subscription(Image, "detector/instances", lambda _: None, 10)
    threading.Thread(target=lambda: (sys.stdin.readline(), rclpy.try_shutdown())).start()
    while rclpy.ok():
        rclpy.spin_once(node, timeout_sec=0.1)
    return last


def main() -> None:
    """Measure each size, and print one JSON list."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", action="append", choices=sorted(SIZES), help="may be repeated")
    parser.add_argument("--rate", type=float, default=30.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--library", default="", help="a library with a model; none: only receive")
    parser.add_argument("--picture", default="", help="what the camera shows; noise without one")
    parser.add_argument(
        "--score-threshold", type=float, default=-1.0, help="the detector's; lower finds more"
    )
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    parser.add_argument("--role", choices=("camera", "listener"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    sizes = options.size or ["vga", "1080p"]
    if options.role == "camera":
        print(json.dumps(publish(sizes[0], options.rate, options.seconds, options.picture)))
    elif options.role == "listener":
        print(json.dumps(listen()))
    else:
        with tempfile.TemporaryDirectory() as empty:
            library = options.library or empty
            rows = [measure(size, options, library) for size in sizes]
        print(json.dumps(rows, indent=2))
        if options.json:
            options.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
