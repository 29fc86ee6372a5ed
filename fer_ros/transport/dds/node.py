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

"""A ROS 2 node on Cyclone DDS alone, for machines without ROS 2.

On the wire it looks like a node of rmw_cyclonedds: a real ROS 2 lists it, echoes and records its
topics, and talks to it. Services are not offered. Importing this module raises
:class:`~fer_ros.transport.base.TransportError` where Cyclone DDS is not installed.
"""

from __future__ import annotations

import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

from fer_ros.transport import rosout as rosout_topic
from fer_ros.transport.arguments import RosArgs
from fer_ros.transport.base import (
    OTHER_TYPE,
    Handle,
    Publisher,
    Qos,
    Subscription,
    TopicInfo,
    TransportError,
)
from fer_ros.transport.dds.cyclone import core, internal, pub, sub, topic
from fer_ros.transport.dds.discovery import Discovery
from fer_ros.transport.dds.domain import domain_settings, join_domain, leave_domain
from fer_ros.transport.dds.graph import GraphAnnouncement, type_hash_data
from fer_ros.transport.dds.matching import TYPE_REMEDY, TypeRefusals, conflicts
from fer_ros.transport.dds.nodes import KnownNodes
from fer_ros.transport.dds.qos import endpoint_qos
from fer_ros.transport.dds.types import delete, sample_type, write
from fer_ros.transport.environment import shortcomings
from fer_ros.transport.logs import logger_name
from fer_ros.transport.names import dds_topic
from fer_ros.transport.qos_overrides import overridden
from fer_ros.transport.socket_buffers import buffer_advice
from fer_ros.transport.standalone import StandaloneNode
from fer_ros.transport.threads import guarded, join

_E = TypeVar("_E", bound="_Endpoint")

RMW, LIBRARY = "rmw_cyclonedds_cpp", "Cyclone DDS"
"""Which RMW the adapter is compatible with on the wire."""

LOSS_ADVICE = "take compressed images (image_transport: compressed), or ask for them reliably"
_REPORT_PERIOD = 5.0
"""Shortest time between two warnings of a publisher [s]."""
_RETRY = 0.5
"""Pause after a read that failed, so that a lasting fault costs no processor [s]."""
_ANY_STATE = core.SampleState.Any | core.ViewState.Any | core.InstanceState.Any


class DdsTransport(StandaloneNode):
    """A node that is a DDS participant of its own."""

    def __init__(
        self,
        node_name: str,
        namespace: str = "/",
        args: RosArgs | None = None,
        rosout: bool = True,
    ) -> None:
        """Join the domain that the ROS environment variables name.

        Args:
            node_name: Name unless ``__node`` says otherwise.
            namespace: Namespace unless ``__ns`` says otherwise.
            args: Parsed ``--ros-args``.
            rosout: Whether the log goes to /rosout as well.

        Raises:
            TransportError: A name or an environment variable is not valid, or Cyclone DDS refuses.
        """
        super().__init__(node_name, namespace, args, rosout)
        settings = domain_settings(os.environ)
        for warning in (*shortcomings(os.environ, RMW, LIBRARY), *settings.warnings):
            self.log.warning(warning)
        self.domain_id = settings.number
        self.participant = join_domain(settings)
        self.discovery = Discovery(self.participant)
        self._left = False
        try:
            self.graph = GraphAnnouncement(self.participant, self.identity)
            self._nodes = KnownNodes(self.participant, self.graph.topic, self.discovery)
            self._follow_clock()
            self._rosout = self._open_rosout() if rosout else None
        except BaseException:
            leave_domain(self.participant, self.domain_id)
            raise

    def _open_rosout(self) -> rosout_topic.RosoutHandler:
        publisher = self.publisher(rosout_topic.TOPIC, rosout_topic.TYPE, rosout_topic.QOS)
        handler = rosout_topic.RosoutHandler(publisher, logger_name(self.node_name))
        self._log.addHandler(handler)
        return handler

    def publisher(self, topic: str, type_name: str, qos: Qos) -> Publisher:
        """Open an outgoing topic.

        Raises:
            TransportError: Name, type or a QoS override is not valid, or the transport is closed.
        """
        qos = self._overridden(topic, "publisher", qos)
        return self._open_endpoint(_DdsPublisher, topic, type_name, qos)

    def subscribe(
        self, topic: str, type_name: str, qos: Qos, callback: Callable[[bytes], None]
    ) -> Subscription:
        """Open an incoming topic; its callback has a thread of its own.

        Raises:
            TransportError: Name, type or a QoS override is not valid, or the transport is closed.
        """
        qos = self._overridden(topic, "subscription", qos)
        return self._open_endpoint(_DdsSubscription, topic, type_name, qos, callback)

    def namesakes(self) -> int:
        """Return how many other nodes in the domain have this node's name now."""
        return self._nodes.count(self.node_name)

    def published_topics(self) -> tuple[TopicInfo, ...]:
        """Return what is published in the domain now, by name.

        Raises:
            TransportError: The transport is closed.
        """
        self._check_open()
        return self.discovery.published_topics()

    def large_message_advice(self) -> str:
        """Return what to do about socket buffers that are too small for raw images."""
        return buffer_advice() or ""

    def loss_advice(self) -> str:
        """Return what helps when messages get lost on the way."""
        return buffer_advice() or LOSS_ADVICE

    def set_bool_service(
        self,
        name: str,  # noqa: ARG002
        handler: Callable[[bool], tuple[bool, str]],  # noqa: ARG002
    ) -> Handle | None:
        """Return None: there are no services over Cyclone DDS alone."""
        return None

    def close(self) -> None:
        """Close every endpoint, take the node out of the graph and leave the domain."""
        if self._rosout is not None:
            self._log.removeHandler(self._rosout)
        super().close()
        with self._lock:
            left, self._left = self._left, True
        if not left:
            self._nodes.close()
            self.discovery.close()
            self.graph.close()
            leave_domain(self.participant, self.domain_id)

    def _overridden(self, topic: str, kind: str, qos: Qos) -> Qos:
        return overridden(qos, self.resolve(topic), kind, self._parameters, self._log)

    def _open_endpoint(
        self, make: Callable[..., _E], topic: str, type_name: str, *details: Any
    ) -> _E:
        self._check_open()
        full = self.resolve(topic)
        try:
            return self._keep(make(self, full, type_name, *details))
        except core.DDSException as error:
            raise TransportError(
                f"Cyclone DDS cannot open {full} ({type_name}): {error}"
            ) from error


class _Endpoint(ABC):
    """What publishers and subscriptions have in common."""

    def __init__(self, node: DdsTransport, name: str, type_name: str) -> None:
        self.topic = name
        self._node = node
        self._dds_topic = topic.Topic(node.participant, dds_topic(name), sample_type(type_name))
        self._lock = threading.Lock()
        self._closed = False
        self._types: TypeRefusals | None = None
        self._type_refused = False

    @property
    def closed(self) -> bool:
        """Whether it has left the topic."""
        return self._closed

    def incompatible_qos(self) -> tuple[str, ...]:
        """Return the policies in which present counterparts are incompatible.

        DDS counts refusals and never takes one back, so the count only tells whether to look.
        """
        with self._lock:
            if self._closed:
                return ()
            found = self._conflicts() if self._refusals().total_count else set()
            if self._refuses_a_type():
                found.add(OTHER_TYPE)
            return tuple(sorted(found))

    def _refuses_a_type(self) -> bool:
        assert self._types is not None
        refused = self._types.look(int(self._matches().current_count))
        if refused and not self._type_refused:
            self._node.log.warning(
                f"{self.topic}: an endpoint is refused for its type; {TYPE_REMEDY}"
            )
        self._type_refused = refused
        return refused

    @abstractmethod
    def close(self) -> None:
        """Leave the topic; harmless when called again."""

    @abstractmethod
    def _refusals(self) -> Any:
        """Return the DDS status that counts counterparts refused for their QoS."""

    @abstractmethod
    def _conflicts(self) -> set[str]:
        """Return the names of the policies in which present counterparts are incompatible."""

    @abstractmethod
    def _matches(self) -> Any:
        """Return the DDS status that counts matched counterparts."""

    def _matched(self) -> int:
        with self._lock:
            return 0 if self._closed else int(self._matches().current_count)

    def _close_once(self) -> bool:
        """Return whether this call is the first to close the endpoint."""
        with self._lock:
            closed, self._closed = self._closed, True
        return not closed


class _DdsPublisher(_Endpoint):
    def __init__(self, node: DdsTransport, name: str, type_name: str, qos: Qos) -> None:
        super().__init__(node, name, type_name)
        dds_qos = endpoint_qos(qos, type_hash_data(type_name))
        self._writer = pub.DataWriter(node.participant, self._dds_topic, dds_qos)
        self._types = TypeRefusals(node.discovery, self._writer)
        self._lost = 0
        self._reported = -_REPORT_PERIOD
        node.graph.add(self._writer)

    def publish(self, data: bytes) -> None:
        if self._closed:
            return
        code = write(self._writer, data)
        if code < 0 and not self._closed:
            self._report(code)

    def subscription_count(self) -> int:
        return self._matched()

    def close(self) -> None:
        if self._close_once():
            self._node.graph.remove(self._writer)
            delete(self._writer)
            delete(self._dds_topic)

    def _refusals(self) -> Any:
        return self._writer.get_offered_incompatible_qos_status()  # type: ignore[no-untyped-call]

    def _conflicts(self) -> set[str]:
        return conflicts(self._node.discovery, self._writer)

    def _matches(self) -> Any:
        return self._writer.get_publication_matched_status()  # type: ignore[no-untyped-call]

    def _report(self, code: int) -> None:
        self._lost += 1
        now = time.monotonic()
        if now - self._reported >= _REPORT_PERIOD:
            self._reported = now
            reason = core.DDSException(code)
            self._node.log.warning(f"{self._lost} messages on {self.topic} not sent: {reason}")


class _DdsSubscription(_Endpoint):
    def __init__(
        self,
        node: DdsTransport,
        name: str,
        type_name: str,
        qos: Qos,
        callback: Callable[[bytes], None],
    ) -> None:
        super().__init__(node, name, type_name)
        self._callback = callback
        self._lost = 0
        dds_qos = endpoint_qos(qos, type_hash_data(type_name))
        self._reader = sub.DataReader(node.participant, self._dds_topic, dds_qos)
        self._types = TypeRefusals(node.discovery, self._reader)
        self._has_data = core.ReadCondition(self._reader, _ANY_STATE)
        self._stop = core.GuardCondition(node.participant)
        self._waitset = core.WaitSet(node.participant)
        self._waitset.attach(self._has_data)
        self._waitset.attach(self._stop)
        self._thread = threading.Thread(target=self._run, name=f"reader {name}", daemon=True)
        self._thread.start()
        node.graph.add(self._reader)

    def publisher_count(self) -> int:
        return self._matched()

    def close(self) -> None:
        if self._close_once():
            self._stop.set(True)
            join(self._thread, self._node.log)
            self._node.graph.remove(self._reader)
            for entity in (self._waitset, self._stop, self._has_data, self._reader):
                delete(entity)
            delete(self._dds_topic)

    def lost(self) -> int:
        with self._lock:
            if self._closed:
                return self._lost
            status: Any = self._reader.get_sample_lost_status()  # type: ignore[no-untyped-call]
            self._lost = int(status.total_count)
            return self._lost

    def repeated(self) -> int:
        return 0

    def _refusals(self) -> Any:
        return self._reader.get_requested_incompatible_qos_status()  # type: ignore[no-untyped-call]

    def _conflicts(self) -> set[str]:
        return conflicts(self._node.discovery, self._reader)

    def _matches(self) -> Any:
        return self._reader.get_subscription_matched_status()  # type: ignore[no-untyped-call]

    def _run(self) -> None:
        while not self._closed:
            try:
                self._waitset.wait(internal.dds_infinity)
                self._deliver()
            except Exception as error:  # one bad sample must not silence all later ones
                if not self._closed:
                    name = type(error).__name__
                    self._node.log.error(f"reading {self.topic} failed: {name}: {error}")
                    time.sleep(_RETRY)

    def _deliver(self) -> None:
        """Take the messages that have arrived and pass them on one by one."""
        while not self._closed and (samples := self._reader.take(1)):
            sample = samples[0]
            if not isinstance(sample, internal.InvalidSample):
                what = f"callback of {self.topic}"
                guarded(self._node.log, what, self._callback, sample.cdr)
