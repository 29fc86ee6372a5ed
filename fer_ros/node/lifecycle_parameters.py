# Copyright 2026 fer_ros maintainers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""The table of parameters as rclpy declares it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.parameter import Parameter as ParameterOfRos

from fer_ros.node.parameters import (
    PARAMETERS,
    Parameter,
    ParameterError,
    Settings,
    parameter,
    unknown_parameters,
)
from fer_ros.transport.base import Transport

AUTOSTART = Parameter(
    name="autostart",
    default=False,
    description="Configure and activate the node as soon as it runs; the launch files set it. "
    "False leaves the transitions to a lifecycle manager. Read at start.",
)
"""The one parameter that only ROS 2 knows: without it there are no transitions from outside."""


@contextmanager
def values_given() -> Iterator[None]:
    """Say in words that a parameter has no value, where rclpy makes a node in a ``with``.

    Raises:
        ParameterError: One has none.
    """
    try:
        yield
    except ValueError as error:
        raise ParameterError(
            f"a parameter was given without a value, perhaps an empty list ({error})"
        ) from error


def declare(node: Any, transport: Transport) -> tuple[Settings, bool]:
    """Declare the table with the values given from outside, and log unknown names.

    Args:
        node: An rclpy node made with ``automatically_declare_parameters_from_overrides=True``,
            the only public way to see all values that were given.
        transport: The node's transport.

    Returns:
        The settings, and whether to start by itself.

    Raises:
        ParameterError: A value does not fit; the message says which values do.
    """
    given = dict(transport.parameter_overrides())
    autostart = AUTOSTART.check(given.pop(AUTOSTART.name, AUTOSTART.default))
    settings = Settings.from_overrides(given)
    for row in PARAMETERS:
        _declare_row(node, row, getattr(settings, row.name))
    _declare_row(node, AUTOSTART, autostart, read_only=True)
    unknown = unknown_parameters(given)
    if unknown:
        transport.log.warning(f"ignored: {unknown}")
    return settings, bool(autostart)


def in_own_type(given: ParameterOfRos) -> ParameterOfRos:
    """Return a parameter in its row's type; as it is where it has no row or does not fit."""
    try:
        row = parameter(given.name)
        value = row.check(given.value)
    except ParameterError:  # rclpy refuses it with its own words
        return given
    kind = ParameterOfRos.Type.from_parameter_value(_as_list(row.default))
    return ParameterOfRos(given.name, kind, _as_list(value))


def _as_list(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def descriptor(row: Parameter, read_only: bool = False) -> ParameterDescriptor:
    """Return the description of a parameter as ``ros2 param describe`` shows it."""
    described = ParameterDescriptor(description=row.description, read_only=read_only)
    if row.choices or not read_only:
        described.additional_constraints = row.constraints
    if row.limits is not None:
        low, high = row.limits
        if row.type_name == "int":
            described.integer_range = [
                IntegerRange(from_value=int(low), to_value=int(high), step=1)
            ]
        else:
            described.floating_point_range = [
                FloatingPointRange(from_value=low, to_value=high, step=0.0)
            ]
    return described


def _declare_row(node: Any, row: Parameter, value: Any, read_only: bool = False) -> None:
    """Declare a parameter in its own type, in place of what the node declared by itself."""
    if node.has_parameter(row.name):
        node.undeclare_parameter(row.name)
    described = descriptor(row, read_only)
    node.declare_parameter(row.name, _as_list(value), described, ignore_override=True)
