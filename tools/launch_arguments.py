"""The arguments of the launch files, as the real `launch` has them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from automask_ros.resources import share_directory

_SHARE = "SHARE"
"""Stands in the document for the folder where the package's files lie once it is installed."""


def launch_rows() -> list[tuple[str, ...]] | None:
    """A row for each argument: its name, the launch files in which it is so, its default, what is
    allowed, and what it is. None where `launch` or `launch_ros` is not installed."""
    if importlib.util.find_spec("launch_ros") is None:
        return None
    files: dict[str, dict[tuple[str, ...], list[str]]] = {}
    for path in sorted((share_directory() / "launch").glob("*.launch.py"), reverse=True):
        for argument in _arguments(path):
            rows = files.setdefault(f"`{argument.name}`", {})
            rows.setdefault(_row(argument), []).append(path.name.removesuffix(".launch.py"))
    return [(name, ", ".join(of), *row) for name, rows in files.items() for row, of in rows.items()]


def _arguments(path: Path) -> list[Any]:
    from launch.launch_description_sources import PythonLaunchDescriptionSource

    from launch import LaunchContext

    source = PythonLaunchDescriptionSource(str(path))
    return list(source.get_launch_description(LaunchContext()).get_launch_arguments())


def _row(argument: Any) -> tuple[str, ...]:
    from launch import LaunchContext

    parts = argument.default_value or []
    default = "".join(part.perform(LaunchContext()) for part in parts)
    default = default.replace(str(share_directory()), _SHARE)
    choices = ", ".join(choice or "empty" for choice in argument.choices or ())
    # launch itself writes the choices behind the description.
    description = argument.description.partition(". Valid choices are:")[0]
    return f"`{default}`" if default else "empty", choices, description
