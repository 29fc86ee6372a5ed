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

"""State of the page, from recent messages. Everything here is bounded.

Messages come in on the transport's threads, pictures of the moment go out on the server's.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from itertools import islice

import numpy as np

from fer_ros.transport import messages
from fer_ros.transport.base import TopicInfo
from fer_ros.transport.codec import decode
from fer_ros.transport.event_messages import EMOTION_EVENT, Event, read_event
from fer_ros.transport.image_topics import ANNOTATED, COMPRESSED, camera_of, is_annotated
from fer_ros.transport.messages import Status
from fer_ros.transport.result_messages import EmotionResult, read_result
from fer_ros.view import bounds

WINDOW = 60.0
"""How far back the timelines reach [s]."""

_STEP = 0.2
"""Least time between two points of a timeline [s]."""

_FORGET = 120.0
"""A camera or node of which nothing is heard for longer is taken off the page [s]."""

_CAMERAS, _FACES, _STATUSES, _EVENTS = 32, 64, 64, 60
"""At most this many are held: cameras, faces of a camera, lines of diagnostics, events."""

_MOST_POINTS = 6000
"""Faces in all moments of a camera: 20 at every moment of a whole timeline. With more, it is
shorter."""

_EMOTIONS = "/emotions"


@dataclass(frozen=True)
class FaceView:
    """One face at one moment."""

    id: str
    label: str
    confidence: float
    probabilities: tuple[int, ...]
    """Smoothed, in thousandths, in the order of the moment's labels."""
    age: float = 0.0
    """How much older than the image they are [s]."""


@dataclass(frozen=True)
class Moment:
    """The faces of one camera at one moment."""

    t: float
    """Wall clock when they were heard [s]."""
    labels: tuple[str, ...]
    faces: tuple[FaceView, ...]

    @cached_property
    def text(self) -> str:
        """The moment as JSON; made once, however many look."""
        return json.dumps(asdict(self), separators=(",", ":"))


@dataclass(frozen=True)
class CameraView:
    """One camera of the list."""

    id: str
    topic: str
    node: str
    """Who reads it; empty where nobody does."""
    picture: str = ""
    """Topic of its annotated JPEGs; empty where there are none."""
    size: str = ""
    faces: int = 0
    silent: float | None = None
    """Since its last result [s]; None before the first."""
    level: int = 0
    message: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    """Of its diagnostics: rates, drops by cause and so on."""


@dataclass(frozen=True)
class NodeView:
    """One emotion node."""

    name: str
    silent: float
    """Since its last diagnostics [s]."""
    statuses: tuple[Status, ...]


@dataclass(frozen=True)
class Snapshot:
    """All of the page but pictures and timelines."""

    nodes: tuple[NodeView, ...]
    cameras: tuple[CameraView, ...]
    events: tuple[Event, ...]


class _Camera:
    def __init__(self, emotions_topic: str, source: str) -> None:
        self.node = emotions_topic.removesuffix(_EMOTIONS)
        self.source = source
        self.size = ""
        self.faces = 0
        self.heard = 0.0
        self.moments: deque[Moment] = deque(maxlen=round(WINDOW / _STEP))
        self.points = 0
        """Faces in them."""
        self.drawn = -WINDOW
        """When the newest of them came."""
        self.added = 0
        """Moments ever taken in."""

    def take(self, moment: Moment) -> None:
        if len(self.moments) == self.moments.maxlen:
            self._drop()
        self.moments.append(moment)
        self.points += len(moment.faces)
        self.added += 1
        while self.points > _MOST_POINTS:
            self._drop()

    def _drop(self) -> None:
        self.points -= len(self.moments.popleft().faces)


class Board:
    """Collects messages; safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cameras: dict[str, _Camera] = {}
        self._nodes: dict[str, tuple[float, tuple[Status, ...]]] = {}
        self._events: deque[Event] = deque(maxlen=_EVENTS)
        self._topics: tuple[TopicInfo, ...] = ()

    @staticmethod
    def wants(topic: TopicInfo) -> bool:
        """Return whether messages of a topic are for the board."""
        if topic.type_name == messages.DIAGNOSTIC_ARRAY:
            return topic.name == "/diagnostics"
        return topic.type_name in (messages.EMOTION_ARRAY, EMOTION_EVENT)

    def receive(self, topic: TopicInfo, data: bytes) -> None:
        """Take in a message of a topic that is wanted.

        Raises:
            fer_ros.transport.codec.DecodeError: The bytes are no such message.
            ValueError: There are far too many of them.
        """
        if len(data) > bounds.MOST_BYTES:
            raise ValueError(f"a message of {len(data)} bytes is left out")
        if topic.type_name == messages.EMOTION_ARRAY:
            self._hear_faces(topic.name, read_result(data))
        elif topic.type_name == messages.DIAGNOSTIC_ARRAY:
            self._hear_diagnostics(messages.read_statuses(data))
        else:
            event = bounds.event(read_event(decode(data, EMOTION_EVENT)))
            event = replace(event, confidence=_finite(event.confidence))
            with self._lock:
                self._events.append(event)

    def set_topics(self, topics: Iterable[TopicInfo]) -> None:
        """Take in what is published in the graph, and forget what is long gone."""
        now = time.monotonic()
        with self._lock:
            self._topics = tuple(topics)
            for key in [k for k, camera in self._cameras.items() if now - camera.heard > _FORGET]:
                del self._cameras[key]
            for name in [n for n, (heard, _) in self._nodes.items() if now - heard > _FORGET]:
                del self._nodes[name]

    def snapshot(self) -> Snapshot:
        """Return the state of this moment."""
        now = time.monotonic()
        with self._lock:
            nodes = tuple(
                NodeView(name, round(now - heard, 1), statuses)
                for name, (heard, statuses) in sorted(self._nodes.items())
            )
            return Snapshot(nodes, tuple(self._camera_views(nodes, now)), tuple(self._events))

    def moments(self, camera: str, after: int) -> tuple[list[Moment], int]:
        """Return the new part of a camera's timeline.

        Args:
            camera: Its id.
            after: The number that the last call returned; 0 at first.

        Returns:
            The moments, and the number for the next call.
        """
        with self._lock:
            found = self._cameras.get(camera)
            if found is None:
                return [], 0
            missed = found.added - after if after <= found.added else found.added
            return list(found.moments)[-missed:] if missed > 0 else [], found.added

    def _hear_faces(self, topic: str, result: EmotionResult) -> None:
        now, source = time.monotonic(), result.source_topic
        key = _camera_id(topic, source)
        with self._lock:
            camera = self._cameras.get(key)
            if camera is None:
                if len(self._cameras) >= _CAMERAS:
                    return
                camera = self._cameras[key] = _Camera(topic, source)
            camera.size, camera.faces = f"{result.width}x{result.height}", len(result.faces)
            camera.heard = now
            if now - camera.drawn >= _STEP:
                camera.take(_moment(result))
                camera.drawn = now

    def _hear_diagnostics(self, statuses: list[Status]) -> None:
        now = time.monotonic()
        with self._lock:
            for name, own in islice(_by_node(statuses), _CAMERAS):  # each looks at all lines
                if len(self._nodes) < _CAMERAS or name in self._nodes:
                    self._nodes[name] = now, bounds.statuses(own, _STATUSES)

    def _camera_views(self, nodes: tuple[NodeView, ...], now: float) -> Iterable[CameraView]:
        views: dict[str, CameraView] = {}
        for node in nodes:
            for status in node.statuses:
                _, found, source = status.name.partition(": camera ")
                if found and len(views) < 2 * _CAMERAS:
                    key = _camera_id(node.name + _EMOTIONS, source)
                    views[key] = CameraView(
                        key, source, node.name, level=status.level, message=status.message,
                        values=status.values,
                    )  # fmt: skip
        pictures = {t.name for t in self._topics if t.type_name == messages.COMPRESSED_IMAGE}
        for key in views.keys() | self._cameras.keys():
            camera, view = self._cameras.get(key), views.get(key)
            if view is None:
                assert camera is not None
                view = CameraView(key, camera.source, camera.node)
            views[key] = replace(
                view,
                picture=_picture_topic(view.node, view.topic, pictures),
                size=camera.size if camera else "",
                faces=camera.faces if camera else 0,
                silent=round(now - camera.heard, 1) if camera else None,
            )
        read = {view.topic for view in views.values()}
        for topic in self._topics:
            free = topic.name not in read and not is_annotated(topic.name)
            if topic.type_name in messages.IMAGES and free and len(views) < 2 * _CAMERAS:
                views[topic.name] = CameraView(topic.name, topic.name, "")
        return sorted(views.values(), key=lambda view: (not view.node, view.topic, view.node))


def _camera_id(emotions_topic: str, source: str) -> str:
    return f"{emotions_topic} {source}"


def _by_node(statuses: Iterable[Status]) -> Iterable[tuple[str, tuple[Status, ...]]]:
    """Yield the lines of each emotion node, among those of whoever else the robot consists of."""
    lines = list(statuses)
    for line in lines:
        prefix, found, _ = line.name.partition(": node")
        if found and "state" in line.values:
            own = tuple(other for other in lines if other.name.startswith(f"{prefix}: "))
            yield bounds.name("/" + prefix.replace(".", "/")), own


def _picture_topic(node: str, source: str, published: set[str]) -> str:
    """Return where a node shows a camera: apart where it has several, see ``pictures.py``."""
    base = f"{node}/{ANNOTATED}"
    names = (f"{base}{camera_of(source)}{COMPRESSED}", base + COMPRESSED)
    return next((name for name in names if name in published), "")


def _finite(value: float) -> float:
    """Return a number that JSON can say."""
    return round(value, 3) if math.isfinite(value) else 0.0


def _moment(result: EmotionResult) -> Moment:
    faces = tuple(
        FaceView(
            face.track_id,
            face.label,
            _finite(face.confidence),
            tuple(np.nan_to_num(probabilities * 1000).round().astype(int).tolist()),
            _finite(face.prediction_age_ms / 1e3),
        )
        for face in result.faces[:_FACES]
        for probabilities in (face.smoothed[: bounds.MOST_CLASSES],)
    )
    labels = result.labels[: bounds.MOST_CLASSES]
    return Moment(time.time(), labels, faces)
