"""Somebody else's process beside our nodes, which knows nothing of their DDS profile.

`python peer.py camera RATE` publishes pictures of `WIDTH`x`HEIGHT` on image, so many a second and
every fifth a small one, and when it is terminated says how many it published. `python peer.py
listener TOPIC` subscribes to detections until it is killed, and says a word for each.
"""

import array
import signal
import sys
import threading

import rclpy
from rclpy.qos import QoSProfile, QoSReliabilityPolicy
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

WIDTH, HEIGHT = 640, 480
RELIABLE = QoSProfile(depth=10, reliability=QoSReliabilityPolicy.RELIABLE)


def picture(width, height):
    message = Image(encoding="bgr8", width=width, height=height, step=3 * width)
    message.data = array.array("B", bytes(3 * width * height))
    return message


def camera(rate):
    node = rclpy.create_node("camera")
    publisher = node.create_publisher(Image, "image", RELIABLE)
    large, small = picture(WIDTH, HEIGHT), picture(64, 48)
    published = 0
    terminated = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: terminated.set())
    while not terminated.wait(1 / float(rate)):
        # That something is lost, a reader is told once something later reaches it.
        message = small if published % 5 == 4 else large
        message.header.stamp = node.get_clock().now().to_msg()
        publisher.publish(message)
        published += 1
    sys.stdout.write(f"{published}\n")


def listener(topic):
    node = rclpy.create_node("listener")

    def hear(_):
        sys.stdout.write("heard\n")
        sys.stdout.flush()

    node.create_subscription(Detection2DArray, topic, hear, RELIABLE)
    rclpy.spin(node)


if __name__ == "__main__":
    rclpy.init(args=sys.argv)
    {"camera": camera, "listener": listener}[sys.argv[1]](
        *sys.argv[2 : sys.argv.index("--ros-args")]
    )
