"""What the launch files share: their arguments, and the nodes that those make.

Imported by launch files only: `launch` and `launch_ros` come with a ROS 2 installation.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.launch_context import LaunchContext
from launch.launch_description import LaunchDescription
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from automask_ros.nodes.environment import PROFILE_VARIABLES, ros_environment
from automask_ros.resources import share_directory

CONFIG = share_directory() / "config"

# Arguments that are parameters of the same name; one left empty keeps the parameter file's value.
# None is the type that YAML takes a value for.
_TYPES: dict[str, type | None] = {
    "label": str,
    "recording": str,
    "loop": bool,
    "image_topics": None,
    "depth_topics": None,
    "image_transport": str,
    "library": str,
    "views": int,
    "auto_start": bool,
    "fcn": str,
    "base_model": str,
    "iterations": int,
    "device": str,
    "runtime": str,
    "threads": int,
    "use_sim_time": bool,
}
_KEPT = " (empty: as in the file `params`)"

ARGUMENTS = {
    argument.name: argument
    for argument in (
        DeclareLaunchArgument(
            "image",
            default_value="/camera/image_raw",
            description="The camera's image topic, without the suffix /compressed",
        ),
        DeclareLaunchArgument(
            "depth",
            default_value="/camera/depth_registered/image_raw",
            description="The camera's topic of depth that is aligned to `image`, for positions in "
            "space; camera_info lies beside it",
        ),
        DeclareLaunchArgument(
            "image_topics",
            default_value="",
            description="Several cameras for the detector, in place of `image`: "
            "[/left/image_raw, /right/image_raw]" + _KEPT,
        ),
        DeclareLaunchArgument(
            "depth_topics",
            default_value="",
            description="Their aligned depth, in the same order: [/left/depth, /right/depth]"
            + _KEPT,
        ),
        DeclareLaunchArgument(
            "image_transport",
            default_value="raw",
            choices=["raw", "compressed"],
            description="How the pictures travel: raw on `image`, compressed on `image`/compressed",
        ),
        DeclareLaunchArgument(
            "library",
            default_value="",
            description="Folder of the library of objects and models" + _KEPT,
        ),
        DeclareLaunchArgument(
            "label",
            default_value="object",
            description="Name of the object that is shown: [a-z0-9][a-z0-9_-]{0,63}",
        ),
        DeclareLaunchArgument(
            "views",
            default_value="",
            description="Views after which capturing ends by itself" + _KEPT,
        ),
        DeclareLaunchArgument(
            "auto_start",
            default_value="false",
            choices=["true", "false"],
            description="Take views at once, without a call of capture/start",
        ),
        DeclareLaunchArgument(
            "fcn",
            default_value="",
            description="Network of stage one: lite or the path of a .safetensors file" + _KEPT,
        ),
        DeclareLaunchArgument(
            "base_model",
            default_value="",
            description="Start weights of stage two: lite, resnet50 or a path" + _KEPT,
        ),
        DeclareLaunchArgument("iterations", default_value="", description="Training steps" + _KEPT),
        DeclareLaunchArgument(
            "device",
            default_value="",
            description="Where the networks run: auto, cpu, cuda, cuda:0, ..." + _KEPT,
        ),
        DeclareLaunchArgument(
            "runtime",
            default_value="",
            choices=["", "auto", "torch", "onnx"],
            description="What runs the detector's network" + _KEPT,
        ),
        DeclareLaunchArgument(
            "threads",
            default_value="",
            description="CPU threads for each network, 0: one per core" + _KEPT,
        ),
        DeclareLaunchArgument(
            "namespace", default_value="", description="Namespace of all nodes, one per robot"
        ),
        DeclareLaunchArgument(
            "composed",
            default_value="false",
            choices=["true", "false"],
            description="All nodes in one process: less memory, but they share one interpreter",
        ),
        DeclareLaunchArgument(
            "use_sim_time",
            default_value="false",
            choices=["true", "false"],
            description="Take the time from /clock",
        ),
        DeclareLaunchArgument(
            "params",
            default_value=str(CONFIG / "robot_cpu.yaml"),
            description="Parameter file: config/robot_cpu.yaml, config/workstation_gpu.yaml, "
            "or your own",
        ),
    )
}


def describe(
    names: Sequence[str],
    make: Callable[[LaunchContext], list[LaunchDescriptionEntity]],
    extra: Sequence[DeclareLaunchArgument] = (),
) -> LaunchDescription:
    """A launch description with the arguments `names`, the DDS profile, and what `make` returns.

    An argument in `extra` takes the place of the one of its name.
    """
    arguments = {name: ARGUMENTS[name] for name in names}
    arguments.update({argument.name: argument for argument in extra})
    return LaunchDescription(
        [
            *arguments.values(),
            OpaqueFunction(function=_set_dds_profile),
            OpaqueFunction(function=make),
        ]
    )


def automask_node(
    context: LaunchContext,
    executable: str,
    parameters: Sequence[str],
    remappings: Sequence[tuple[str, str]] = (),
    **options: Any,
) -> Node:
    """One of our nodes; `parameters` names the launch arguments that are parameters of it."""
    given = {
        name: ParameterValue(LaunchConfiguration(name), value_type=_TYPES[name])
        for name in (*parameters, "use_sim_time")
        if argument(context, name)
    }
    path = Path(argument(context, "params")).expanduser()
    return Node(
        **_located(executable),
        namespace=argument(context, "namespace"),
        parameters=[str(path), given],
        remappings=list(remappings),
        output="screen",
        emulate_tty=True,
        **options,
    )


def teaching_nodes(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """All four nodes, on the camera that the argument `image` names."""
    if argument(context, "composed") == "true":
        return [_composed_nodes(context)]
    common = ["library"]
    camera = [("image", argument(context, "image"))]
    return [
        automask_node(
            context,
            "capture_node",
            [*common, "label", "views", "auto_start", "image_transport"],
            camera,
        ),
        automask_node(context, "mask_generation_node", [*common, "fcn", "device", "threads"]),
        automask_node(
            context, "trainer_node", [*common, "base_model", "iterations", "device", "threads"]
        ),
        *detecting_nodes(context),
    ]


def detecting_nodes(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """The detector alone; a trainer in the same namespace tells it of new models."""
    return [
        automask_node(
            context,
            "detector_node",
            [
                *("library", "image_topics", "depth_topics", "image_transport"),
                *("device", "runtime", "threads"),
            ],
            _detector_topics(context),
        )
    ]


def _composed_nodes(context: LaunchContext) -> Node:
    """All four in one process: each takes the parameters that it declares."""
    return automask_node(
        context,
        "composed_nodes",
        [name for name in _TYPES if name in ARGUMENTS and name != "use_sim_time"],
        _detector_topics(context),
    )


def _detector_topics(context: LaunchContext) -> list[tuple[str, str]]:
    """The remappings of a process with a detector."""
    camera = [(name, argument(context, name)) for name in ("image", "depth")]
    return [*camera, ("model", "trainer/model")]


def argument(context: LaunchContext, name: str) -> str:
    """The value of a launch argument."""
    return str(context.perform_substitution(LaunchConfiguration(name)))


def _located(executable: str) -> dict[str, str]:
    """How launch finds an executable: beside Python where pip installed it, else by package."""
    beside = Path(sys.executable).with_name(executable)
    if beside.is_file():
        return {"executable": str(beside)}
    return {"package": "automask_ros", "executable": executable}


def _set_dds_profile(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Shared memory for large images, unless the user has chosen a profile."""
    environment = ros_environment(context.environment)
    return [SetEnvironmentVariable(name, environment[name]) for name in PROFILE_VARIABLES]
