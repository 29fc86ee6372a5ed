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

"""Descriptions of types, as the service ``~/get_type_description`` returns them.

A description holds what the RIHS01 hash of a type is made of (REP 2011, REP 2016).
"""

from __future__ import annotations

from typing import Any

from rosbags.interfaces import Nodetype

from fer_ros.transport.base import TransportError
from fer_ros.transport.codec import knows, message_class, type_hash, typestore
from fer_ros.transport.service_types import register_service, response_class

GET_TYPE_DESCRIPTION = "type_description_interfaces/srv/GetTypeDescription"

_NESTED, _STRING, _BOUNDED_STRING = 1, 17, 21
_ARRAY, _BOUNDED, _UNBOUNDED = 48, 96, 144
"""What is added to the number of an element's type."""

_NUMBERS = {
    "int8": 2, "uint8": 3, "int16": 4, "uint16": 5, "int32": 6, "uint32": 7, "int64": 8,
    "uint64": 9, "float32": 10, "float64": 11, "char": 13, "bool": 15, "octet": 16, "byte": 16,
    "string": _STRING,
}  # fmt: skip
"""Of ``type_description_interfaces/msg/FieldType``."""

_EMPTY: list[tuple[str, Any]] = [
    ("structure_needs_at_least_one_member", (Nodetype.BASE, ("uint8", 0)))
]


def type_description(type_name: str) -> Any:
    """Return a ``type_description_interfaces/msg/TypeDescription`` of a type and of those in it.

    Args:
        type_name: E.g. ``fer_ros/msg/EmotionArray`` or ``std_srvs/srv/SetBool``.

    Raises:
        TransportError: The type is not known.
    """
    if type_name.count("/") == 2 and "/srv/" in type_name:
        register_service(type_name.removesuffix("_Request").removesuffix("_Response"))
    if not knows(type_name):
        raise TransportError(f"unknown type {type_name!r}")
    found: dict[str, Any] = {}
    _describe(type_name, found)
    own = found.pop(type_name)
    return message_class("type_description_interfaces/msg/TypeDescription")(
        type_description=own,
        referenced_type_descriptions=[found[name] for name in sorted(found)],
    )


def respond(request: Any) -> Any:
    """Handle a request of :data:`GET_TYPE_DESCRIPTION`; sources of definitions are not sent.

    Raises:
        ValueError: The request holds no valid string.
    """
    reason, description = "", None
    try:
        description = type_description(request.type_name)
        if request.type_hash not in ("", own := type_hash(request.type_name)):
            reason, description = f"the hash of {request.type_name} is {own} here", None
    except TransportError as error:
        reason = str(error)
    empty = message_class("type_description_interfaces/msg/IndividualTypeDescription")
    return response_class(GET_TYPE_DESCRIPTION)(
        successful=description is not None,
        failure_reason=reason,
        type_description=description
        or message_class("type_description_interfaces/msg/TypeDescription")(
            type_description=empty(type_name="", fields=[]), referenced_type_descriptions=[]
        ),
        type_sources=[],
        extra_information=[],
    )


def _describe(type_name: str, found: dict[str, Any]) -> None:
    if type_name in found:
        return
    fields: Any = typestore().fielddefs[type_name][1]
    field = message_class("type_description_interfaces/msg/Field")
    found[type_name] = message_class("type_description_interfaces/msg/IndividualTypeDescription")(
        type_name=type_name,
        fields=[
            field(name=name, type=_field_type(node), default_value="")
            for name, node in fields or _EMPTY
        ],
    )
    for _, (kind, detail) in fields:
        inner, name = detail[0] if kind in (Nodetype.ARRAY, Nodetype.SEQUENCE) else (kind, detail)
        if inner == Nodetype.NAME:
            _describe(name, found)


def _field_type(node: Any) -> Any:
    kind, detail = node
    added, capacity = 0, 0
    if kind in (Nodetype.ARRAY, Nodetype.SEQUENCE):
        (element, capacity) = detail
        added = _ARRAY if kind == Nodetype.ARRAY else _BOUNDED if capacity else _UNBOUNDED
        kind, detail = element
    nested, most = "", 0
    if kind == Nodetype.NAME:
        number, nested = _NESTED, detail
    else:
        name, most = detail
        number = _BOUNDED_STRING if name == "string" and most else _NUMBERS[name]
    return message_class("type_description_interfaces/msg/FieldType")(
        type_id=added + number, capacity=capacity, string_capacity=most, nested_type_name=nested
    )
