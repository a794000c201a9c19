"""What the launch files share: how their arguments make nodes.

Imported by launch files only: `launch` and `launch_ros` come with a ROS 2 installation.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import yaml
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.launch_context import LaunchContext
from launch.launch_description import LaunchDescription
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from automask_ros.nodes.environment import profile_variables, ros_environment
from automask_ros.nodes.launch_arguments import ARGUMENTS, TYPES

RESPAWN_DELAY = 2.0
"""Seconds from a node's death to its return: what ended it may still be there at once."""


def describe(
    names: Sequence[str],
    make: Callable[[LaunchContext], list[LaunchDescriptionEntity]],
    extra: Sequence[DeclareLaunchArgument] = (),
) -> LaunchDescription:
    """A launch description with the arguments `names`, the DDS profile, and what `make` returns.

    An argument in `extra` takes the place of the one of its name. What cannot be taken is said in
    one line before anything starts.
    """
    arguments = {name: ARGUMENTS[name] for name in names}
    arguments.update({argument.name: argument for argument in extra})
    return LaunchDescription(
        [
            *arguments.values(),
            OpaqueFunction(function=_check, args=[list(arguments)]),
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
    """One of our nodes; `parameters` names the launch arguments that are parameters of it.

    It comes back after it died where the argument `respawn` says so.
    """
    path = Path(argument(context, "params")).expanduser()
    given = _given(context, parameters)
    respawn = argument(context, "respawn") == "true"
    lasting = {"respawn": respawn, "respawn_delay": RESPAWN_DELAY}
    return Node(
        **_located(executable),
        namespace=argument(context, "namespace"),
        parameters=[str(path), str(given)],
        remappings=list(remappings),
        output="screen",
        emulate_tty=True,
        **lasting | options,
    )


def teaching_nodes(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """All nodes, on the camera that the argument `image` names."""
    if argument(context, "composed") == "true":
        return [_composed_nodes(context)]
    common = ["library"]
    camera = [("image", argument(context, "image"))]
    return [
        automask_node(
            context,
            "capture_node",
            [*common, "label", "views", "min_novelty", "auto_start", "image_transport"],
            camera,
        ),
        automask_node(
            context, "mask_generation_node", [*common, "fcn", "empty_scene", "device", "threads"]
        ),
        automask_node(
            context, "trainer_node", [*common, "base_model", "iterations", "device", "threads"]
        ),
        *detecting_nodes(context),
        automask_node(context, "teach_node", ["train", "image_transport"], camera),
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
    """All of them in one process: each takes the parameters that it declares."""
    return automask_node(
        context,
        "composed_nodes",
        [name for name in TYPES if name in ARGUMENTS and name != "use_sim_time"],
        _detector_topics(context),
    )


def _given(context: LaunchContext, parameters: Sequence[str]) -> Path:
    """A parameter file with the arguments that are given, where launch_ros keeps its own.

    Of several sections that speak of a node rcl takes the one whose name it has read first before
    the others: these have names that no other file has. `label` is for capture alone, for
    mask_generator, which may share its process, is to make the masks of every object.
    """
    from automask_ros.nodes.launch_check import value_of

    given = {
        name: value_of(name, argument(context, name), TYPES[name])
        for name in (*parameters, "use_sim_time")
        if argument(context, name)
    }
    label = {"label": given.pop("label")} if "label" in given else {}
    sections = {"/**/*": given, "/**/**/capture": label}
    content = {name: {"ros__parameters": values} for name, values in sections.items() if values}
    with NamedTemporaryFile("w", prefix="launch_params_", suffix=".yaml", delete=False) as file:
        yaml.safe_dump(content, file, sort_keys=False)
    return Path(file.name)


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


def _check(context: LaunchContext, names: Sequence[str]) -> None:
    """AutomaskError, which launch prints as one line, for an argument that cannot be taken."""
    # Here and not above: the nodes' tables take a second, which --show-args need not wait for.
    from automask_ros.nodes.launch_check import check_arguments

    check_arguments({name: argument(context, name) for name in names}, TYPES)


def _set_dds_profile(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Shared memory for large images, unless the user has chosen a profile."""
    environment = ros_environment(context.environment)
    return [
        SetEnvironmentVariable(name, environment[name]) for name in profile_variables(environment)
    ]
