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

"""Names in the ROS graph: validation, expansion, remapping, and how DDS spells them.

The rules are those of rcl and rmw, so that a name means the same here as under rclpy.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fer_ros.transport.base import TransportError

MAX_TOPIC_LENGTH = 247
"""DDS allows 255 characters; rmw keeps eight of them for its prefixes."""
MAX_NODE_NAME_LENGTH = 255

EndpointKind = Literal["topic", "service"]

_TOKEN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SUBSTITUTION = re.compile(r"\{([^{}]*)\}")
_DDS_TYPE = re.compile(r"(\w+)::(msg)::dds_::(\w+)_")
_TYPE = re.compile(r"([A-Za-z][A-Za-z0-9_]*)/(msg|srv)/([A-Za-z][A-Za-z0-9_]*)")


class InvalidNameError(TransportError):
    """A name that no ROS graph would accept."""


@dataclass(frozen=True)
class NodeName:
    """A node's name and namespace, both valid.

    Raises:
        InvalidNameError: One of the two is not.
    """

    name: str
    namespace: str = "/"
    """Absolute, e.g. ``/`` or ``/robot/head``."""

    def __post_init__(self) -> None:
        check_node_name(self.name)
        check_namespace(self.namespace)

    @property
    def full(self) -> str:
        """Fully qualified name, e.g. ``/robot/fer``."""
        return _join(self.namespace, self.name)


@dataclass(frozen=True)
class RemapRule:
    """One ``from:=to`` rule for names of topics and services."""

    source: str
    target: str
    node: str | None = None
    """Only nodes of this name follow the rule; None: all."""
    kind: EndpointKind | None = None
    """What is renamed; None: both."""

    def applies_to(self, full_name: str, node: NodeName, kind: EndpointKind) -> bool:
        """Tell whether the rule renames a fully qualified name of a node."""
        return (
            self.node in (None, node.name)
            and self.kind in (None, kind)
            and expand(self.source, node) == full_name
        )


def check_node_name(name: str) -> None:
    """Check a node's base name.

    Raises:
        InvalidNameError: It is not valid; the message says why.
    """
    if not _TOKEN.fullmatch(name):
        raise InvalidNameError(
            f"invalid node name {name!r}: it must consist of letters, digits and underscores "
            "and not start with a digit"
        )
    if len(name) > MAX_NODE_NAME_LENGTH:
        raise InvalidNameError(f"node name is longer than {MAX_NODE_NAME_LENGTH}: {name!r}")


def check_namespace(namespace: str) -> None:
    """Check an absolute namespace.

    Raises:
        InvalidNameError: It is not valid; the message says why.
    """
    if namespace != "/":
        _check_full(namespace, "namespace")


def absolute_namespace(namespace: str) -> str:
    """Return a namespace with the leading slash that users may leave out."""
    return namespace if namespace.startswith("/") else f"/{namespace}"


def expand(name: str, node: NodeName) -> str:
    """Return the fully qualified form of a topic or service name.

    Args:
        name: Absolute (``/a``), relative (``a``) or private (``~/a``); may hold the
            substitutions ``{node}``, ``{ns}`` and ``{namespace}``.
        node: Whose name it is.

    Raises:
        InvalidNameError: The name is not valid; the message says why.
    """
    if not name:
        raise InvalidNameError("a topic name must not be empty")
    if "~" in name[1:] or (name.startswith("~") and name[1:2] not in ("", "/")):
        raise InvalidNameError(
            f"invalid topic name {name!r}: '~' must come first, alone or followed by '/'"
        )
    full = _SUBSTITUTION.sub(lambda match: _substitute(match, name, node), name)
    if full.startswith("~"):
        full = node.full + full[1:]
    elif not full.startswith("/"):
        full = _join(node.namespace, full)
    _check_full(full, "topic name", shown=name)
    return full


def resolve(
    name: str, node: NodeName, rules: Sequence[RemapRule], kind: EndpointKind = "topic"
) -> str:
    """Return the fully qualified name after expansion and the first rule that applies.

    Raises:
        InvalidNameError: The name, or a rule's, is not valid.
    """
    full = expand(name, node)
    for rule in rules:
        if rule.applies_to(full, node, kind):
            return expand(rule.target, node)
    return full


def dds_topic(full_name: str) -> str:
    """Return the DDS name of a ROS topic, e.g. ``rt/fer/emotions``."""
    return f"rt{full_name}"


def dds_type(type_name: str) -> str:
    """Return the DDS name of a ROS type, e.g. ``sensor_msgs::msg::dds_::Image_``.

    Raises:
        InvalidNameError: It is not of the form ``package/msg/Name``.
    """
    match = _TYPE.fullmatch(type_name)
    if match is None:
        raise InvalidNameError(
            f"invalid type name {type_name!r}: it must look like sensor_msgs/msg/Image"
        )
    package, kind, name = match.groups()
    return f"{package}::{kind}::dds_::{name}_"


def ros_topic(dds_name: str) -> str:
    """Return the ROS name of a DDS topic; empty where it is none, e.g. for a service's."""
    return dds_name[2:] if dds_name.startswith("rt/") else ""


def ros_type(dds_name: str) -> str:
    """Return the ROS name of a DDS type, e.g. ``sensor_msgs/msg/Image``; empty where it is none."""
    match = _DDS_TYPE.fullmatch(dds_name)
    return "/".join(match.groups()) if match else ""


def _join(namespace: str, name: str) -> str:
    return f"{namespace}{name}" if namespace == "/" else f"{namespace}/{name}"


def _substitute(match: re.Match[str], name: str, node: NodeName) -> str:
    values = {"node": node.name, "ns": node.namespace, "namespace": node.namespace}
    try:
        return values[match.group(1)]
    except KeyError:
        raise InvalidNameError(
            f"invalid topic name {name!r}: unknown substitution {match.group(0)}; "
            "known: {node}, {ns}, {namespace}"
        ) from None


def _check_full(full: str, what: str, shown: str | None = None) -> None:
    shown = full if shown is None else shown
    if not full.startswith("/"):
        raise InvalidNameError(f"invalid {what} {shown!r}: it must start with '/'")
    if full.endswith("/"):
        raise InvalidNameError(f"invalid {what} {shown!r}: it must not end with '/'")
    for token in full[1:].split("/"):
        if not _TOKEN.fullmatch(token):
            problem = f"{token!r} is no name" if token else "'/' must not be repeated"
            raise InvalidNameError(
                f"invalid {what} {shown!r}: {problem}; between slashes are letters, digits "
                "and underscores, and no digit first"
            )
    if len(full) > MAX_TOPIC_LENGTH:
        raise InvalidNameError(f"{what} is longer than {MAX_TOPIC_LENGTH}: {shown!r}")
