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

"""One row of the node's table of parameters: name, type, default, range and meaning."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from fer_ros.perception.strings import shortened

T = TypeVar("T")

Value = bool | int | float | str | tuple[str, ...] | tuple[int, ...] | tuple[float, ...]


class ParameterError(ValueError):
    """A parameter is unknown, has the wrong type or lies outside its range."""


@dataclass(frozen=True)
class Parameter:
    """One row of the table."""

    name: str
    default: Value
    description: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    dynamic: bool = False
    """Whether it may change while the node is active."""

    @property
    def type_name(self) -> str:
        """Name of the type as ROS spells it."""
        names = {bool: "bool", int: "int", float: "double", str: "string"}
        if isinstance(self.default, tuple):
            return f"{names[type(self.default[0])]}[]"
        return names[type(self.default)]

    @property
    def limits(self) -> tuple[float, float] | None:
        """The least and the largest value; None for lists, whose ranges ROS cannot describe."""
        if isinstance(self.default, tuple) or self.minimum is None or self.maximum is None:
            return None
        return self.minimum, self.maximum

    @property
    def constraints(self) -> str:
        """Constraint beyond type and range, as text; empty where there is none."""
        if self.choices:
            return f"One of: {', '.join(self.choices)}."
        return "" if self.dynamic else "Cannot change while the node is inactive or active."

    def check(self, value: Any) -> Value:
        """Return the value in the parameter's type.

        Raises:
            ParameterError: The value does not fit; the message says which values do.
        """
        checked = self._typed(value)
        for item in checked if isinstance(checked, tuple) else (checked,):
            if isinstance(item, (int, float)) and not isinstance(item, bool):
                self._check_range(item)
        if self.choices:
            chosen = checked if isinstance(checked, tuple) else (checked,)
            unknown = [item for item in chosen if item not in self.choices]
            if unknown:
                raise ParameterError(
                    f"{self.name} must be one of {', '.join(self.choices)}, not {unknown[0]!r}"
                )
        return checked

    def _typed(self, value: Any) -> Value:
        try:
            if value is False and self.default == "off":  # as YAML, so ROS, reads a bare off
                return self.default
            if not isinstance(self.default, tuple):
                return _of_kind(value, type(self.default))
            kind = type(self.default[0])
            items: Any = None
            if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
                items = tuple(_of_kind(item, kind) for item in value)
            else:  # one name or number where a list is wanted
                items = (_of_kind(value, kind),)
            if items is not None:
                return cast(Value, items)
        except TypeError:
            pass
        raise ParameterError(
            f"{self.name} must be of type {self.type_name}, not {type(value).__name__} "
            f"{shortened(repr(value))}"
        )

    def _check_range(self, number: float) -> None:
        low = -math.inf if self.minimum is None else self.minimum
        high = math.inf if self.maximum is None else self.maximum
        if not low <= number <= high:  # false for NaN as well
            raise ParameterError(f"{self.name} must lie in {low:g}..{high:g}, not {number}")


def _of_kind(value: Any, kind: type[T]) -> T:
    """Return a value in a type; a whole number is accepted for a float.

    Raises:
        TypeError: It is of another type.
    """
    if type(value) is int and issubclass(kind, float):
        return kind(value)
    if type(value) is not kind:
        raise TypeError
    return value


def row(
    default: Any,
    description: str,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
    dynamic: bool = False,
) -> Any:
    """Return a dataclass field that is a row of the table; see :class:`Parameter`."""
    metadata = {
        "description": description,
        "minimum": minimum,
        "maximum": maximum,
        "choices": choices,
        "dynamic": dynamic,
    }
    return field(default=default, metadata=metadata)
