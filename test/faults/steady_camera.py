"""A camera in a process of its own: raw VGA at a steady rate, best effort, as a driver sends it.

Shows the drawn object whose label is the last line on standard input; ends when that closes.
"""

import argparse
import struct
import sys
import threading
import time

import cv2
import rclpy
from integration.drawn_objects import SHAPES, view
from rclpy.qos import QoSProfile, QoSReliabilityPolicy
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from automask_ros.nodes.image_messages import to_message

WIDTH, HEIGHT = 640, 480
VIEWS = 40
"""Different pictures of each object; after the last one the first comes again."""
_STAMP = struct.Struct("<iI")


def picture(label, seed):
    """View `seed` of an object, (480, 640, 3) uint8 BGR."""
    return cv2.resize(view(label, seed)[0], (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)


def _frames(label):
    header = Header(frame_id="camera")
    return [
        bytearray(serialize_message(to_message(picture(label, seed), header)))
        for seed in range(VIEWS)
    ]


def _read_labels(shown):
    for line in sys.stdin:
        shown[0] = line.strip()
    rclpy.try_shutdown()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("topic")
    parser.add_argument("--rate", type=float, default=30.0)
    options = parser.parse_args()
    frames = {label: _frames(label) for label in SHAPES}
    shown = [next(iter(SHAPES))]
    threading.Thread(target=_read_labels, args=(shown,), daemon=True).start()
    rclpy.init()
    qos = QoSProfile(depth=5, reliability=QoSReliabilityPolicy.BEST_EFFORT)
    publisher = rclpy.create_node("steady_camera").create_publisher(Image, options.topic, qos)
    due, number = time.monotonic(), 0
    while rclpy.ok():
        frame = frames[shown[0]][number % VIEWS]
        _STAMP.pack_into(frame, 4, *divmod(time.time_ns(), 1_000_000_000))
        publisher.publish(bytes(frame))
        number += 1
        due += 1 / options.rate
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main()
