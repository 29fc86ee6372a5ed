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

"""Key expressions and liveliness tokens as rmw_zenoh_cpp writes and reads them.

The formats are described in ``docs/design.md`` and
``rmw_zenoh_cpp/src/detail/liveliness_utils.cpp`` of the repository ros2/rmw_zenoh. A message
travels under ``domain/topic/type/hash``; a liveliness token under ``@ros2_lv`` says that a node,
publisher, subscription, service or client exists.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from fer_ros.transport.base import Qos
from fer_ros.transport.names import InvalidNameError, NodeName

ADMIN_SPACE = "@ros2_lv"
NO_ENCLAVE = "/"

DEFAULT_DEPTH = 42
"""History depth [messages] that a token leaves out."""

_BEST_EFFORT, _TRANSIENT_LOCAL = "2", "1"
"""Values of ``rmw_qos_reliability_policy_e`` and ``rmw_qos_durability_policy_e``."""

_NODE_PARTS = 9
_ENDPOINT_PARTS = 13


class Kind(Enum):
    """Kind of entity of a token."""

    NODE = "NN"
    PUBLISHER = "MP"
    SUBSCRIPTION = "MS"
    SERVICE = "SS"
    CLIENT = "SC"


@dataclass(frozen=True)
class Endpoint:
    """Topic or service of a publisher, subscription, service server or client."""

    name: str
    """Fully qualified, e.g. ``/fer/emotions``."""
    type_name: str
    """As DDS spells it, e.g. ``fer_ros::msg::dds_::EmotionArray_``."""
    type_hash: str
    """E.g. ``RIHS01_`` and 64 hexadecimal digits."""
    qos: Qos

    def key(self, domain: int) -> str:
        """Return the key expression under which its messages travel in a domain."""
        return f"{domain}/{self.name.strip('/')}/{self.type_name}/{self.type_hash}"

    def matches(self, other: Endpoint) -> bool:
        """Tell whether messages of one reach the other; QoS never prevents that in Zenoh."""
        return (self.name, self.type_name, self.type_hash) == (
            other.name,
            other.type_name,
            other.type_hash,
        )


@dataclass(frozen=True)
class Entity:
    """Content of a liveliness token."""

    domain: int
    session: str
    """Zenoh's id of the session, hexadecimal."""
    node_id: int
    entity_id: int
    kind: Kind
    node: NodeName
    endpoint: Endpoint | None = None
    """None for nodes."""
    enclave: str = NO_ENCLAVE

    def token(self) -> str:
        """Return the key expression of the token."""
        parts = [
            ADMIN_SPACE, str(self.domain), self.session, str(self.node_id), str(self.entity_id),
            self.kind.value, mangled(self.enclave), mangled(self.node.namespace), self.node.name,
        ]  # fmt: skip
        if self.endpoint is not None:
            parts += [
                mangled(self.endpoint.name),
                mangled(self.endpoint.type_name),
                mangled(self.endpoint.type_hash),
                qos_text(self.endpoint.qos),
            ]
        return "/".join(parts)


def mangled(name: str) -> str:
    """Return a name as one chunk of a key expression, with ``%`` for ``/``."""
    return name.replace("/", "%")


def demangled(chunk: str) -> str:
    """Return the name that :func:`mangled` was given."""
    return chunk.replace("%", "/")


def domain_pattern(domain: int) -> str:
    """Return the key expression of all tokens of a domain."""
    return f"{ADMIN_SPACE}/{domain}/**"


def read_token(token: str) -> Entity | None:
    """Return the content of a token; None where it is not of this form.

    Later versions may append chunks (rmw_zenoh appends buffer backends), which are ignored.
    """
    parts = token.split("/")
    if len(parts) < _NODE_PARTS or "" in parts or parts[0] != ADMIN_SPACE:
        return None
    try:
        kind = Kind(parts[5])
        node = NodeName(parts[8], demangled(parts[7]))
        endpoint = None
        if kind is not Kind.NODE:
            if len(parts) < _ENDPOINT_PARTS:
                return None
            name, type_name, type_hash = map(demangled, parts[9:12])
            endpoint = Endpoint(name, type_name, type_hash, read_qos(parts[12]))
        return Entity(
            int(parts[1]), parts[2], int(parts[3]), int(parts[4]), kind, node, endpoint,
            demangled(parts[6]),
        )  # fmt: skip
    except (ValueError, InvalidNameError):
        return None


def qos_text(qos: Qos) -> str:
    """Return a QoS in the compact form of tokens, which leaves out rmw_zenoh's defaults.

    The fields are reliability, durability, history and depth, deadline, lifespan, liveliness and
    its lease. rmw_zenoh before 0.2.3 had transient_local for its default durability.
    """
    reliability = "" if qos.reliability == "reliable" else _BEST_EFFORT
    durability = "" if qos.durability == "volatile" else _TRANSIENT_LOCAL
    depth = "" if qos.depth == DEFAULT_DEPTH else str(qos.depth)
    return f"{reliability}:{durability}:,{depth}:,:,:,,"


def read_qos(text: str) -> Qos:
    """Return the QoS that a token holds, as far as this package knows it.

    Raises:
        ValueError: It is not of that form.
    """
    reliability, durability, history = text.split(":")[:3]
    _, depth = history.split(",")
    return Qos(
        "best_effort" if reliability == _BEST_EFFORT else "reliable",
        depth=int(depth or DEFAULT_DEPTH),
        durability="transient_local" if durability == _TRANSIENT_LOCAL else "volatile",
    )
