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

"""The endpoints of the domain, as DDS discovery knows them."""

from __future__ import annotations

from fer_ros.transport.base import TopicInfo
from fer_ros.transport.dds.cyclone import builtin, domain
from fer_ros.transport.dds.cyclone import qos as dds
from fer_ros.transport.dds.types import delete
from fer_ros.transport.names import ros_topic, ros_type

_MANY = 10_000
"""At most so many endpoints are read."""


def endpoints(
    participant: domain.DomainParticipant, writers: bool
) -> list[builtin.DcpsEndpoint]:  # fmt: skip
    """Return the writers, or else the readers, that discovery knows now."""
    kind = builtin.BuiltinTopicDcpsPublication if writers else builtin.BuiltinTopicDcpsSubscription
    reader = builtin.BuiltinDataReader(participant, kind)
    try:  # a fresh reader gets those that are there, not those that have left
        return list(reader.read(_MANY))
    finally:
        delete(reader)


def published_topics(participant: domain.DomainParticipant) -> tuple[TopicInfo, ...]:
    """Return the ROS topics with a publisher in the domain, sorted by name."""
    offers: dict[tuple[str, str], list[dds.Qos]] = {}
    for endpoint in endpoints(participant, writers=True):
        topic, kind = ros_topic(endpoint.topic_name), ros_type(endpoint.type_name)
        if topic and kind:
            offers.setdefault((topic, kind), []).append(endpoint.qos)
    return tuple(
        TopicInfo(
            name=topic,
            type_name=kind,
            publishers=len(qos),
            reliable=all(map(_is_reliable, qos)),
            latched=all(map(_is_latched, qos)),
        )
        for (topic, kind), qos in sorted(offers.items())
    )


def _is_reliable(qos: dds.Qos) -> bool:
    return isinstance(qos[dds.Policy.Reliability], dds.Policy.Reliability.Reliable)


def _is_latched(qos: dds.Qos) -> bool:
    durability = qos[dds.Policy.Durability]
    return durability is not None and durability != dds.Policy.Durability.Volatile
