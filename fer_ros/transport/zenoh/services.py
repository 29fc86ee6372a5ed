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

"""Services over Zenoh: a server is a queryable, a call is a query."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fer_ros.perception.strings import shortened
from fer_ros.transport import codec
from fer_ros.transport.base import Qos, TransportError
from fer_ros.transport.names import dds_type
from fer_ros.transport.service_types import response_class, service_hash
from fer_ros.transport.zenoh.attachment import Attachment, read_attachment
from fer_ros.transport.zenoh.endpoints import Home, Presence
from fer_ros.transport.zenoh.keys import Endpoint, Kind
from fer_ros.transport.zenoh.library import zenoh

SERVICE_QOS = Qos(depth=10)
"""As rmw's profile for services."""

OFFER_TIME = 1.0
"""How long a service may take to be found [s]."""

RESPONSE_TIME = 5.0
"""How long its response may take [s]."""

MOST_REQUEST = 1 << 16
"""Of a request that is read [bytes]: a response may hold a description, a hundred times as long,
for each name that a request repeats."""

_POLL = 0.02

Handler = Callable[[Any], Any]
"""Gets a request and returns the response, both as message classes of the service's type."""


def service_endpoint(name: str, type_name: str) -> Endpoint:
    """Return the endpoint of a service.

    Args:
        name: Fully qualified.
        type_name: E.g. ``std_srvs/srv/SetBool``.

    Raises:
        TransportError: The type is not known.
    """
    return Endpoint(name, dds_type(type_name), service_hash(type_name), SERVICE_QOS)


class ZenohService:
    """A service server; requests are handled one at a time on a thread of Zenoh's."""

    def __init__(self, home: Home, name: str, type_name: str, handler: Handler) -> None:
        """Offer it.

        Args:
            home: The node.
            name: Fully qualified.
            type_name: E.g. ``std_srvs/srv/SetBool``.
            handler: Where it raises, the failure is logged and the client gets an error.

        Raises:
            TransportError: The type is not known.
        """
        self._home = home
        self._name = name
        self._type_name = type_name
        self._handler = handler
        self._lock = threading.Lock()
        self.closed = False
        self._presence = Presence(home, Kind.SERVICE, service_endpoint(name, type_name))
        self._queryable = home.session.declare_queryable(
            self._presence.key, self._respond, complete=True
        )
        self._presence.announce()

    def close(self) -> None:
        """Withdraw it; harmless when called again."""
        with self._lock:
            closed, self.closed = self.closed, True
        if not closed:
            self._presence.leave()
            self._queryable.undeclare()

    def _respond(self, query: Any) -> None:
        with query:
            try:
                data = bytes(query.payload or b"")
                if len(data) > MOST_REQUEST:
                    raise ValueError(f"a request of {len(data)} bytes, more than {MOST_REQUEST}")
                request = codec.decode(data, f"{self._type_name}_Request")
                response = codec.encode(self._handler(request))
            except Exception as error:  # else the client would wait for its time to run out
                text = f"{self._name} failed: {type(error).__name__}: {shortened(str(error))}"
                self._home.log.error(text)
                query.reply_err(text)
                return
            # The response carries the request's own attachment, by which rmw finds its client.
            attachment = read_attachment(bytes(query.attachment or b""))
            if attachment is not None:
                attachment = replace(attachment, time_ns=time.time_ns())
            query.reply(
                self._presence.key, response,
                attachment=None if attachment is None else bytes(attachment),
            )  # fmt: skip


def call(home: Home, name: str, type_name: str, request: Any) -> Any:
    """Call a service and wait for its response.

    Args:
        home: The node.
        name: Fully qualified.
        type_name: E.g. ``std_srvs/srv/SetBool``.
        request: Of the type's request class.

    Returns:
        The response, of the type's response class.

    Raises:
        TransportError: Nobody offers it, it fails, or it takes longer than :data:`RESPONSE_TIME`.
    """
    endpoint = service_endpoint(name, type_name)
    client = Presence(home, Kind.CLIENT, endpoint)
    client.announce()
    try:
        response = _response(home, client, codec.encode(request), type_name)
    finally:
        client.leave()
    return codec.decode(response, response_class(type_name).__msgtype__)


def _response(home: Home, client: Presence, request: bytes, type_name: str) -> bytes:
    """Ask until somebody responds; a server's token may be here before the way to it is."""
    name, end = client.endpoint.name, time.monotonic() + OFFER_TIME
    while True:
        offered = home.graph.count(Kind.SERVICE, client.endpoint)
        started = time.monotonic()
        if offered:
            for reply in _ask(home, client, request):
                if reply.ok is None:
                    text = bytes(reply.err.payload).decode(errors="replace")
                    raise TransportError(f"the service {name} failed: {text}")
                return bytes(reply.ok.payload)
        if time.monotonic() - started > RESPONSE_TIME / 2:
            raise TransportError(f"the service {name} did not respond within {RESPONSE_TIME:g} s")
        if time.monotonic() > end:
            raise TransportError(f"nobody offers the service {name} ({type_name})")
        time.sleep(_POLL)


def _ask(home: Home, client: Presence, request: bytes) -> Any:
    return home.session.get(
        client.key,
        payload=request,
        attachment=bytes(Attachment(1, time.time_ns(), client.gid)),
        target=zenoh.QueryTarget.ALL_COMPLETE,
        consolidation=zenoh.ConsolidationMode.NONE,
        timeout=RESPONSE_TIME,
    )
