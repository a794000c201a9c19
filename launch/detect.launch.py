"""The detector alone, with the model that the library holds.

ros2 launch automask_ros detect.launch.py image:=camera/image_raw library:=~/automask_library
"""

from automask_ros.nodes.launching import describe, detecting_nodes
from launch import LaunchDescription

_ARGUMENTS = (
    "image",
    "depth",
    "image_topics",
    "depth_topics",
    "image_transport",
    "library",
    "device",
    "runtime",
    "threads",
    "namespace",
    "respawn",
    "use_sim_time",
    "params",
)


def generate_launch_description() -> LaunchDescription:
    """The detector on one library, and one camera or several."""
    return describe(_ARGUMENTS, detecting_nodes)
