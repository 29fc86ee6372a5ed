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

"""Diagnosis of mismatched DDS endpoints, from discovery data.

DDS itself counts refusals and names the policy of the last one, and never takes a refusal back.
"""

from __future__ import annotations

import math
import time
from typing import Any

from fer_ros.transport.dds.cyclone import pub, sub
from fer_ros.transport.dds.cyclone import qos as dds
from fer_ros.transport.dds.discovery import Discovery

TYPE_REMEDY = (
    "build both sides from the same definition of the message, and if the other side runs on Fast "
    "DDS 3 or later, set its property fastdds.type_propagation to disabled (docs/ros2.md)"
)
"""What to do where an endpoint is refused for its type."""

_PATIENCE = 3.0
"""How long a counterpart may stay unmatched before that is a refusal [s]."""
_LOOK_PERIOD = 1.0
"""Pause between two looks at what discovery knows [s]."""

_STRENGTHS = {
    dds.Policy.Reliability: ("BestEffort", "Reliable"),
    dds.Policy.Durability: ("Volatile", "TransientLocal", "Transient", "Persistent"),
    dds.Policy.Liveliness: ("Automatic", "ManualByParticipant", "ManualByTopic"),
    dds.Policy.DestinationOrder: ("ByReceptionTimestamp", "BySourceTimestamp"),
}
"""Policies of which at least as much must be offered as is requested, the weakest first."""

_DURATIONS = {
    dds.Policy.Deadline: "deadline",
    dds.Policy.LatencyBudget: "budget",
    dds.Policy.Liveliness: "lease_duration",
}
"""Policies of which no longer time may be offered than is requested."""

_ROS_NAMES = {
    dds.Policy.Reliability: "RELIABILITY",
    dds.Policy.Durability: "DURABILITY",
    dds.Policy.Liveliness: "LIVELINESS",
    dds.Policy.DestinationOrder: "DESTINATION_ORDER",
    dds.Policy.Deadline: "DEADLINE",
    dds.Policy.LatencyBudget: "LATENCY_BUDGET",
    dds.Policy.Ownership: "OWNERSHIP",
    dds.Policy.DataRepresentation: "DATA_REPRESENTATION",
}


def conflicts(
    discovery: Discovery, endpoint: sub.DataReader[Any] | pub.DataWriter[Any]
) -> set[str]:
    """Return the names of the policies in which a counterpart is incompatible with an endpoint."""
    own = endpoint.get_qos()
    reads = isinstance(endpoint, sub.DataReader)
    found = set()
    for other in discovery.endpoints(writers=reads):
        if other.topic_name != endpoint.topic.name:
            continue
        found |= misfits(other.qos, own) if reads else misfits(own, other.qos)
    return found


class TypeRefusals:
    """Whether counterparts of an endpoint are refused for their type, which no DDS status reports.

    They have another type, or they fit by name, type and QoS and do not match all the same: so it
    is where Cyclone DDS refuses the description of their type.
    """

    def __init__(
        self, discovery: Discovery, endpoint: sub.DataReader[Any] | pub.DataWriter[Any]
    ) -> None:
        """Watch an open endpoint; nothing happens between calls of :meth:`look`."""
        self._discovery = discovery
        self._endpoint = endpoint
        self._looked, self._unmatched_since = -math.inf, math.inf
        self._refused = False

    def look(self, matched: int) -> bool:
        """Return whether one is refused, as far as known; looks once a second at most.

        Args:
            matched: How many counterparts the endpoint has matched.
        """
        now = time.monotonic()
        if now - self._looked < _LOOK_PERIOD:
            return self._refused
        self._looked = now
        own = self._endpoint.get_qos()
        reads = isinstance(self._endpoint, sub.DataReader)
        topic = self._endpoint.topic
        others = [
            other
            for other in self._discovery.endpoints(writers=reads)
            if other.topic_name == topic.name and other.qos[dds.Policy.Partition] is None
        ]
        alike = [other for other in others if other.type_name == topic.typename]
        fitting = sum(
            not (misfits(other.qos, own) if reads else misfits(own, other.qos)) for other in alike
        )
        self._unmatched_since = min(self._unmatched_since, now) if fitting > matched else math.inf
        self._refused = len(alike) < len(others) or now - self._unmatched_since >= _PATIENCE
        return self._refused


def misfits(offered: dds.Qos, requested: dds.Qos) -> set[str]:
    """Return the names of the policies that keep a reader from a writer, spelled as in ROS.

    The rules are those of the DDS specification, section 2.2.3. A policy that one side does not
    tell counts as fitting.

    Args:
        offered: The writer's QoS.
        requested: The reader's QoS.
    """
    found = set()
    for policy, name in _ROS_NAMES.items():
        offer, request = offered[policy], requested[policy]
        if offer is not None and request is not None and not _suffices(policy, offer, request):
            found.add(name)
    return found


def _suffices(policy: type, offer: dds.BasePolicy, request: dds.BasePolicy) -> bool:
    if policy is dds.Policy.Ownership:
        return bool(offer == request)
    if policy is dds.Policy.DataRepresentation:
        written, read = _representations(offer), _representations(request)
        return not written or not read or bool(written & read)
    if policy in _STRENGTHS:
        order = _STRENGTHS[policy]
        if order.index(_kind(offer)) < order.index(_kind(request)):
            return False
    if policy in _DURATIONS:
        time = _DURATIONS[policy]
        return bool(getattr(offer, time) <= getattr(request, time))
    return True


def _representations(policy: dds.BasePolicy) -> set[str]:
    """Return which encodings are named; older writers name none."""
    names = ("use_cdrv0_representation", "use_xcdrv2_representation")
    return {name for name in names if getattr(policy, name)}


def _kind(policy: dds.BasePolicy) -> str:
    """Return e.g. ``Reliable``."""
    return type(policy).__name__.rpartition(".")[2]
