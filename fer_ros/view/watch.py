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

"""Subscriptions of the page: small topics always, pictures only while a tab shows them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from fer_ros.runtime.throttle import Throttle
from fer_ros.transport import messages
from fer_ros.transport.base import TopicInfo, Transport
from fer_ros.transport.codec import DecodeError
from fer_ros.transport.topic_follower import TopicFollower
from fer_ros.view import bounds
from fer_ros.view.board import Board

_TICK = 0.1
"""Time between two looks at which pictures are wanted [s]."""

_LOOK = 1.0
"""Time between two looks at the graph [s]."""

_LINGER = 2.0
"""How long pictures that nobody looks at any more are still heard [s]: pages are reloaded."""


@dataclass(frozen=True)
class Picture:
    """The newest annotated picture of a topic."""

    number: int
    """Rises by at least one from picture to picture."""
    jpeg: bytes


class Watch:
    """Follows the graph on a timer's thread; pictures are handed to whoever asked for them."""

    def __init__(self, transport: Transport, board: Board, on_picture: Callable[[], None]) -> None:
        """Begin.

        Args:
            transport: This node's place in the graph.
            board: Gets all but the pictures.
            on_picture: Called when a picture has come, on a thread of the transport.
        """
        self._transport = transport
        self._board = board
        self._on_picture = on_picture
        self._small = TopicFollower(transport, self._receive, depth=20)
        self._large = TopicFollower(transport, self._receive_picture, depth=1)
        self._lock = threading.Lock()
        self._wanted: Counter[str] = Counter()
        self._unwanted: dict[str, float] = {}
        self._pictures: dict[str, Picture] = {}
        self._number = 0
        self._topics: tuple[TopicInfo, ...] = ()
        self._looked = 0.0
        self._throttle = Throttle()
        self._timer = transport.timer(_TICK, self._tick)

    def want(self, topic: str) -> None:
        """Ask for the pictures of a topic; once for each who looks."""
        with self._lock:
            self._wanted[topic] += 1

    def unwant(self, topic: str) -> None:
        """Take one such wish back."""
        with self._lock:
            self._wanted[topic] -= 1
            if self._wanted[topic] <= 0:
                del self._wanted[topic]
                self._unwanted[topic] = time.monotonic()

    def picture(self, topic: str) -> Picture | None:
        """Return the newest picture of a topic, if one came lately."""
        with self._lock:
            return self._pictures.get(topic)

    def close(self) -> None:
        """Leave all topics."""
        self._timer.close()
        self._small.close()
        self._large.close()

    def _tick(self) -> None:
        now = time.monotonic()
        if now - self._looked >= _LOOK:
            self._looked = now
            self._topics = self._transport.published_topics()
            self._board.set_topics(self._topics)
            small = [topic for topic in self._topics if self._board.wants(topic)]
            if len(small) > bounds.MOST_TOPICS:
                left = len(small) - bounds.MOST_TOPICS
                self._complain("topics", f"{left} topics too many; they are not shown")
            self._small.update(small[: bounds.MOST_TOPICS])
        wanted = self._wanted_now(now)
        self._large.update(
            topic
            for topic in self._topics
            if topic.name in wanted and topic.type_name == messages.COMPRESSED_IMAGE
        )

    def _wanted_now(self, now: float) -> set[str]:
        with self._lock:
            for topic in [t for t, since in self._unwanted.items() if now - since > _LINGER]:
                del self._unwanted[topic]
            wanted = self._wanted.keys() | self._unwanted.keys()
            for topic in self._pictures.keys() - wanted:
                del self._pictures[topic]
            return wanted

    def _receive(self, topic: TopicInfo, data: bytes) -> None:
        try:
            self._board.receive(topic, data)
        except (DecodeError, ValueError) as error:
            self._complain(topic.name, f"{topic.name}: {error}")

    def _receive_picture(self, topic: TopicInfo, data: bytes) -> None:
        try:
            if len(data) > bounds.MOST_PICTURE_BYTES:
                raise ValueError(f"a picture of {len(data)} bytes is left out")
            jpeg = messages.read_jpeg(data)
        except (DecodeError, ValueError) as error:
            self._complain(topic.name, f"{topic.name}: {error}")
            return
        with self._lock:
            self._number += 1
            self._pictures[topic.name] = Picture(self._number, jpeg)
        self._on_picture()

    def _complain(self, kind: str, text: str) -> None:
        admitted = self._throttle.admit(kind, text)
        if admitted:
            self._transport.log.warning(admitted)
