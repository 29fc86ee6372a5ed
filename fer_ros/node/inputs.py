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

"""The subscription of one camera: topic, message type and queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from fer_ros.node.backlog import Message, packet_of
from fer_ros.node.graph_look import GraphLook
from fer_ros.node.parameters import Settings
from fer_ros.node.stream import Stream
from fer_ros.transport.base import Qos, Subscription, Transport, TransportError
from fer_ros.transport.image_topics import FORMS, type_by_name
from fer_ros.transport.messages import IMAGE, peek_stamp_ns
from fer_ros.transport.video_messages import VIDEOS

_VIDEO_DEPTH = 30
"""Shortest history of a video's subscription [messages]: a packet that is pushed out of it costs
all pictures until the next key frame."""


class CameraInput:
    """The input of one camera."""

    def __init__(
        self,
        transport: Transport,
        graph: GraphLook,
        settings: Settings,
        index: int,
        wake: Callable[[], None],
    ) -> None:
        """Subscribe.

        Args:
            transport: The node's place in the graph.
            graph: Knows the types in which a topic is published.
            settings: The parameters.
            index: Of the camera in ``image_topics``.
            wake: Called when an image arrives.

        Raises:
            TransportError: The topic cannot be subscribed to.
        """
        self._transport, self._graph, self._settings = transport, graph, settings
        name, asked = settings.image_topics[index], settings.image_transport
        self.asked_topic = topic = transport.resolve(name)
        """As ``image_topics`` names it; the stream's topic may have the transport behind it."""
        kind = FORMS.get(asked, IMAGE if asked == "raw" else type_by_name(topic))
        source = f"{topic}/{asked}" if asked in FORMS and kind != type_by_name(topic) else topic
        # A name is remapped once: it goes to the transport as it was given where that is possible.
        self._name = name if source == topic else source
        self._turns_to_video = asked == "auto"
        self._video_came = self.deep = False
        """The latter: whether the history is long enough for video."""
        self.stream = Stream(source, kind, wake, settings.of_camera(settings.max_rate, index))
        self.subscription = self._subscribe()
        if kind == IMAGE and (advice := transport.large_message_advice()):
            transport.log.warning(f"{source}: {advice}")

    def look(self) -> int:
        """Turn to the video that the topic carries if it carries nothing else, and may be chosen.

        Where compressed images turn out to be video, their history becomes longer.

        Returns:
            How many publish what is subscribed to.
        """
        if self._video_came and not self.deep:
            self._turn_to(self.stream.type_name)
        publishers = self.subscription.publisher_count()
        there = set(self.other_types()) & set(VIDEOS) if self._turns_to_video else ()
        if publishers or not there:
            return publishers
        before, kind = self.stream.type_name, min(there)
        try:
            self._turn_to(kind)
            self._transport.log.info(f"{self.stream.topic} is video, published as {kind}")
        except TransportError as error:
            self._turns_to_video = False
            self._transport.log.error(f"{self.stream.topic} is video that cannot be read: {error}")
            self._turn_to(before)
        return self.subscription.publisher_count()

    def other_types(self) -> tuple[str, ...]:
        """Return in what types an unheard camera's topic is published, other than the own one."""
        if self.subscription.publisher_count():
            return ()
        return self._graph.other_types(self.stream.topic, self.stream.type_name)

    def close(self) -> None:
        """Leave the topic."""
        self.subscription.close()

    def _turn_to(self, type_name: str) -> None:
        self.subscription.close()
        if type_name != self.stream.type_name:
            self.stream.turn_to(type_name)
        self.subscription = self._subscribe()

    def _subscribe(self) -> Subscription:
        settings, kind = self._settings, self.stream.type_name
        video = kind in VIDEOS or self._video_came
        depth = max(settings.image_depth, _VIDEO_DEPTH if video else 0)
        self._first = True
        qos = Qos(reliability(settings.image_reliability), depth=depth)
        opened = self._transport.subscribe(self._name, kind, qos, self._receive)
        self.deep = depth >= _VIDEO_DEPTH
        return opened

    def _receive(self, data: bytes) -> None:
        if self._first:
            self._first = False
            self._video_came = packet_of(data, self.stream.type_name) is not None
        self.stream.put(Message(data, self._transport.now_ns(), peek_stamp_ns(data)))


def reliability(name: str) -> Literal["reliable", "best_effort"]:
    """Return a parameter's value as a QoS takes it."""
    return "reliable" if name == "reliable" else "best_effort"
