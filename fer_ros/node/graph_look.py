"""What the node looks up in the graph around it when something is amiss."""

from __future__ import annotations

import time

from fer_ros.transport.base import TopicInfo, Transport, TransportError

_PERIOD = 2.0
"""Shortest time between two looks, which cost discovery some milliseconds [s]."""


class GraphLook:
    """Looks at the graph now and then, and remembers what it saw."""

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
        now = time.monotonic()
        if now - self._looked >= _PERIOD:
            self._looked = now
            try:
                self._topics = self._transport.published_topics()
            except TransportError:  # closed meanwhile
                self._topics = ()
        found = {info.type_name for info in self._topics if info.name == topic}
        return tuple(sorted(found - {own}))
