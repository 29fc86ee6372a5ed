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

"""Queries of the graph when something is wrong."""

from __future__ import annotations

import math
import time

from fer_ros.transport import messages
from fer_ros.transport.base import Logger, TopicInfo, Transport, TransportError
from fer_ros.transport.image_topics import is_annotated

_PERIOD = 2.0
"""Shortest time between two looks, which cost discovery some milliseconds [s]."""
PATIENCE = 3.0
"""How long a topic may lack a publisher before that is logged: nodes start together [s]."""

REPEAT = 10.0
"""Period at which it is logged again, with the topics that there are by then [s]."""


class GraphLook:
    """Queries the graph now and then, and caches the result."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._looked = -_PERIOD
        self._topics: tuple[TopicInfo, ...] = ()
        self._counted = -_PERIOD
        self._namesakes = 0

    def namesakes(self) -> int:
        """Return how many other nodes have this node's name."""
        now = time.monotonic()
        if now - self._counted >= _PERIOD:
            self._counted = now
            self._namesakes = self._transport.namesakes()
        return self._namesakes

    def other_types(self, topic: str, own: str) -> tuple[str, ...]:
        """Return the types in which others publish a topic, without the expected one.

        Args:
            topic: Fully qualified name.
            own: The type that is expected.
        """
        found = {info.type_name for info in self._look() if info.name == topic}
        return tuple(sorted(found - {own}))

    def cameras(self) -> tuple[str, ...]:
        """Return the topics of images there are, but those that emotion nodes draw."""
        return tuple(
            info.name
            for info in self._look()
            if info.type_name in messages.IMAGES and not is_annotated(info.name)
        )

    def _look(self) -> tuple[TopicInfo, ...]:
        now = time.monotonic()
        if now - self._looked >= _PERIOD:
            self._looked = now
            try:
                self._topics = self._transport.published_topics()
            except TransportError:  # closed meanwhile
                self._topics = ()
        return self._topics


class MissingCameras:
    """Logs that nobody publishes a camera's topic, and which topics of images there are now."""

    def __init__(self, graph: GraphLook, log: Logger) -> None:
        self._graph = graph
        self._log = log
        self._heard: set[str] = set()
        self._since: dict[str, float] = {}
        self._told: dict[str, float] = {}
        """When it was last logged for a topic [s]."""

    def look(self, topic: str, published: bool) -> None:
        """Take in whether anybody publishes a camera's topic now, in whatever type."""
        if published:
            self._heard.add(topic)
            self._since.pop(topic, None)
            if topic in self._told:
                del self._told[topic]
                self._log.info(f"{topic} is published now")
            return
        now = time.monotonic()
        since = self._since.setdefault(topic, now)
        last = self._told.get(topic, -math.inf)
        if now - since >= PATIENCE and now - last >= REPEAT:
            self._told[topic] = now
            when = "any more" if topic in self._heard else "yet"
            self._log.warning(f"nobody publishes {topic} {when}; {self._advice()}")

    def _advice(self) -> str:
        there = self._graph.cameras()
        if not there:
            return (
                "nor any other camera topic: is the driver started, and in this ROS_DOMAIN_ID? "
                "A camera to try with: fer-ros camera, or on ROS 2: ros2 run fer_ros camera"
            )
        return (
            f"camera topics there are: {', '.join(there)}; take one by the parameter "
            f"image_topics: --ros-args -p image_topics:={there[0]}"
        )
