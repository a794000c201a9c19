"""All nodes before a recording that is played as if it were a camera.

ros2 launch automask_ros demo.launch.py
ros2 launch automask_ros demo.launch.py recording:=/my/recording label:=mug loop:=false
"""

from launch.actions import DeclareLaunchArgument

from automask_ros.nodes.launch_arguments import ARGUMENTS
from automask_ros.nodes.launching import argument, automask_node, describe, teaching_nodes
from automask_ros.resources import share_directory
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity

_EXTRA = (
    DeclareLaunchArgument(
        "recording",
        default_value=str(share_directory() / "sample" / "teach_cup"),
        description="The rosbag2 recording to play: its folder or one file of it",
    ),
    DeclareLaunchArgument(
        "topic",
        default_value="",
        description="Image topic in the recording; empty when there is only one",
    ),
    DeclareLaunchArgument(
        "rate",
        default_value="0.0",
        description="Pictures a second; 0 plays as fast as they were taken",
    ),
    DeclareLaunchArgument(
        "wait_for",
        default_value="2",
        description="Subscribers to wait for before the first picture: capture and the detector",
    ),
    DeclareLaunchArgument(
        "loop",
        default_value="true",
        choices=["true", "false"],
        description="Begin the recording again at its end",
    ),
    DeclareLaunchArgument(
        "image",
        default_value="camera/image",
        description="Topic to play the pictures on; without a / in front below `namespace`",
    ),
    DeclareLaunchArgument(
        "image_transport",
        default_value="compressed",
        choices=["raw", "compressed"],
        description="How the pictures travel: raw on `image`, compressed on `image`/compressed",
    ),
    DeclareLaunchArgument(
        "library",
        default_value="~/automask_demo",
        description="The folder where everything is kept; not the one of your own objects",
    ),
    DeclareLaunchArgument(
        "label", default_value="cup", description="Name of the object that the recording shows"
    ),
    DeclareLaunchArgument(
        "auto_start",
        default_value="true",
        choices=["true", "false"],
        description="Take views at once, without a call of capture/start",
    ),
)


def _make(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    replay = automask_node(
        context,
        "replay_node",
        ["recording", "topic", "rate", "wait_for", "loop", "image_transport"],
        [("image", argument(context, "image"))],
        respawn=False,  # it ends with the recording
    )
    return [*teaching_nodes(context), replay]


def generate_launch_description() -> LaunchDescription:
    """The nodes and the player of a recording."""
    return describe(list(ARGUMENTS), _make, _EXTRA)
