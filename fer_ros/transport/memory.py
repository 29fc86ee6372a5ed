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

"""A transport within one process: topics are queues, no middleware is involved.

It serves tests, and a demo where no DDS can be installed. Quality of service matches as in DDS:
a reader that asks for more than a writer offers gets nothing, and both get an event.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from fer_ros.transport.arguments import RosArgs
from fer_ros.transport.base import (
    Handle,
    Publisher,
    Qos,
    Subscription,
    TopicInfo,
    TransportError,
)
from fer_ros.transport.standalone import StandaloneNode
from fer_ros.transport.threads import guarded, join

BoolHandler = Callable[[bool], tuple[bool, str]]


class MemoryGraph:
    """Shared state of the nodes of one process: topics, services and an optional clock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._publishers: list[_MemoryPublisher] = []
        self._subscriptions: list[_MemorySubscription] = []
        self._services: dict[str, BoolHandler] = {}
        self._time_ns: int | None = None
        self._nodes: list[str] = []

    @property
    def time_ns(self) -> int | None:
        """The clock of all nodes [ns], or None while each keeps its own."""
        return self._time_ns

    def set_time_ns(self, time_ns: int | None) -> None:
        """Set the clock of all nodes [ns]; None gives each its own back."""
        self._time_ns = time_ns

    def call_set_bool(self, service: str, value: bool) -> tuple[bool, str]:
        """Call a std_srvs/SetBool service by its fully qualified name.

        Raises:
            TransportError: Nobody offers it.
        """
        with self._lock:
            handler = self._services.get(service)
            offered = ", ".join(self._services) or "none"
        if handler is None:
            raise TransportError(f"no service {service!r}; offered: {offered}")
        return handler(value)

    def published_topics(self) -> tuple[TopicInfo, ...]:
        """Return what is published now, by name."""
        offers: dict[tuple[str, str], list[Qos]] = {}
        with self._lock:
            for publisher in self._publishers:
                key = (publisher.topic, publisher.type_name)
                offers.setdefault(key, []).append(publisher.qos)
        return tuple(
            TopicInfo(
                name=topic,
                type_name=type_name,
                publishers=len(offered),
                reliable=all(qos.reliability == "reliable" for qos in offered),
                latched=all(qos.durability == "transient_local" for qos in offered),
            )
            for (topic, type_name), offered in sorted(offers.items())
        )

    def _add_service(self, name: str, handler: BoolHandler) -> None:
        with self._lock:
            if name in self._services:
                raise TransportError(f"the service {name!r} is offered already")
            self._services[name] = handler

    def _remove_service(self, name: str, handler: BoolHandler) -> None:
        with self._lock:
            if self._services.get(name) is handler:
                del self._services[name]

    def _add_publisher(self, publisher: _MemoryPublisher) -> None:
        with self._lock:
            self._publishers.append(publisher)

    def _add_subscription(self, subscription: _MemorySubscription) -> None:
        with self._lock:
            self._subscriptions.append(subscription)
            if subscription.qos.durability == "transient_local":
                for publisher in self._publishers:
                    if _matches(publisher, subscription):
                        for data in publisher.history:
                            subscription.put(data)

    def _remove(self, endpoint: _Endpoint) -> None:
        with self._lock:
            for endpoints in (self._publishers, self._subscriptions):
                if endpoint in endpoints:
                    endpoints.remove(endpoint)  # type: ignore[arg-type]

    def _send(self, publisher: _MemoryPublisher, data: bytes) -> None:
        with self._lock:
            publisher.history.append(data)
            for subscription in self._subscriptions:
                if _matches(publisher, subscription):
                    subscription.put(data)

    def _counterparts(self, endpoint: _Endpoint) -> list[tuple[str, ...]]:
        """Return the QoS policies in conflict with each counterpart of the same topic and type."""
        with self._lock:
            if isinstance(endpoint, _MemoryPublisher):
                return [
                    _conflicts(endpoint.qos, other.qos)
                    for other in self._subscriptions
                    if _same_topic(endpoint, other)
                ]
            return [
                _conflicts(other.qos, endpoint.qos)
                for other in self._publishers
                if _same_topic(endpoint, other)
            ]


class MemoryTransport(StandaloneNode):
    """A node in a :class:`MemoryGraph`."""

    def __init__(
        self,
        graph: MemoryGraph,
        node_name: str,
        namespace: str = "/",
        args: RosArgs | None = None,
    ) -> None:
        """Join a graph.

        Args:
            graph: Shared by all nodes that are to hear each other.
            node_name: Name unless ``__node`` says otherwise.
            namespace: Namespace unless ``__ns`` says otherwise.
            args: Parsed ``--ros-args``.

        Raises:
            TransportError: A name is not valid.
        """
        super().__init__(node_name, namespace, args or RosArgs())
        self.graph = graph
        graph._nodes.append(self.node_name)
        self._follow_clock()

    def close(self) -> None:
        """Close every entity and leave the graph; harmless when called again."""
        if not self._closed:
            self.graph._nodes.remove(self.node_name)
        super().close()

    def namesakes(self) -> int:
        """Return how many other nodes of the graph have this node's name now."""
        return self.graph._nodes.count(self.node_name) - (not self._closed)

    def now_ns(self) -> int:
        """Return the graph's clock where it is set, else the node's own [ns]."""
        time_ns = self.graph.time_ns
        return super().now_ns() if time_ns is None else time_ns

    def publisher(self, topic: str, type_name: str, qos: Qos) -> Publisher:
        """Open an outgoing topic.

        Raises:
            TransportError: The name is not valid, or the transport is closed.
        """
        return self._keep(_MemoryPublisher(self, self.resolve(topic), type_name, qos))

    def subscribe(
        self, topic: str, type_name: str, qos: Qos, callback: Callable[[bytes], None]
    ) -> Subscription:
        """Open an incoming topic; its callback has a thread of its own.

        Raises:
            TransportError: The name is not valid, or the transport is closed.
        """
        full = self.resolve(topic)
        return self._keep(_MemorySubscription(self, full, type_name, qos, callback))

    def published_topics(self) -> tuple[TopicInfo, ...]:
        """Return what is published in the graph now, by name."""
        return self.graph.published_topics()

    def call_service(self, name: str, type_name: str, value: bool = True) -> tuple[bool, str]:
        """Call a service of the graph, which has std_srvs/SetBool alone."""
        if type_name != "std_srvs/srv/SetBool":
            return super().call_service(name, type_name, value)
        return self.graph.call_set_bool(self.resolve_service(name), value)

    def set_bool_service(self, name: str, handler: BoolHandler) -> Handle:
        """Offer a service to :meth:`MemoryGraph.call_set_bool`.

        Raises:
            TransportError: The name is not valid or taken, or the transport is closed.
        """
        return self._keep(_MemoryService(self.graph, self.resolve_service(name), handler))


class _Endpoint:
    def __init__(self, node: MemoryTransport, topic: str, type_name: str, qos: Qos) -> None:
        self._node = node
        self.topic = topic
        self.type_name = type_name
        self.qos = qos
        self.closed = False

    def incompatible_qos(self) -> tuple[str, ...]:
        policies = self._node.graph._counterparts(self)
        return tuple(sorted({name for conflicts in policies for name in conflicts}))

    def _matched(self) -> int:
        return sum(not conflicts for conflicts in self._node.graph._counterparts(self))


class _MemoryPublisher(_Endpoint):
    def __init__(self, node: MemoryTransport, topic: str, type_name: str, qos: Qos) -> None:
        super().__init__(node, topic, type_name, qos)
        kept = qos.depth if qos.durability == "transient_local" else 0
        self.history: deque[bytes] = deque(maxlen=kept)
        node.graph._add_publisher(self)

    def publish(self, data: bytes) -> None:
        if not self.closed:
            self._node.graph._send(self, data)

    def subscription_count(self) -> int:
        return self._matched()

    def close(self) -> None:
        self.closed = True
        self._node.graph._remove(self)


class _MemorySubscription(_Endpoint):
    def __init__(
        self,
        node: MemoryTransport,
        topic: str,
        type_name: str,
        qos: Qos,
        callback: Callable[[bytes], None],
    ) -> None:
        super().__init__(node, topic, type_name, qos)
        self._callback = callback
        self._queue: deque[bytes] = deque(maxlen=qos.depth)
        self._lost = 0
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"reader {topic}", daemon=True)
        self._thread.start()
        node.graph._add_subscription(self)

    def lost(self) -> int:
        return self._lost

    def repeated(self) -> int:
        return 0

    def put(self, data: bytes) -> None:
        with self._changed:
            self._lost += len(self._queue) == self._queue.maxlen
            self._queue.append(data)
            self._changed.notify()

    def publisher_count(self) -> int:
        return self._matched()

    def close(self) -> None:
        self._node.graph._remove(self)
        with self._changed:
            self.closed = True
            self._changed.notify()
        join(self._thread, self._node.log)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self.closed or self._queue)
                if self.closed:
                    return
                data = self._queue.popleft()
            guarded(self._node.log, f"callback of {self.topic}", self._callback, data)


class _MemoryService:
    def __init__(self, graph: MemoryGraph, name: str, handler: BoolHandler) -> None:
        self._graph = graph
        self._name = name
        self._handler = handler
        self.closed = False
        graph._add_service(name, handler)

    def close(self) -> None:
        self.closed = True
        self._graph._remove_service(self._name, self._handler)


def _same_topic(one: _Endpoint, other: _Endpoint) -> bool:
    return one.topic == other.topic and one.type_name == other.type_name


def _matches(publisher: _MemoryPublisher, subscription: _MemorySubscription) -> bool:
    return _same_topic(publisher, subscription) and not _conflicts(publisher.qos, subscription.qos)


def _conflicts(offered: Qos, requested: Qos) -> tuple[str, ...]:
    conflicts = []
    if (offered.reliability, requested.reliability) == ("best_effort", "reliable"):
        conflicts.append("RELIABILITY")
    if (offered.durability, requested.durability) == ("volatile", "transient_local"):
        conflicts.append("DURABILITY")
    return tuple(conflicts)
