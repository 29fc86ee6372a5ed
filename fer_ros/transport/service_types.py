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

"""Types of services: their requests, responses and hashes.

A service type counts as a structure of request, response and event, whose hash is made like that
of a message (REP 2011 and rosidl_generator_type_description).
"""

from __future__ import annotations

from functools import cache
from typing import Any

from rosbags.interfaces import Nodetype
from rosbags.typesys import get_types_from_msg

from fer_ros.transport.base import TransportError
from fer_ros.transport.codec import message_class, type_hash, typestore

SET_BOOL = "std_srvs/srv/SetBool"
EVENT_INFO = "service_msgs/msg/ServiceEventInfo"

_DEFINITIONS = {
    "lifecycle_msgs/srv/ChangeState": ("Transition transition", "bool success"),
    "lifecycle_msgs/srv/GetAvailableStates": ("", "State[] available_states"),
    "lifecycle_msgs/srv/GetAvailableTransitions": (
        "", "TransitionDescription[] available_transitions",
    ),
    "lifecycle_msgs/srv/GetState": ("", "State current_state"),
    "rcl_interfaces/srv/DescribeParameters": (
        "string[] names", "ParameterDescriptor[] descriptors",
    ),
    "rcl_interfaces/srv/GetParameters": ("string[] names", "ParameterValue[] values"),
    "rcl_interfaces/srv/GetParameterTypes": ("string[] names", "uint8[] types"),
    "rcl_interfaces/srv/ListParameters": (
        "uint64 DEPTH_RECURSIVE=0\nstring[] prefixes\nuint64 depth", "ListParametersResult result",
    ),
    "rcl_interfaces/srv/SetParameters": (
        "Parameter[] parameters", "SetParametersResult[] results",
    ),
    "rcl_interfaces/srv/SetParametersAtomically": (
        "Parameter[] parameters", "SetParametersResult result",
    ),
    "std_srvs/srv/Empty": ("", ""),
    SET_BOOL: ("bool data", "bool success\nstring message"),
    "std_srvs/srv/Trigger": ("", "bool success\nstring message"),
    "type_description_interfaces/srv/GetTypeDescription": (
        "string type_name\nstring type_hash\nbool include_type_sources",
        "bool successful\nstring failure_reason\nTypeDescription type_description\n"
        "TypeSource[] type_sources\nKeyValue[] extra_information",
    ),
}  # fmt: skip
"""Request and response of the services that this package offers or calls."""


@cache
def register_service(type_name: str) -> None:
    """Register request and response of a service type with the codec.

    Args:
        type_name: E.g. ``std_srvs/srv/SetBool``.

    Raises:
        TransportError: It is none of those that this package knows.
    """
    try:
        definitions = _DEFINITIONS[type_name]
    except KeyError:
        raise TransportError(
            f"unknown service type {type_name!r}; known: {', '.join(sorted(_DEFINITIONS))}"
        ) from None
    request, response = f"{type_name}_Request", f"{type_name}_Response"
    types: dict[str, Any] = {}
    for name, text in zip((request, response), definitions):
        # Names in it are relative to the package's messages, as in a message.
        (types[name],) = get_types_from_msg(text, name.replace("/srv/", "/msg/")).values()
    types[f"{type_name}_Event"] = ([], [
        ("info", (Nodetype.NAME, EVENT_INFO)),
        ("request", (Nodetype.SEQUENCE, ((Nodetype.NAME, request), 1))),
        ("response", (Nodetype.SEQUENCE, ((Nodetype.NAME, response), 1))),
    ])  # fmt: skip
    types[type_name] = ([], [
        ("request_message", (Nodetype.NAME, request)),
        ("response_message", (Nodetype.NAME, response)),
        ("event_message", (Nodetype.NAME, f"{type_name}_Event")),
    ])  # fmt: skip
    typestore().register(types)


def service_hash(type_name: str) -> str:
    """Return the RIHS01 hash of a service type.

    Raises:
        TransportError: The type is not known.
    """
    register_service(type_name)
    return type_hash(type_name)


def request_class(type_name: str) -> Any:
    """Return the class of a service's requests.

    Raises:
        TransportError: The type is not known.
    """
    register_service(type_name)
    return message_class(f"{type_name}_Request")


def response_class(type_name: str) -> Any:
    """Return the class of a service's responses.

    Raises:
        TransportError: The type is not known.
    """
    register_service(type_name)
    return message_class(f"{type_name}_Response")
