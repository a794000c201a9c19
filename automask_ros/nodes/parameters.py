"""Parameters from a described table: descriptor, range, default, and a check of every value."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.exceptions import (
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterUninitializedException,
)
from rclpy.node import Node
from rclpy.parameter import Parameter

from automask_ros.errors import AutomaskError


@dataclass(frozen=True)
class ParameterSpec:
    """One row of a node's parameter table.

    `minimum` and `maximum` bound numbers, `choices` bounds words, and `check` raises AutomaskError
    for a value that is of the right type and still wrong. A `read_only` parameter is fixed once
    the node stands; the others may change while it runs.
    """

    name: str
    default: bool | int | float | str | tuple[str, ...]
    description: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    read_only: bool = True
    check: Callable[[Any], object] | None = None

    def descriptor(self) -> ParameterDescriptor:
        """The ROS descriptor of this row."""
        message = ParameterDescriptor(
            name=self.name, description=self.description, read_only=self.read_only
        )
        if self.choices:
            message.additional_constraints = "one of: " + ", ".join(self.choices)
        if self.minimum is None or self.maximum is None:
            return message
        if isinstance(self.default, float):
            message.floating_point_range = [
                FloatingPointRange(from_value=float(self.minimum), to_value=float(self.maximum))
            ]
        else:
            message.integer_range = [
                IntegerRange(from_value=int(self.minimum), to_value=int(self.maximum))
            ]
        return message

    def problem(self, value: Any) -> str | None:
        """Why `value` cannot be taken, in one line, or None."""
        # An empty list comes as no value, which rclpy takes for one of any type.
        if value is None and not isinstance(self.default, tuple):
            return self.wrong_type()
        if self.choices and value not in self.choices:
            return f"{self.name} is {value!r}: it must be one of {', '.join(self.choices)}"
        if self.check is not None:
            try:
                self.check(value)
            except AutomaskError as error:
                return f"{self.name}: {error}"
        return None

    def out_of_range(self, value: Any) -> str | None:
        """Why a number cannot be taken, for those who ask before rclpy does; or None."""
        if self.minimum is None or self.maximum is None:
            return None
        if self.minimum <= value <= self.maximum:  # not so for NaN
            return None
        return f"{self.name} is {value}: it must be from {self.minimum} to {self.maximum}"

    def wrong_type(self) -> str:
        """Of which type a value has to be, in one line."""
        default = list(self.default) if isinstance(self.default, tuple) else self.default
        kind = type(default).__name__
        return f"{self.name} must be of type {kind}, as in {self.name}:={default!r}"


class Parameters:
    """Declares a table of parameters on a node and reads them by name.

    `on_change(name, value)` is called after a parameter changed while the node runs.

    Raises AutomaskError when a value given at start is refused.
    """

    def __init__(
        self,
        node: Node,
        table: Iterable[ParameterSpec],
        on_change: Callable[[str, Any], None] | None = None,
    ) -> None:
        self._node = node
        self._specs = {spec.name: spec for spec in table}
        node.add_on_set_parameters_callback(self._judge)
        for spec in self._specs.values():
            self._declare(spec)
        self._on_change = on_change
        if on_change is not None:
            node.add_post_set_parameters_callback(self._tell)

    def __getitem__(self, name: str) -> Any:
        try:
            return self._node.get_parameter(name).value
        except ParameterUninitializedException:
            return []  # that of an empty list

    def _declare(self, spec: ParameterSpec) -> None:
        try:
            default = list(spec.default) if isinstance(spec.default, tuple) else spec.default
            self._node.declare_parameter(spec.name, default, spec.descriptor())
        except InvalidParameterTypeException as error:
            raise AutomaskError(f"parameter {spec.wrong_type()}") from error
        except InvalidParameterValueException as error:
            # "... Reason: WHY: NAME"; WHY begins with the name, in rclpy's own words after another.
            reason = str(error).partition("Reason: ")[2].removesuffix(f": {spec.name}")
            raise AutomaskError(f"parameter {reason.removeprefix('Parameter ')}") from error

    def _judge(self, parameters: list[Parameter]) -> SetParametersResult:
        for parameter in parameters:
            spec = self._specs.get(parameter.name)
            problem = spec.problem(parameter.value) if spec else None
            if problem:
                return SetParametersResult(successful=False, reason=problem)
        return SetParametersResult(successful=True)

    def _tell(self, parameters: list[Parameter]) -> None:
        for parameter in parameters:
            if parameter.name in self._specs and self._on_change is not None:
                self._on_change(parameter.name, parameter.value)
