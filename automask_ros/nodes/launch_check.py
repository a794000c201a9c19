"""Whether what a launch file was given can be taken, said in one line before anything starts.

Each argument that is a parameter is held against the nodes' own tables, so that both say the same.
Imported by launch files only: `launch` comes with a ROS 2 installation.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from launch.utilities.type_utils import coerce_to_type
from rclpy.exceptions import InvalidNamespaceException, InvalidTopicNameException
from rclpy.expand_topic_name import expand_topic_name
from rclpy.validate_full_topic_name import validate_full_topic_name
from rclpy.validate_namespace import validate_namespace

from automask_ros.errors import AutomaskError
from automask_ros.library.recording import Recording
from automask_ros.nodes import (
    capture_node,
    detector_node,
    mask_generation_node,
    replay_node,
    teach_node,
    trainer_node,
)
from automask_ros.nodes.parameter_file import check_parameter_file
from automask_ros.nodes.parameters import ParameterSpec

TABLES: dict[str, tuple[ParameterSpec, ...]] = {
    "capture": capture_node.TABLE,
    "mask_generator": mask_generation_node.TABLE,
    "trainer": trainer_node.TABLE,
    "detector": detector_node.TABLE,
    "teach": teach_node.TABLE,
    "replay": replay_node.TABLE,
}
_DEVICE = re.compile(r"auto|cpu|cuda(:\d{1,3})?")
_WEIGHTS = {"fcn": ("lite",), "base_model": ("lite", "resnet50")}
"""What stands for weights that are no file."""


def check_arguments(given: Mapping[str, str], types: Mapping[str, type | None]) -> None:
    """AutomaskError for the first argument that cannot be taken.

    `given` has every argument of the launch file, `types` those that are parameters, and of what
    type; None where it is a list of words. One that is empty leaves the parameter as it is.
    """
    namespace = _namespace(given["namespace"])
    for name in ("image", "depth"):
        if name in given:
            _named(name, lambda text: _check_topic(text, namespace), given[name])
    # The detector alone reads the library only: it may lie on a disk that is mounted so.
    checks = _CHECKS | {"library": partial(_check_library, written="label" in given)}
    for name, text in given.items():
        if text and name in types:
            _check_parameter(name, text, types[name])
            _named(name, checks.get(name, lambda _: None), text)
    for name in ("image_topics", "depth_topics"):
        for topic in value_of(name, given.get(name, "") or "[]", None):
            _named(name, lambda text: _check_topic(text, namespace), topic)
    if "recording" in given:
        topic = given["topic"] or None
        _named("recording", lambda text: Recording(_path(text), topic), given["recording"])
    _named("params", lambda text: check_parameter_file(_path(text), TABLES), given["params"])


def _named(name: str, check: Callable[[str], object], text: str) -> None:
    """Run a check; its error begins with the argument's name."""
    try:
        check(text)
    except AutomaskError as error:
        raise AutomaskError(f"argument {name}: {error}") from error


def _check_parameter(name: str, text: str, kind: type | None) -> None:
    value = value_of(name, text, kind)
    for spec in _specs(name):
        if problem := spec.problem(value) or spec.out_of_range(value):
            raise AutomaskError(f"argument {problem}")


def _specs(name: str) -> Iterable[ParameterSpec]:
    """The rows of all nodes for a parameter."""
    rows = (spec for table in TABLES.values() for spec in table)
    return (spec for spec in rows if spec.name == name)


def value_of(name: str, text: str, kind: type | None) -> Any:
    """The value that launch makes of an argument's text."""
    try:
        return coerce_to_type(text, data_type=list[str] if kind is None else kind)
    except ValueError:
        wanted = "a list, as in [/left/image_raw, /right/image_raw]"
        words = {int: "a whole number", float: "a number", bool: "true or false"}
        raise AutomaskError(
            f"argument {name} is {text!r}: it must be {words.get(kind or list, wanted)}"
        ) from None


def _namespace(text: str) -> str:
    namespace = "/" + text.strip("/")
    try:
        validate_namespace(namespace)
    except InvalidNamespaceException as error:
        raise AutomaskError(f"argument namespace: {_reason(error, text)}") from error
    return namespace


def _check_topic(text: str, namespace: str) -> None:
    if not text:
        raise AutomaskError("no topic given; name one, as in camera/image_raw")
    try:
        validate_full_topic_name(expand_topic_name(text, "node", namespace))
    except (InvalidTopicNameException, ValueError) as error:
        raise AutomaskError(_reason(error, text)) from error


def _reason(error: Exception, text: str) -> str:
    # "... invalid: WHY, at FILE:LINE" in which FILE is of ROS, or "Invalid ...: WHY:" and the place
    # with a mark below it, on two more lines.
    why = str(error).splitlines()[0].partition(", at ")[0].rstrip(":").partition(": ")[2]
    return f"{text!r} is no name: {why}"


def _path(text: str) -> Path:
    return Path(text).expanduser()


def _check_library(text: str, written: bool) -> None:
    """A folder, or a place where one can be made."""
    path = _path(text).absolute()
    there = next(each for each in (path, *path.parents) if os.path.exists(each))
    if not there.is_dir():
        raise AutomaskError(f"{there} is no folder; name another one for the library")
    needed = os.R_OK if there == path and not written else os.W_OK
    if not os.access(there, needed | os.X_OK):
        raise AutomaskError(f"{there} cannot be written to; give it to this user, or name another")


def _check_device(text: str) -> None:
    if not _DEVICE.fullmatch(text):
        raise AutomaskError(f"no device is called {text!r}: give auto, cpu, cuda or cuda:N")


def _check_weights(text: str, words: tuple[str, ...]) -> None:
    if text not in words and not Path(text).exists():
        raise AutomaskError(
            f"there is nothing at {text}; give {', '.join(words)} or a whole path, without ~"
        )


_CHECKS: dict[str, Callable[[str], object]] = {
    "device": _check_device,
    "fcn": lambda text: _check_weights(text, _WEIGHTS["fcn"]),
    "base_model": lambda text: _check_weights(text, _WEIGHTS["base_model"]),
}
