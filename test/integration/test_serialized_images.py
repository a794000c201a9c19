"""What a raw subscription brings from another process is read in place as rclpy deserializes it."""

import numpy as np
from integration.drawn_objects import view
from integration.robot import RELIABLE
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image

from automask_ros.nodes.image_messages import to_array
from automask_ros.nodes.serialized_images import read_image


def test_a_view_of_the_capture_node(robot, tmp_path):
    arrived = []
    topic = "capture/view"
    robot.node.create_subscription(Image, topic, arrived.append, RELIABLE, raw=True)
    robot.start("capture_node", library=tmp_path / "library", label="cup", auto_start=True)
    robot.wait_for(lambda: robot.images.get_subscription_count(), 30, "the camera's subscription")
    robot.wait_for(lambda: robot.node.count_publishers(topic), 30, "the publisher of views")
    shown = []

    def taken():
        # What is sent before both sides know of it is lost, and shown again it is no new view.
        image, _ = view("cup", len(shown))
        shown.append((robot.show(image), image))
        robot.spin(0.3)
        return arrived

    robot.wait_for(taken, 20, "the view")
    found, message = read_image(arrived[0]), deserialize_message(arrived[0], Image)
    assert found.header == message.header
    (image,) = (image for header, image in shown if header == found.header)
    assert bytes(found.data) == bytes(message.data)
    assert (found.encoding, found.height, found.width) == ("bgr8", 240, 320)
    assert np.array_equal(to_array(found), image)
