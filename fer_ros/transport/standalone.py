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

"""Base of the adapters without rclpy: name, log, clock, timers, parameters."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Protocol, TypeVar

from fer_ros.transport import codec, names
from fer_ros.transport.arguments import RosArgs
from fer_ros.transport.base import (
    Handle,
    Logger,
    Publisher,
    Qos,
    Subscription,
    TopicInfo,
    TransportError,
)
from fer_ros.transport.logs import logger_name, node_logger
from fer_ros.transport.threads import SteadyTimer

CLOCK_TOPIC = "/clock"
CLOCK_TYPE = "rosgraph_msgs/msg/Clock"


class _Closable(Protocol):
    @property
    def closed(self) -> bool: ...

    def close(self) -> None: ...


_C = TypeVar("_C", bound=_Closable)
_N = TypeVar("_N", bound="StandaloneNode")


class StandaloneNode(ABC):
    """A node without rclpy; adapters add publishers and subscriptions."""

    has_services: bool = False
    """Whether :meth:`service` can be called."""

    def __init__(
        self,
        node_name: str,
        namespace: str = "/",
        args: RosArgs | None = None,
        rosout: bool = True,  # noqa: ARG002
    ) -> None:
        """Take name, log level and parameters from the command line's rules.

        Args:
            node_name: Name unless ``__node`` says otherwise.
            namespace: Namespace unless ``__ns`` says otherwise; the leading slash may miss.
            args: Parsed ``--ros-args``.
            rosout: Whether the log goes to /rosout as well, where the adapter has such a topic.

        Raises:
            TransportError: A name is not valid, or ``use_sim_time`` is no bool.
        """
        args = args or RosArgs()
        self.identity = args.identity(node_name, names.absolute_namespace(namespace))
        full = self.identity.full
        self._args = args
        self._log = node_logger(full, args.level_of(logger_name(full)))
        self._parameters = args.parameters(full)
        self._sim_time = self._parameters.get("use_sim_time", False)
        if not isinstance(self._sim_time, bool):
            raise TransportError(f"use_sim_time must be true or false, not {self._sim_time!r}")
        self._sim_time_ns = 0
        self._lock = threading.Lock()
        self._closed = False
        self._open: list[_Closable] = []

    def __enter__(self: _N) -> _N:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def node_name(self) -> str:
        """Fully qualified name."""
        return self.identity.full

    @property
    def log(self) -> Logger:
        """Where the node logs."""
        return self._log

    def now_ns(self) -> int:
        """Return system time [ns], or under ``use_sim_time`` the last /clock (0 before it)."""
        return self._sim_time_ns if self._sim_time else time.time_ns()

    def resolve(self, name: str) -> str:
        """Return the fully qualified topic name.

        Raises:
            TransportError: The name is not valid.
        """
        return names.resolve(name, self.identity, self._args.remaps)

    def resolve_service(self, name: str) -> str:
        """Return the fully qualified service name.

        Raises:
            TransportError: The name is not valid.
        """
        return names.resolve(name, self.identity, self._args.remaps, kind="service")

    def parameter_overrides(self) -> Mapping[str, Any]:
        """Return the values that ``-p`` and ``--params-file`` give to this node."""
        return dict(self._parameters)

    def timer(self, period: float, callback: Callable[[], None]) -> Handle:
        """Call back every ``period`` seconds of the steady clock."""
        return self._keep(SteadyTimer(period, callback, self._log))

    def large_message_advice(self) -> str:
        """Return nothing: large messages need no configuration."""
        return ""

    def loss_advice(self) -> str:
        """Return nothing: no messages get lost."""
        return ""

    def service(
        self,
        name: str,
        type_name: str,  # noqa: ARG002
        handler: Callable[[Any], Any],  # noqa: ARG002
    ) -> Handle:
        """Refuse: this middleware has no services here."""
        raise TransportError(f"{name} cannot be offered: there are no services here")

    def call_service(
        self,
        name: str,
        type_name: str,  # noqa: ARG002
        value: bool = True,  # noqa: ARG002
    ) -> tuple[bool, str]:
        """Refuse: there are no services without ROS 2."""
        raise TransportError(f"{name} cannot be called: there are no services without ROS 2")

    @abstractmethod
    def publisher(self, topic: str, type_name: str, qos: Qos) -> Publisher:
        """Open an outgoing topic."""

    @abstractmethod
    def subscribe(
        self, topic: str, type_name: str, qos: Qos, callback: Callable[[bytes], None]
    ) -> Subscription:
        """Open an incoming topic."""

    @abstractmethod
    def set_bool_service(
        self, name: str, handler: Callable[[bool], tuple[bool, str]]
    ) -> Handle | None:
        """Offer a std_srvs/SetBool service, or return None where services are not available."""

    @abstractmethod
    def namesakes(self) -> int:
        """Return how many other nodes have this node's name now."""

    @abstractmethod
    def published_topics(self) -> tuple[TopicInfo, ...]:
        """Return what is published in the graph now, by name."""

    def close(self) -> None:
        """Close every entity, the latest first."""
        with self._lock:
            self._closed = True
            entities, self._open = self._open[::-1], []
        for entity in entities:
            entity.close()

    def _follow_clock(self) -> None:
        """Subscribe to /clock when the node runs on simulated time."""
        if self._sim_time:
            qos = Qos(reliability="best_effort", depth=1)
            self.subscribe(CLOCK_TOPIC, CLOCK_TYPE, qos, self._on_clock)

    def _on_clock(self, data: bytes) -> None:
        clock = codec.decode(data, CLOCK_TYPE).clock
        self._sim_time_ns = clock.sec * 1_000_000_000 + clock.nanosec

    def _check_open(self) -> None:
        if self._closed:
            raise TransportError(f"{self.node_name} is closed")

    def _keep(self, entity: _C) -> _C:
        """Remember an entity so that :meth:`close` closes it, and forget the closed ones."""
        with self._lock:
            if not self._closed:
                self._open = [other for other in self._open if not other.closed]
                self._open.append(entity)
                return entity
        entity.close()
        raise TransportError(f"{self.node_name} is closed")
