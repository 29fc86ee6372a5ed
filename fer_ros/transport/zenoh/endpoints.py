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

"""Publishers and subscriptions over Zenoh."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, Protocol

from fer_ros.transport.base import OTHER_TYPE, Logger, Qos
from fer_ros.transport.threads import guarded, join
from fer_ros.transport.zenoh.attachment import GID_LENGTH, Attachment, read_attachment
from fer_ros.transport.zenoh.graph import Graph
from fer_ros.transport.zenoh.keys import Endpoint, Entity, Kind
from fer_ros.transport.zenoh.library import ext, xxhash, zenoh

_HEARTBEAT = 0.5
"""Period in which a latched publisher says how many messages it has sent, as rmw_zenoh [s]."""

_MOST_SOURCES = 64
"""Publishers of a topic whose sequence numbers are remembered."""


class Home(Protocol):
    """The node that endpoints belong to."""

    session: Any
    """An open ``zenoh.Session``."""
    graph: Graph
    domain: int

    @property
    def log(self) -> Logger:
        """Where the node logs."""

    def entity(self, kind: Kind, endpoint: Endpoint) -> Entity:
        """Return a new entity of the node, with an id of its own."""


class Presence:
    """An endpoint's place in the graph: its token, and the gid that follows from it."""

    def __init__(self, home: Home, kind: Kind, endpoint: Endpoint) -> None:
        """Prepare it without announcing it."""
        self.endpoint = endpoint
        self.key = endpoint.key(home.domain)
        self._home = home
        self._entity = home.entity(kind, endpoint)
        digest = xxhash.xxh3_128_intdigest(self._entity.token().encode())
        self.gid = digest.to_bytes(GID_LENGTH, "little")
        self._token: Any = None

    def announce(self) -> None:
        """Declare the token; to be called once the endpoint is ready."""
        self._home.graph.add(self._entity)
        self._token = self._home.session.liveliness().declare_token(self._entity.token())

    def leave(self) -> None:
        """Withdraw the token."""
        self._token.undeclare()


class _Endpoint:
    """What publishers and subscriptions have in common."""

    def __init__(self, home: Home, kind: Kind, others: Kind, endpoint: Endpoint) -> None:
        self.topic = endpoint.name
        self._home = home
        self._others = others
        self._lock = threading.Lock()
        self._closed = False
        self._presence = Presence(home, kind, endpoint)

    @property
    def closed(self) -> bool:
        """Whether it has left the topic."""
        return self._closed

    def incompatible_qos(self) -> tuple[str, ...]:
        """Return :data:`OTHER_TYPE` where it applies; no QoS prevents an exchange over Zenoh."""
        other = self._home.graph.has_other_type(self._others, self._presence.endpoint)
        return (OTHER_TYPE,) if other and not self._closed else ()

    def _matched(self) -> int:
        return 0 if self._closed else self._home.graph.count(self._others, self._presence.endpoint)

    def _close_once(self) -> bool:
        """Return whether this call is the first to close the endpoint."""
        with self._lock:
            closed, self._closed = self._closed, True
        return not closed


class ZenohPublisher(_Endpoint):
    """One outgoing topic."""

    def __init__(self, home: Home, endpoint: Endpoint) -> None:
        """Open it."""
        super().__init__(home, Kind.PUBLISHER, Kind.SUBSCRIPTION, endpoint)
        self._sequence = 0
        self._publisher = _declare_publisher(home.session, self._presence.key, endpoint.qos)
        self._presence.announce()

    def publish(self, data: bytes) -> None:
        """Send one message, given as CDR with its encapsulation header."""
        with self._lock:  # sequence numbers are sent in their order
            if self._closed:
                return
            self._sequence += 1
            attachment = Attachment(self._sequence, time.time_ns(), self._presence.gid)
            self._publisher.put(data, attachment=bytes(attachment))

    def subscription_count(self) -> int:
        """Return how many matching subscriptions there are."""
        return self._matched()

    def close(self) -> None:
        """Leave the topic; harmless when called again."""
        if self._close_once():
            self._presence.leave()
            self._publisher.undeclare()


class ZenohSubscription(_Endpoint):
    """One incoming topic, whose callback has a thread of its own.

    Zenoh's thread only stores what arrives, up to the history depth, and counts what got lost
    before. So a callback that is slow gets the newest messages and holds nobody up.
    """

    def __init__(self, home: Home, endpoint: Endpoint, callback: Callable[[bytes], None]) -> None:
        """Open it."""
        super().__init__(home, Kind.SUBSCRIPTION, Kind.PUBLISHER, endpoint)
        self._callback = callback
        self._lost = 0
        self._sequences: OrderedDict[bytes, int] = OrderedDict()
        self._waiting: deque[Any] = deque(maxlen=endpoint.qos.depth)
        self._wake = threading.Condition(self._lock)
        self._thread = threading.Thread(target=self._run, name=f"reader {self.topic}", daemon=True)
        self._thread.start()
        # Not through Zenoh's own thread for callbacks, whose queue holds hundreds of messages.
        handler = zenoh.handlers.Callback(self._arrive, indirect=False)
        self._subscriber = _declare_subscriber(
            home.session, self._presence.key, endpoint.qos, handler
        )
        self._presence.announce()

    def publisher_count(self) -> int:
        """Return how many matching publishers there are."""
        return self._matched()

    def lost(self) -> int:
        """Return how many messages of known publishers are missing, by their sequence numbers."""
        return self._lost

    def repeated(self) -> int:
        """Return 0: Zenoh delivers a message once."""
        return 0

    def close(self) -> None:
        """Leave the topic; no callback runs after it returns."""
        if self._close_once():
            with self._wake:
                self._wake.notify()
            self._subscriber.undeclare()
            self._presence.leave()
            join(self._thread, self._home.log)

    def _arrive(self, sample: Any) -> None:
        attachment = None
        if sample.attachment is not None:
            attachment = read_attachment(sample.attachment.to_bytes())
        with self._wake:
            if attachment is not None:
                self._note(attachment)
            self._waiting.append(sample.payload)
            self._wake.notify()

    def _note(self, attachment: Attachment) -> None:
        """Count the messages between this one and the one before of the same publisher."""
        before = self._sequences.pop(attachment.gid, None)
        if before is not None and attachment.sequence > before + 1:
            self._lost += attachment.sequence - before - 1
        # Late subscribers may get older messages after newer ones.
        self._sequences[attachment.gid] = max(attachment.sequence, before or 0)
        if len(self._sequences) > _MOST_SOURCES:
            self._sequences.popitem(last=False)

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._closed:
                    self._wake.wait()
                if self._closed:
                    return
                payload = self._waiting.popleft()
            what = f"callback of {self.topic}"
            guarded(self._home.log, what, self._callback, payload.to_bytes())


def _declare_publisher(session: Any, key: str, qos: Qos) -> Any:
    options: dict[str, Any] = {
        # As rmw_zenoh: with keep-last, a full queue drops messages rather than wait.
        "congestion_control": zenoh.CongestionControl.DROP,
        "reliability": zenoh.Reliability.RELIABLE
        if qos.reliability == "reliable"
        else zenoh.Reliability.BEST_EFFORT,
    }
    if qos.durability == "volatile":
        return session.declare_publisher(key, **options)
    if qos.reliability == "reliable":
        options["sample_miss_detection"] = ext.MissDetectionConfig(
            heartbeat=None, sporadic_heartbeat=_HEARTBEAT
        )
    return ext.declare_advanced_publisher(
        session, key, cache=ext.CacheConfig(qos.depth), publisher_detection=True, **options
    )


def _declare_subscriber(session: Any, key: str, qos: Qos, handler: Any) -> Any:
    if qos.durability == "volatile":
        return session.declare_subscriber(key, handler)
    recovery = None
    if qos.reliability == "reliable":
        recovery = ext.RecoveryConfig(periodic_queries=None, heartbeat=True)
    history = ext.HistoryConfig(detect_late_publishers=True, max_samples=qos.depth)
    return ext.declare_advanced_subscriber(
        session, key, handler, history=history, recovery=recovery, subscriber_detection=True
    )
