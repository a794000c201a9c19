"""Whether a ROS 2 parameter file suits our nodes; rclpy takes no notice of a name it does not know.

Sections for other nodes, and those for every node (`/**`), are left to those nodes.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from automask_ros.errors import AutomaskError
from automask_ros.library.files import one_line
from automask_ros.nodes.parameters import ParameterSpec

_SECTION = "ros__parameters"
_ANY_NODE = ("use_sim_time", "start_type_description_service", "qos_overrides.")
"""Names, or begins of names, that every node has."""

Tables = Mapping[str, Sequence[ParameterSpec]]


def check_parameter_file(path: Path, tables: Tables) -> None:
    """AutomaskError for a file that cannot be read, or that gives a node what it does not take.

    `tables` holds each node's parameters by its name.
    """
    sections = list(_sections(_read(path)))
    if not sections:
        raise AutomaskError(f"{path} is no parameter file: no {_SECTION} stands in it")
    for node, parameters in sections:
        specs = {spec.name: spec for spec in tables.get(node, ())}
        for name, value in _flat(parameters) if specs else ():
            if name.startswith(_ANY_NODE):
                continue
            if name not in specs:
                raise AutomaskError(f"{path}: {node} has no parameter {name}{near(name, specs)}")
            if problem := _problem(specs[name], value):
                raise AutomaskError(f"{path}: {node}: {problem}")


def _read(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise AutomaskError(f"there is no parameter file {path}; check the path") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise AutomaskError(f"{path} is no parameter file: {one_line(error)}") from error


def _sections(content: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """The parameters of each node, by the last part of its name."""
    if not isinstance(content, dict):
        return
    for key, below in content.items():
        if key == _SECTION:
            yield above.rpartition("/")[2], below
        else:
            yield from _sections(below, str(key))


def _flat(parameters: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """Values by their whole names, in which a dot stands for a step down."""
    if not isinstance(parameters, dict):
        return
    for key, value in parameters.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _problem(spec: ParameterSpec, value: Any) -> str | None:
    """Why rclpy or the node would refuse a value."""
    wanted = list if isinstance(spec.default, tuple) else type(spec.default)
    if type(value) is not wanted:
        return spec.wrong_type()
    return spec.problem(value) or spec.out_of_range(value)


def near(name: str, names: Collection[str]) -> str:
    """The end of a line about a `name` that is none of these: which one may be meant."""
    found = difflib.get_close_matches(name, names, 1)
    return f"; is it {found[0]}?" if found else f"; it has {', '.join(sorted(names))}"
