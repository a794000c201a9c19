"""Somebody else's process beside our nodes, which knows nothing of their DDS profile.

`python peer.py camera` publishes pictures of `WIDTH`x`HEIGHT` on image, `RATE` a second;
`python peer.py listener TOPIC` subscribes to detections. Both until they are killed.
"""

import array
import sys
import time

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
    while True:
        message.header.stamp = node.get_clock().now().to_msg()
        publisher.publish(message)
        time.sleep(1 / RATE)


def listener(topic):
    node = rclpy.create_node("listener")
    node.create_subscription(Detection2DArray, topic, lambda message: None, RELIABLE)
    rclpy.spin(node)


if __name__ == "__main__":
    rclpy.init(args=sys.argv)
    {"camera": camera, "listener": listener}[sys.argv[1]](
        *sys.argv[2 : sys.argv.index("--ros-args")]
    )
