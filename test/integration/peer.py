"""Somebody else's process beside our nodes, which knows nothing of their DDS profile.

`python peer.py camera` publishes pictures of `WIDTH`x`HEIGHT` on image, `RATE` a second, and
when it is terminated says how many it published. `python peer.py listener TOPIC` subscribes to
detections until it is killed.
"""

import array
import signal
import sys
import threading

import rclpy
from rclpy.qos import QoSProfile, QoSReliabilityPolicy
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

WIDTH, HEIGHT, RATE = 640, 480, 20
RELIABLE = QoSProfile(depth=10, reliability=QoSReliabilityPolicy.RELIABLE)


def camera():
    node = rclpy.create_node("camera")
    publisher = node.create_publisher(Image, "image", RELIABLE)
    message = Image(encoding="bgr8", width=WIDTH, height=HEIGHT, step=3 * WIDTH)
    message.data = array.array("B", bytes(3 * WIDTH * HEIGHT))
    published = 0
    terminated = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: terminated.set())
    while not terminated.wait(1 / RATE):
        message.header.stamp = node.get_clock().now().to_msg()
        publisher.publish(message)
        published += 1
    sys.stdout.write(f"{published}\n")


def listener(topic):
    node = rclpy.create_node("listener")
    node.create_subscription(Detection2DArray, topic, lambda message: None, RELIABLE)
    rclpy.spin(node)


if __name__ == "__main__":
    rclpy.init(args=sys.argv)
    {"camera": camera, "listener": listener}[sys.argv[1]](
        *sys.argv[2 : sys.argv.index("--ros-args")]
    )
