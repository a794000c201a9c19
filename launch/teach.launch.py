"""All nodes: show an object to the camera, be told what to do, train, detect.

ros2 launch automask_ros teach.launch.py label:=mug image:=camera/image_raw
"""

from automask_ros.nodes.launch_arguments import ARGUMENTS
from automask_ros.nodes.launching import describe, teaching_nodes
from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """Capture, mask generator, trainer, detector and teach on one camera and one library."""
    return describe(list(ARGUMENTS), teaching_nodes)
