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

"""The parameter services of a node that runs without rclpy, and its ``/parameter_events``.

They behave as rclpy's do (``parameter_service.py`` of ros2/rclpy), so that ``ros2 param`` and
rqt_reconfigure work: where one of several names is not known, nothing is returned for any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from fer_ros.node.core import EmotionNode
from fer_ros.node.parameters import PARAMETERS, Parameter, ParameterError
from fer_ros.perception.strings import shortened
from fer_ros.transport.base import Qos
from fer_ros.transport.codec import encode, message_class
from fer_ros.transport.messages import header
from fer_ros.transport.service_types import response_class

EVENTS, EVENT_TYPE = "/parameter_events", "rcl_interfaces/msg/ParameterEvent"
EVENTS_QOS = Qos(depth=1000)
"""As rmw's profile for parameter events."""

RECURSIVE = 0
"""Depth of a list request that sets no limit."""

NOT_SET = 0
_TYPES = {bool: 1, int: 2, float: 3, str: 4}
_ARRAYS = {bool: 6, int: 7, float: 8, str: 9}
_FIELDS = {
    1: "bool_value", 2: "integer_value", 3: "double_value", 4: "string_value",
    5: "byte_array_value", 6: "bool_array_value", 7: "integer_array_value",
    8: "double_array_value", 9: "string_array_value",
}  # fmt: skip
"""Field of ``rcl_interfaces/msg/ParameterValue`` by the number of the type in it."""

_NUMBERS = {
    "byte_array_value": np.uint8, "bool_array_value": np.bool_, "integer_array_value": np.int64,
    "double_array_value": np.float64,
}  # fmt: skip

_ROWS = {row.name: row for row in PARAMETERS}

Handler = Callable[[Any], Any]


def type_number(value: Any) -> int:
    """Return the number of a value's type in ``rcl_interfaces/msg/ParameterType``."""
    if isinstance(value, (tuple, list)):
        return _ARRAYS[type(value[0])] if value else _ARRAYS[str]
    return _TYPES[type(value)]


def value_message(value: Any) -> Any:
    """Return a ``rcl_interfaces/msg/ParameterValue``; None makes one that is not set."""
    fields: dict[str, Any] = {
        "bool_value": False, "integer_value": 0, "double_value": 0.0, "string_value": "",
        **{name: np.array((), kind) for name, kind in _NUMBERS.items()}, "string_array_value": [],
    }  # fmt: skip
    number = NOT_SET if value is None else type_number(value)
    if number:
        name = _FIELDS[number]
        if isinstance(value, (tuple, list)):
            value = np.array(value, _NUMBERS[name]) if name in _NUMBERS else list(value)
        fields[name] = value
    return message_class("rcl_interfaces/msg/ParameterValue")(type=number, **fields)


def value_of(message: Any) -> Any:
    """Return the value that a ``rcl_interfaces/msg/ParameterValue`` holds; None: it is not set."""
    if message.type not in _FIELDS:
        return None
    value = getattr(message, _FIELDS[message.type])
    if message.type < min(_ARRAYS.values()) - 1:
        return value
    return tuple(value.tolist() if hasattr(value, "tolist") else value)


class ParameterServices:
    """Gets and sets a node's parameters for others."""

    def __init__(
        self, node: EmotionNode, fixed: Mapping[str, Any], publish: Callable[[bytes], None]
    ) -> None:
        """Prepare.

        Args:
            node: The node; its transport has the name and the clock of the events.
            fixed: Further parameters, which belong to the middleware and do not change, by name.
            publish: Sends an event.
        """
        self._node = node
        self._fixed = dict(fixed)
        self._publish = publish

    def handlers(self) -> dict[str, tuple[str, Handler]]:
        """Return the services by name, each with its type and what handles a request."""
        types = {
            "DescribeParameters": self._describe,
            "GetParameters": self._get,
            "GetParameterTypes": self._types,
            "ListParameters": self._list,
            "SetParameters": self._set,
            "SetParametersAtomically": self._set_atomically,
        }
        names = (
            "describe_parameters", "get_parameters", "get_parameter_types", "list_parameters",
            "set_parameters", "set_parameters_atomically",
        )  # fmt: skip
        return {
            f"~/{name}": (f"rcl_interfaces/srv/{kind}", handler)
            for name, (kind, handler) in zip(names, types.items())
        }

    def announce(self) -> None:
        """Publish an event with all parameters."""
        values = self._values()
        self._tell("new_parameters", {name: values[name] for name in sorted(values)})

    def set(self, changes: Sequence[tuple[str, Any]]) -> str:
        """Set several parameters or none; return why not, or an empty string."""
        wanted = shortened(", ".join(f"{name} = {value!r}" for name, value in changes))
        log = self._node.transport.log
        reason = self._refusal(changes)
        if not reason:
            before = self._values()
            try:
                self._node.set_parameters(dict(changes))
            except ParameterError as error:
                reason = str(error)
        if reason:
            log.warning(f"parameter refused: {wanted}: {reason}")
            return reason
        log.info(f"parameter set: {wanted}")
        after = self._values()
        self._tell(
            "changed_parameters",
            {name: after[name] for name, _ in changes if after[name] != before[name]},
        )
        return ""

    def _refusal(self, changes: Sequence[tuple[str, Any]]) -> str:
        for name, value in changes:
            if name in self._fixed:
                return f"{name} is read at the start and cannot change"
            if name not in _ROWS:
                return f"there is no parameter {shortened(repr(name))}"
            if value is None:
                return f"{name} cannot be taken away"
        return ""

    def _values(self) -> dict[str, Any]:
        settings = self._node.settings
        return {**{name: getattr(settings, name) for name in _ROWS}, **self._fixed}

    def _known(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the values of some parameters; of none where one of the names is not known."""
        values = self._values()
        return {name: values[name] for name in names} if set(names) <= values.keys() else {}

    def _tell(self, what: str, values: Mapping[str, Any]) -> None:
        if not values:
            return
        transport = self._node.transport
        lists: dict[str, list[Any]] = {
            "new_parameters": [], "changed_parameters": [], "deleted_parameters": [],
        }  # fmt: skip
        lists[what] = [
            message_class("rcl_interfaces/msg/Parameter")(name=name, value=value_message(value))
            for name, value in values.items()
        ]
        event = message_class(EVENT_TYPE)(
            stamp=header(transport.now_ns(), "").stamp, node=transport.node_name, **lists
        )
        self._publish(encode(event))

    def _describe(self, request: Any) -> Any:
        found = [
            _descriptor(name, value, _ROWS.get(name))
            for name, value in self._known(request.names).items()
        ]
        return response_class("rcl_interfaces/srv/DescribeParameters")(descriptors=found)

    def _get(self, request: Any) -> Any:
        known = self._known(request.names)
        found = [value_message(known[name]) for name in request.names if known]
        return response_class("rcl_interfaces/srv/GetParameters")(values=found)

    def _types(self, request: Any) -> Any:
        known = self._known(request.names)
        found = [type_number(known[name]) for name in request.names if known]
        return response_class("rcl_interfaces/srv/GetParameterTypes")(
            types=np.array(found, np.uint8)
        )

    def _list(self, request: Any) -> Any:
        names = [name for name in self._values() if _listed(name, request.prefixes, request.depth)]
        prefixes = dict.fromkeys(name.rpartition(".")[0] for name in names if "." in name)
        result = message_class("rcl_interfaces/msg/ListParametersResult")(
            names=names, prefixes=list(prefixes)
        )
        return response_class("rcl_interfaces/srv/ListParameters")(result=result)

    def _set(self, request: Any) -> Any:
        results = [
            _result(self.set([(each.name, value_of(each.value))])) for each in request.parameters
        ]
        return response_class("rcl_interfaces/srv/SetParameters")(results=results)

    def _set_atomically(self, request: Any) -> Any:
        changes = [(each.name, value_of(each.value)) for each in request.parameters]
        return response_class("rcl_interfaces/srv/SetParametersAtomically")(
            result=_result(self.set(changes))
        )


def _result(reason: str) -> Any:
    return message_class("rcl_interfaces/msg/SetParametersResult")(
        successful=not reason, reason=reason
    )


def _listed(name: str, prefixes: Sequence[str], depth: int) -> bool:
    """Return whether a list request asks for a parameter, by the rules of rclcpp and rclpy."""
    rests = [name] if not prefixes else []
    for prefix in prefixes:
        if name == prefix:
            return True
        if name.startswith(f"{prefix}."):
            rests.append(name[len(prefix) + 1 :])
    return any(depth == RECURSIVE or rest.count(".") < depth for rest in rests)


def _descriptor(name: str, value: Any, row: Parameter | None) -> Any:
    integers, floats = [], []
    if row is not None and row.limits is not None:
        low, high = row.limits
        if row.type_name == "int":
            kind = message_class("rcl_interfaces/msg/IntegerRange")
            integers = [kind(from_value=int(low), to_value=int(high), step=1)]
        else:
            kind = message_class("rcl_interfaces/msg/FloatingPointRange")
            floats = [kind(from_value=low, to_value=high, step=0.0)]
    return message_class("rcl_interfaces/msg/ParameterDescriptor")(
        name=name,
        type=type_number(value),
        description="" if row is None else row.description,
        additional_constraints="" if row is None else row.constraints,
        read_only=row is None,
        dynamic_typing=False,
        floating_point_range=floats,
        integer_range=integers,
    )
