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

"""Subscriptions that follow the topics of the graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from fer_ros.transport.base import Qos, Subscription, TopicInfo, Transport, TransportError
from fer_ros.transport.codec import knows

MOST_TOPICS = 1000
"""Topics that are heard at once; of more, the later ones are refused."""

Key = tuple[str, str]
"""Name and type of a topic."""


def adaptive_qos(topic: TopicInfo, depth: int) -> Qos:
    """Return the strictest QoS that all publishers of a topic offer."""
    return Qos(
        "reliable" if topic.reliable else "best_effort",
        depth=depth,
        durability="transient_local" if topic.latched else "volatile",
    )


class TopicFollower:
    """Subscribes to wanted topics; :meth:`update` follows the graph. For one thread at a time.

    A subscription asks for as much as all publishers of its topic offer, and is made anew when
    that changes, so that it hears every one of them.
    """

    def __init__(
        self, transport: Transport, receive: Callable[[TopicInfo, bytes], None], depth: int = 10
    ) -> None:
        """Follow nothing yet.

        Args:
            transport: This node's place in the graph.
            receive: Gets the topic and each message as CDR bytes, on threads of the transport.
            depth: History depth of the subscriptions [messages].
        """
        self._transport = transport
        self._receive = receive
        self._depth = depth
        self._open: dict[Key, tuple[TopicInfo, Subscription]] = {}
        self._refused: dict[Key, str] = {}

    @property
    def topics(self) -> tuple[TopicInfo, ...]:
        """What is subscribed to."""
        return tuple(topic for topic, _ in self._open.values())

    @property
    def refused(self) -> dict[Key, str]:
        """Reasons why wanted topics cannot be subscribed to."""
        return self._refused

    def update(self, wanted: Iterable[TopicInfo]) -> None:
        """Subscribe to exactly these topics, as far as they can be heard."""
        news = {(topic.name, topic.type_name): topic for topic in wanted}
        for key, (topic, subscription) in list(self._open.items()):
            if key not in news or _offer(news[key]) != _offer(topic):
                subscription.close()
                del self._open[key]
        self._refused = {key: why for key, why in self._refused.items() if key in news}
        for key, topic in news.items():
            if key not in self._open and key not in self._refused:
                self._subscribe(key, topic)

    def close(self) -> None:
        """Leave all topics."""
        self.update(())

    def _subscribe(self, key: Key, topic: TopicInfo) -> None:
        if len(self._open) >= MOST_TOPICS:
            self._refused[key] = f"{MOST_TOPICS} topics are heard already"
            return
        if not knows(topic.type_name):
            self._refused[key] = f"the definition of {topic.type_name} is not known"
            return
        try:
            subscription = self._transport.subscribe(
                topic.name, topic.type_name, adaptive_qos(topic, self._depth),
                partial(self._receive, topic),
            )  # fmt: skip
        except TransportError as error:
            self._refused[key] = str(error)
            return
        self._open[key] = topic, subscription


def _offer(topic: TopicInfo) -> tuple[bool, bool]:
    return topic.reliable, topic.latched
