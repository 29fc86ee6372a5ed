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

"""The endpoints and participants of the domain, as DDS discovery knows them."""

from __future__ import annotations

import threading
from typing import Any

from fer_ros.transport.base import TopicInfo
from fer_ros.transport.dds.cyclone import builtin, core, domain
from fer_ros.transport.dds.cyclone import qos as dds
from fer_ros.transport.dds.types import delete
from fer_ros.transport.names import ros_topic, ros_type

_AT_ONCE = 1000
"""Changes that are read in one go."""

_MOST = 20_000
"""At most so many endpoints, and participants, are known; of more, the later ones are not."""


class Discovery:
    """What a participant knows of the others of its domain, and of itself; safe between threads."""

    def __init__(self, participant: domain.DomainParticipant) -> None:
        """Prepare; discovery is read from the first question on."""
        self._writers = _Known(participant, builtin.BuiltinTopicDcpsPublication)
        self._readers = _Known(participant, builtin.BuiltinTopicDcpsSubscription)
        self._participants = _Known(participant, builtin.BuiltinTopicDcpsParticipant)

    def endpoints(self, writers: bool) -> list[builtin.DcpsEndpoint]:
        """Return the writers, or else the readers, that are there now; none once closed."""
        return (self._writers if writers else self._readers).now()

    def participants(self) -> set[bytes]:
        """Return the keys (GUID, 16 bytes) of the participants that are there now."""
        return {each.key.bytes for each in self._participants.now()}

    def published_topics(self) -> tuple[TopicInfo, ...]:
        """Return the ROS topics with a publisher in the domain, sorted by name."""
        offers: dict[tuple[str, str], list[dds.Qos]] = {}
        for endpoint in self.endpoints(writers=True):
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

    def close(self) -> None:
        """Stop listening; harmless when called again."""
        for known in (self._writers, self._readers, self._participants):
            known.close()


class _Known:
    """The present instances of a built-in topic, kept up to date by what has changed.

    The binding (cyclonedds 11.0.1) never frees some 100 bytes of each endpoint that it reads. All
    of them read once a second are 0.3 MB a minute in a graph of 50; so each is read once.
    """

    def __init__(self, participant: domain.DomainParticipant, kind: builtin.BuiltinTopic) -> None:
        self._participant = participant
        self._kind = kind
        self._reader: builtin.BuiltinDataReader | None = None
        self._present: dict[bytes, Any] = {}
        self._lock = threading.Lock()
        self._closed = False

    def now(self) -> list[Any]:
        with self._lock:
            if self._closed:
                return []
            if self._reader is None:
                self._reader = builtin.BuiltinDataReader(self._participant, self._kind)
            while changes := self._reader.take(_AT_ONCE):
                for each in changes:
                    self._note(each)
            return list(self._present.values())

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._reader is not None:
                delete(self._reader)
            self._reader = None

    def _note(self, sample: Any) -> None:
        key = sample.key.bytes
        if sample.sample_info.instance_state != core.InstanceState.Alive:
            self._present.pop(key, None)
        elif len(self._present) < _MOST:
            self._present[key] = sample


def _is_reliable(qos: dds.Qos) -> bool:
    return isinstance(qos[dds.Policy.Reliability], dds.Policy.Reliability.Reliable)


def _is_latched(qos: dds.Qos) -> bool:
    durability = qos[dds.Policy.Durability]
    return durability is not None and durability != dds.Policy.Durability.Volatile
