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

"""The ROS graph of a domain, from the liveliness tokens of its nodes and endpoints."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from fer_ros.transport.base import TopicInfo
from fer_ros.transport.names import ros_type
from fer_ros.transport.zenoh.keys import Endpoint, Entity, Kind, domain_pattern, read_token
from fer_ros.transport.zenoh.library import zenoh

_MOST = 20_000
"""At most so many nodes and endpoints are known; of more, the later ones are not."""


class Graph:
    """Listens to the tokens of a domain, its own session's included."""

    def __init__(self, session: Any, domain: int) -> None:
        """Subscribe; the entities present are known when this returns.

        Args:
            session: An open ``zenoh.Session``.
            domain: ROS domain.
        """
        self._entities: dict[str, Entity] = {}
        self._lock = threading.Lock()
        handler = zenoh.handlers.Callback(self._receive, indirect=False)
        self._subscriber = session.liveliness().declare_subscriber(
            domain_pattern(domain), handler, history=True
        )

    def add(self, entity: Entity) -> None:
        """Add an own entity before its token is received."""
        with self._lock:
            self._entities[entity.token()] = entity

    def nodes(self) -> tuple[Entity, ...]:
        """Return the present nodes."""
        return tuple(self._of(Kind.NODE))

    def count(self, kind: Kind, endpoint: Endpoint) -> int:
        """Return how many endpoints of a kind exchange messages with an endpoint."""
        return sum(endpoint.matches(other) for other in self._endpoints(kind))

    def has_other_type(self, kind: Kind, endpoint: Endpoint) -> bool:
        """Return whether an endpoint of a kind has the name, but another type or definition."""
        return any(
            other.name == endpoint.name and not endpoint.matches(other)
            for other in self._endpoints(kind)
        )

    def published_topics(self) -> tuple[TopicInfo, ...]:
        """Return the topics with a publisher, sorted by name."""
        offers: dict[tuple[str, str], list[Endpoint]] = {}
        for endpoint in self._endpoints(Kind.PUBLISHER):
            kind = ros_type(endpoint.type_name)
            if kind:
                offers.setdefault((endpoint.name, kind), []).append(endpoint)
        return tuple(
            TopicInfo(
                name=topic,
                type_name=kind,
                publishers=len(endpoints),
                reliable=all(each.qos.reliability == "reliable" for each in endpoints),
                latched=all(each.qos.durability == "transient_local" for each in endpoints),
            )
            for (topic, kind), endpoints in sorted(offers.items())
        )

    def close(self) -> None:
        """Stop listening."""
        self._subscriber.undeclare()

    def _of(self, kind: Kind) -> list[Entity]:
        with self._lock:
            return [entity for entity in self._entities.values() if entity.kind is kind]

    def _endpoints(self, kind: Kind) -> Iterator[Endpoint]:
        for entity in self._of(kind):
            if entity.endpoint is not None:
                yield entity.endpoint

    def _receive(self, sample: Any) -> None:
        token = str(sample.key_expr)
        if sample.kind == zenoh.SampleKind.DELETE:
            with self._lock:
                self._entities.pop(token, None)
            return
        entity = read_token(token)
        if entity is not None:
            with self._lock:
                if len(self._entities) < _MOST:
                    self._entities[token] = entity
