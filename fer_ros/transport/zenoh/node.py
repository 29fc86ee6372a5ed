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

"""A ROS 2 node on Zenoh alone, for machines without ROS 2.

On the wire it is like a node of rmw_zenoh_cpp. Importing this module raises
:class:`~fer_ros.transport.base.TransportError` where Zenoh is not installed.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from typing import Any, TypeVar

from fer_ros.transport import codec
from fer_ros.transport import rosout as rosout_topic
from fer_ros.transport.arguments import RosArgs
from fer_ros.transport.base import (
    Handle,
    Publisher,
    Qos,
    Subscription,
    TopicInfo,
    TransportError,
)
from fer_ros.transport.environment import shortcomings
from fer_ros.transport.logs import logger_name
from fer_ros.transport.names import dds_type
from fer_ros.transport.qos_overrides import overridden
from fer_ros.transport.service_types import SET_BOOL, request_class, response_class
from fer_ros.transport.standalone import StandaloneNode
from fer_ros.transport.zenoh import services
from fer_ros.transport.zenoh.endpoints import ZenohPublisher, ZenohSubscription
from fer_ros.transport.zenoh.graph import Graph
from fer_ros.transport.zenoh.keys import Endpoint, Entity, Kind
from fer_ros.transport.zenoh.library import zenoh
from fer_ros.transport.zenoh.session import open_session, session_settings

RMW, LIBRARY = "rmw_zenoh_cpp", "Zenoh"
"""Which RMW the adapter is compatible with on the wire."""

LOSS_ADVICE = "take compressed images (image_transport: compressed), or fewer of them (max_rate)"

_NODE_ID = 0
"""Of the one node that a session has."""

_T = TypeVar("_T")


class ZenohTransport(StandaloneNode):
    """A node that is a Zenoh session of its own."""

    has_services = True

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
            TransportError: A name or an environment variable is not valid, or Zenoh refuses.
        """
        super().__init__(node_name, namespace, args, rosout)
        settings = session_settings(os.environ)
        for warning in shortcomings(os.environ, RMW, LIBRARY):
            self.log.warning(warning)
        self.domain = settings.domain
        self.session = open_session(settings, self.log)
        self._ids = itertools.count(_NODE_ID + 1)
        try:
            self._session_id = str(self.session.info.zid())
            self.graph = Graph(self.session, self.domain)
            own = Entity(
                self.domain, self._session_id, _NODE_ID, _NODE_ID, Kind.NODE, self.identity
            )
            self._token = self.session.liveliness().declare_token(own.token())
            self._follow_clock()
            self._rosout = self._open_rosout() if rosout else None
        except BaseException:
            self.session.close()
            raise

    def _open_rosout(self) -> rosout_topic.RosoutHandler:
        publisher = self.publisher(rosout_topic.TOPIC, rosout_topic.TYPE, rosout_topic.QOS)
        handler = rosout_topic.RosoutHandler(publisher, logger_name(self.node_name))
        self._log.addHandler(handler)
        return handler

    def entity(self, kind: Kind, endpoint: Endpoint) -> Entity:
        """Return a new entity of this node, with an id of its own."""
        return Entity(
            self.domain, self._session_id, _NODE_ID, next(self._ids), kind, self.identity, endpoint
        )

    def publisher(self, topic: str, type_name: str, qos: Qos) -> Publisher:
        """Open an outgoing topic.

        Raises:
            TransportError: Name, type or a QoS override is not valid, or the transport is closed.
        """
        endpoint = self._endpoint(topic, type_name, "publisher", qos)
        return self._keep(self._opened(lambda: ZenohPublisher(self, endpoint), endpoint))

    def subscribe(
        self, topic: str, type_name: str, qos: Qos, callback: Callable[[bytes], None]
    ) -> Subscription:
        """Open an incoming topic; its callback has a thread of its own.

        Raises:
            TransportError: Name, type or a QoS override is not valid, or the transport is closed.
        """
        endpoint = self._endpoint(topic, type_name, "subscription", qos)
        return self._keep(
            self._opened(lambda: ZenohSubscription(self, endpoint, callback), endpoint)
        )

    def namesakes(self) -> int:
        """Return how many other nodes of the domain have this node's name now."""
        return sum(
            entity.node.full == self.node_name and entity.session != self._session_id
            for entity in self.graph.nodes()
        )

    def published_topics(self) -> tuple[TopicInfo, ...]:
        """Return what is published in the domain now, by name.

        Raises:
            TransportError: The transport is closed.
        """
        self._check_open()
        return self.graph.published_topics()

    def loss_advice(self) -> str:
        """Return what helps when messages get lost on the way."""
        return LOSS_ADVICE

    def service(self, name: str, type_name: str, handler: services.Handler) -> Handle:
        """Offer a service.

        Raises:
            TransportError: Name or type is not valid, or the transport is closed.
        """
        self._check_open()
        return self._keep(
            services.ZenohService(self, self.resolve_service(name), type_name, handler)
        )

    def set_bool_service(self, name: str, handler: Callable[[bool], tuple[bool, str]]) -> Handle:
        """Offer a std_srvs/SetBool service."""

        def respond(request: Any) -> Any:
            try:
                success, message = handler(bool(request.data))
            except Exception as error:  # the caller gets the reason
                success, message = False, str(error)
            return response_class(SET_BOOL)(success=success, message=message)

        return self.service(name, SET_BOOL, respond)

    def call_service(self, name: str, type_name: str, value: bool = True) -> tuple[bool, str]:
        """Call a std_srvs service and wait for its response.

        Raises:
            TransportError: Nobody offers it, it fails, or it takes too long.
        """
        self._check_open()
        request = request_class(type_name)
        values = {"data": value} if type_name == SET_BOOL else {}
        response = services.call(self, self.resolve_service(name), type_name, request(**values))
        return bool(getattr(response, "success", True)), str(getattr(response, "message", ""))

    def close(self) -> None:
        """Close every endpoint, take the node out of the graph and end the session."""
        if self._rosout is not None:
            self._log.removeHandler(self._rosout)
        super().close()
        if not self.session.is_closed():
            self._token.undeclare()
            self.graph.close()
            self.session.close()

    def _endpoint(self, topic: str, type_name: str, kind: str, qos: Qos) -> Endpoint:
        self._check_open()
        full = self.resolve(topic)
        if not codec.knows(type_name):
            raise TransportError(f"unknown message type {type_name!r}")
        qos = overridden(qos, full, kind, self._parameters, self._log)
        return Endpoint(full, dds_type(type_name), codec.type_hash(type_name), qos)

    def _opened(self, make: Callable[[], _T], endpoint: Endpoint) -> _T:
        try:
            return make()
        except zenoh.ZError as error:
            raise TransportError(
                f"Zenoh cannot open {endpoint.name} ({endpoint.type_name}): {error}"
            ) from error
