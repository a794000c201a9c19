"""The arguments of the launch files, each described, and of what type its parameter is.

Imported by launch files only: `launch` comes with a ROS 2 installation.
"""

from __future__ import annotations

from launch.actions import DeclareLaunchArgument

from automask_ros.resources import share_directory

CONFIG = share_directory() / "config"

# Arguments that are parameters of the same name; one left empty keeps the parameter file's value.
# None is the type that YAML takes a value for.
TYPES: dict[str, type | None] = {
    "label": str,
    "recording": str,
    "topic": str,
    "rate": float,
    "wait_for": int,
    "loop": bool,
    "image_topics": None,
    "depth_topics": None,
    "image_transport": str,
    "library": str,
    "views": int,
    "min_novelty": float,
    "auto_start": bool,
    "train": bool,
    "fcn": str,
    "empty_scene": str,
    "base_model": str,
    "iterations": int,
    "device": str,
    "runtime": str,
    "threads": int,
    "use_sim_time": bool,
}
_KEPT = " (empty: what the file `params` says, or else the node)"

ARGUMENTS = {
    argument.name: argument
    for argument in (
        DeclareLaunchArgument(
            "image",
            default_value="camera/image_raw",
            description="The camera's image topic, without the suffix /compressed; without a / in "
            "front it lies below `namespace`",
        ),
        DeclareLaunchArgument(
            "depth",
            default_value="camera/depth_registered/image_raw",
            description="The camera's topic of depth that is aligned to `image`, for positions in "
            "space; camera_info lies beside it; named like `image`",
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
            default_value="",
            choices=["", "raw", "compressed"],
            description="How the pictures travel: raw on `image`, compressed on `image`/compressed"
            + _KEPT,
        ),
        DeclareLaunchArgument(
            "library",
            default_value="",
            description="Folder of the library of objects and models" + _KEPT,
        ),
        DeclareLaunchArgument(
            "label",
            default_value="",
            description="Name of the object that is shown: [a-z0-9][a-z0-9_-]{0,63}" + _KEPT,
        ),
        DeclareLaunchArgument(
            "views",
            default_value="",
            description="Views after which capturing ends by itself" + _KEPT,
        ),
        DeclareLaunchArgument(
            "min_novelty",
            default_value="",
            description="Least difference of a frame to every view kept, 0 to 1; lower it to keep "
            "more similar views" + _KEPT,
        ),
        DeclareLaunchArgument(
            "auto_start",
            default_value="",
            choices=["", "true", "false"],
            description="Take views at once, without a call of capture/start" + _KEPT,
        ),
        DeclareLaunchArgument(
            "train",
            default_value="",
            choices=["", "true", "false"],
            description="Order training once all views are there; else call trainer/train" + _KEPT,
        ),
        DeclareLaunchArgument(
            "fcn",
            default_value="",
            description="Network of stage one: lite or the path of a .safetensors file" + _KEPT,
        ),
        DeclareLaunchArgument(
            "empty_scene",
            default_value="",
            description="Picture of the scene without the object, the empty hand or plate, or a "
            "folder of them" + _KEPT,
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
            "namespace",
            default_value="",
            description="Namespace of all nodes and of topics without a / in front, one per robot",
        ),
        DeclareLaunchArgument(
            "respawn",
            default_value="false",
            choices=["true", "false"],
            description="Start a node again two seconds after it died",
        ),
        DeclareLaunchArgument(
            "composed",
            default_value="false",
            choices=["true", "false"],
            description="All nodes in one process: less memory, but they share one interpreter",
        ),
        DeclareLaunchArgument(
            "use_sim_time",
            default_value="",
            choices=["", "true", "false"],
            description="Take the time from /clock" + _KEPT,
        ),
        DeclareLaunchArgument(
            "params",
            default_value=str(CONFIG / "robot_cpu.yaml"),
            description="Parameter file: config/robot_cpu.yaml, config/workstation_gpu.yaml, "
            "or your own, with QoS overrides too; arguments that are given win over it",
        ),
    )
}
