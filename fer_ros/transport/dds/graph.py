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

"""Announcement of a DDS participant's node and endpoints to ROS 2.

ROS 2 reads this from the topic ``ros_discovery_info``; without it a node's topics are seen, but
not the node (package rmw_dds_common).
"""

from __future__ import annotations

import os
import threading
from typing import Any

import numpy as np
from rosbags.typesys import Stores, get_typestore
from rosbags.typesys.store import Typestore

from fer_ros.transport import codec
from fer_ros.transport.base import Qos
from fer_ros.transport.dds.cyclone import core, domain, pub, sub, topic
from fer_ros.transport.dds.qos import endpoint_qos
from fer_ros.transport.dds.types import delete, sample_type, write
from fer_ros.transport.names import NodeName

TOPIC = "ros_discovery_info"
TYPE = "rmw_dds_common/msg/ParticipantEntitiesInfo"
GID = "rmw_dds_common/msg/Gid"
QOS = Qos(reliability="reliable", depth=1, durability="transient_local")


def type_hash_data(type_name: str) -> str:
    """Return an endpoint's user data, from which ROS 2 reads the hash of its type."""
    return f"typehash={codec.type_hash(type_name)};"


def discovery_typestore() -> Typestore:
    """Return definitions in which ids have the length of the ROS 2 release around.

    They have 24 bytes on Humble (taken from ``ROS_DISTRO``) and 16 since Iron.
    """
    if os.environ.get("ROS_DISTRO") == "humble":
        return get_typestore(Stores.ROS2_HUMBLE)
    return codec.typestore()


class GraphAnnouncement:
    """Keeps ROS 2 informed about one node."""

    def __init__(self, participant: domain.DomainParticipant, node: NodeName) -> None:
        """Announce a node without endpoints."""
        self._participant_guid = participant.guid.bytes
        self._node = node
        self._readers: dict[int, bytes] = {}
        self._writers: dict[int, bytes] = {}
        self._lock = threading.Lock()
        self._store = discovery_typestore()
        fields: Any = self._store.fielddefs[GID][1]
        (_, (_, (_, self._gid_length))) = fields[0]
        kind = sample_type(TYPE, self._store)
        qos = endpoint_qos(QOS, type_hash_data(TYPE))
        self._topic = topic.Topic(participant, TOPIC, kind)
        self._writer = pub.DataWriter(participant, self._topic, qos)
        self._publish()

    @property
    def topic(self) -> topic.Topic[Any]:
        """The topic of all announcements."""
        return self._topic

    def add(self, endpoint: sub.DataReader[Any] | pub.DataWriter[Any]) -> None:
        """Announce an endpoint as the node's."""
        with self._lock:
            self._of_kind(endpoint)[endpoint._ref] = endpoint.guid.bytes
            self._publish()

    def remove(self, endpoint: sub.DataReader[Any] | pub.DataWriter[Any]) -> None:
        """Take an endpoint back."""
        with self._lock:
            if self._of_kind(endpoint).pop(endpoint._ref, None) is not None:
                self._publish()

    def close(self) -> None:
        """Announce that the node has left."""
        with self._lock:
            self._write([])
            delete(self._writer)
            delete(self._topic)

    def _of_kind(self, endpoint: core.Entity) -> dict[int, bytes]:
        return self._readers if isinstance(endpoint, sub.DataReader) else self._writers

    def _publish(self) -> None:
        node = self._store.types["rmw_dds_common/msg/NodeEntitiesInfo"](
            node_namespace=self._node.namespace,
            node_name=self._node.name,
            reader_gid_seq=[self._gid(guid) for guid in self._readers.values()],
            writer_gid_seq=[self._gid(guid) for guid in self._writers.values()],
        )
        self._write([node])

    def _write(self, nodes: list[Any]) -> None:
        info = self._store.types[TYPE](
            gid=self._gid(self._participant_guid), node_entities_info_seq=nodes
        )
        write(self._writer, bytes(self._store.serialize_cdr(info, TYPE)))

    def _gid(self, guid: bytes) -> Any:
        padded = guid.ljust(self._gid_length, b"\0")
        return self._store.types[GID](data=np.frombuffer(padded, dtype=np.uint8))
