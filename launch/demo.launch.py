"""All four nodes before a recording that is played as if it were a camera.

ros2 launch automask_ros demo.launch.py label:=cup
"""

from launch.actions import DeclareLaunchArgument

from automask_ros.nodes.launching import (
    ARGUMENTS,
    argument,
    automask_node,
    describe,
    teaching_nodes,
)
from automask_ros.resources import share_directory
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity

_EXTRA = (
    DeclareLaunchArgument(
        "recording",
        default_value=str(share_directory() / "sample" / "teach_cup"),
        description="The rosbag2 recording to play: its folder, or one .mcap or .db3 file",
    ),
    DeclareLaunchArgument(
        "loop",
        default_value="true",
        choices=["true", "false"],
        description="Begin the recording again at its end",
    ),
    DeclareLaunchArgument(
        "image", default_value="/camera/image", description="Topic to play the pictures on"
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
        ["recording", "loop", "image_transport"],
        [("image", argument(context, "image"))],
    )
    return [*teaching_nodes(context), replay]


def generate_launch_description() -> LaunchDescription:
    """The four nodes and the player of a recording."""
    return describe(list(ARGUMENTS), _make, _EXTRA)
