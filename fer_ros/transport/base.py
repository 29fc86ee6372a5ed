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

"""Protocols between the node and the middleware.

The node knows only these protocols. Messages are exchanged as CDR bytes
(:mod:`fer_ros.transport.messages` reads and writes them), so an adapter only moves bytes.
Callbacks run on threads of the adapter and must return at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

NO_CLOCK = "use_sim_time is set, but no /clock came yet"
"""What is said where :meth:`Transport.now_ns` stays 0."""


@dataclass(frozen=True)
class Qos:
    """Quality of service of one endpoint; the history is always keep-last."""

    reliability: Literal["reliable", "best_effort"] = "reliable"
    depth: int = 10
    durability: Literal["volatile", "transient_local"] = "volatile"


@dataclass(frozen=True)
class TopicInfo:
    """A topic that somebody publishes."""

    name: str
    type_name: str
    """E.g. ``sensor_msgs/msg/Image``."""
    publishers: int
    reliable: bool
    """Whether all of them offer reliable delivery."""
    latched: bool
    """Whether all of them keep messages for late subscribers."""


OTHER_TYPE = "TYPE_CONSISTENCY_ENFORCEMENT"
"""Named among the QoS policies, as DDS does, when a counterpart's messages are of another type."""


class TransportError(RuntimeError):
    """The middleware cannot be used as asked; the message says what to do."""


class Logger(Protocol):
    """What the node needs of a logger; ``logging.Logger`` and rclpy's both have it."""

    def debug(self, message: str) -> Any:
        """Log for developers."""

    def info(self, message: str) -> Any:
        """Log the normal course."""

    def warning(self, message: str) -> Any:
        """Log what a user should look at."""

    def error(self, message: str) -> Any:
        """Log what does not work."""


class Publisher(Protocol):
    """One outgoing topic."""

    @property
    def topic(self) -> str:
        """Fully qualified, remapped name."""

    def publish(self, data: bytes) -> None:
        """Send one message, given as CDR with its encapsulation header."""

    def subscription_count(self) -> int:
        """Return how many matching subscriptions there are."""

    def incompatible_qos(self) -> tuple[str, ...]:
        """Return the names of the QoS policies on which an endpoint of this topic was refused."""

    def close(self) -> None:
        """Leave the topic; harmless when called again."""


class Subscription(Protocol):
    """One incoming topic."""

    @property
    def topic(self) -> str:
        """Fully qualified, remapped name."""

    def publisher_count(self) -> int:
        """Return how many matching publishers there are."""

    def incompatible_qos(self) -> tuple[str, ...]:
        """Return the names of the QoS policies on which an endpoint of this topic was refused."""

    def lost(self) -> int:
        """Return how many messages got lost on the way, as far as the middleware knows."""

    def repeated(self) -> int:
        """Return how many messages the middleware delivered more than once; they were dropped."""

    def close(self) -> None:
        """Leave the topic; no callback runs after it returns."""


class Handle(Protocol):
    """Something that can be closed, e.g. a timer or a service."""

    def close(self) -> None:
        """Stop it; harmless when called again."""


class Transport(Protocol):
    """A node's place in the ROS graph."""

    @property
    def node_name(self) -> str:
        """Fully qualified name of the node, e.g. ``/fer``."""

    @property
    def log(self) -> Logger:
        """Where the node logs."""

    def now_ns(self) -> int:
        """Return the node's clock [ns]: system time, or /clock under ``use_sim_time``.

        Before the first /clock it is 0.
        """

    def resolve(self, name: str) -> str:
        """Return the fully qualified topic name after namespace, ``~`` and remapping."""

    def publisher(self, topic: str, type_name: str, qos: Qos) -> Publisher:
        """Open an outgoing topic, e.g. of type ``fer_ros/msg/EmotionArray``."""

    def subscribe(
        self, topic: str, type_name: str, qos: Qos, callback: Callable[[bytes], None]
    ) -> Subscription:
        """Open an incoming topic; the callback gets each message as CDR bytes."""

    def timer(self, period: float, callback: Callable[[], None]) -> Handle:
        """Call back every ``period`` seconds of the steady clock."""

    def set_bool_service(
        self, name: str, handler: Callable[[bool], tuple[bool, str]]
    ) -> Handle | None:
        """Offer a std_srvs/SetBool service, or return None where services are not available."""

    def call_service(self, name: str, type_name: str, value: bool = True) -> tuple[bool, str]:
        """Call a std_srvs service and wait for its response, for a few seconds at most.

        Not from a callback of this transport, which the response may have to wait for.

        Args:
            name: As topics are named.
            type_name: ``std_srvs/srv/Empty``, ``std_srvs/srv/Trigger`` or ``std_srvs/srv/SetBool``.
            value: What SetBool gets.

        Returns:
            Whether it succeeded (Empty always does), and the message of its response.

        Raises:
            TransportError: Nobody offers it, it takes too long, or there are no services here.
        """

    def namesakes(self) -> int:
        """Return how many other nodes have this node's name now, as far as it knows."""

    def published_topics(self) -> tuple[TopicInfo, ...]:
        """Return what is published in the graph now, as far as this node knows, by name."""

    def large_message_advice(self) -> str:
        """Return what hinders messages of a megabyte, and a remedy; empty where nothing does."""

    def loss_advice(self) -> str:
        """Return what helps on this middleware when messages get lost on the way."""

    def parameter_overrides(self) -> Mapping[str, Any]:
        """Return the parameter values given from outside at start."""

    def close(self) -> None:
        """Close every entity and leave the graph."""


def refusal(who: str, names: Sequence[str]) -> str:
    """Return what is wrong with a publisher or subscriber that was refused, and a remedy.

    Args:
        who: What it is.
        names: Of the QoS policies, among them perhaps the one that denotes its type.
    """
    policies = [name for name in names if name != OTHER_TYPE]
    problems = [f"a {who}'s QoS is incompatible: {', '.join(policies)}"] if policies else []
    if OTHER_TYPE in names:
        problems.append(
            f"a {who} is refused for the definition of its type ({OTHER_TYPE}): build both sides "
            "from the same message definition (docs/ros2.md)"
        )
    return "; ".join(problems)


def refusals(subscriptions: Sequence[Subscription]) -> dict[str, str]:
    """Return which subscriptions refuse a publisher, why, and a remedy: a line for each topic."""
    found = {each.topic: each.incompatible_qos() for each in subscriptions}
    return {name: f"{name}: {refusal('publisher', why)}" for name, why in found.items() if why}
