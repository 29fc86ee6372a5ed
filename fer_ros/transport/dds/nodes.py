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

"""The other nodes in the domain, from their announcements.

Every ROS 2 participant announces its nodes on ``ros_discovery_info``; one that was killed never
takes that back, so only participants that discovery still knows count.
"""

from __future__ import annotations

import threading
from typing import Any

from fer_ros.transport.base import Qos
from fer_ros.transport.dds.cyclone import domain, internal, sub, topic
from fer_ros.transport.dds.discovery import Discovery
from fer_ros.transport.dds.graph import TYPE, discovery_typestore
from fer_ros.transport.dds.qos import endpoint_qos
from fer_ros.transport.dds.types import delete

_MANY = 1000
"""At most so many announcements are read at once."""

_MOST_BYTES = 1 << 20
"""Of an announcement that is read: thousands of nodes of a participant, with their endpoints."""

_GUID_LENGTH = 16


class KnownNodes:
    """Listens to the announcements of other participants."""

    def __init__(
        self,
        participant: domain.DomainParticipant,
        announcements: topic.Topic[Any],
        discovery: Discovery,
    ) -> None:
        """Subscribe; nodes that are there already become known within a moment.

        Args:
            participant: The own one, which does not count.
            announcements: Its ``ros_discovery_info``.
            discovery: Knows which participants are still there.
        """
        self._discovery = discovery
        self._own = participant.guid.bytes
        self._store = discovery_typestore()
        qos = Qos(reliability="reliable", depth=_MANY, durability="transient_local")
        self._reader = sub.DataReader(participant, announcements, endpoint_qos(qos, ""))
        self._names: dict[bytes, tuple[str, ...]] = {}
        self._lock = threading.Lock()
        self._closed = False

    def count(self, full_name: str) -> int:
        """Return how many other nodes have a fully qualified name now."""
        with self._lock:
            if self._closed:
                return 0
            self._take()
            alive = self._discovery.participants()
            self._names = {gid: names for gid, names in self._names.items() if gid in alive}
            return sum(names.count(full_name) for names in self._names.values())

    def close(self) -> None:
        """Leave the topic; harmless when called again."""
        with self._lock:
            if not self._closed:
                self._closed = True
                delete(self._reader)

    def _take(self) -> None:
        for sample in self._reader.take(_MANY):
            if isinstance(sample, internal.InvalidSample) or len(sample.cdr) > _MOST_BYTES:
                continue
            try:
                info: Any = self._store.deserialize_cdr(memoryview(sample.cdr), TYPE)
            except Exception:  # another release's idea of the message is no node's fault
                continue
            gid = bytes(info.gid.data[:_GUID_LENGTH])
            if gid != self._own:
                self._names[gid] = tuple(
                    f"{node.node_namespace.rstrip('/')}/{node.node_name}"
                    for node in info.node_entities_info_seq
                )
