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

"""EmotionArray to the values that rules evaluate, and events to EmotionEvent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fer_ros.transport.codec import message_class
from fer_ros.transport.messages import header, time_ns

EMOTION_EVENT = "fer_ros/msg/EmotionEvent"
RUNNING_EVENTS = "fer_ros/msg/RunningEvents"

Phase = Literal["start", "ongoing", "end"]
Cause = Literal["", "ended", "changed", "left", "silent", "stopped"]

_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Event:
    """Content of an EmotionEvent; the fields are those of ``msg/EmotionEvent.msg``."""

    phase: Phase
    cause: Cause
    rule: str
    source_topic: str
    stamp_ns: int
    frame_id: str
    track_id: str
    label: str
    previous_label: str
    confidence: float
    onset_ns: int
    duration_ns: int


@dataclass(frozen=True, slots=True)
class FaceTable:
    """The faces of one EmotionArray as columns; the first axis of every array is the face."""

    source_topic: str
    stamp_ns: int
    """0 when the image carries no stamp."""
    frame_id: str
    labels: tuple[str, ...]
    track_ids: tuple[str, ...]
    label_index: NDArray[np.intp]
    """Place of the face's label in ``labels``; -1: uncertain."""
    confidence: NDArray[np.float32]
    """Smoothed probability of the label [0..1]."""
    probabilities: NDArray[np.float32]
    """Smoothed, shape (faces, labels) [0..1]."""
    height: NDArray[np.float32]
    """Of the box, as a part of the image's height [0..1]."""
    area: NDArray[np.float32]
    """Of the box [pixels]."""
    closeness: NDArray[np.float32]
    """Apparent size of the face, larger when nearer [pixels]."""


def read_face_table(message: Any) -> FaceTable:
    """Return the faces of an EmotionArray; of several with one track id, the first.

    Raises:
        ValueError: The probabilities of a face are not as many as the labels.
    """
    labels = tuple(message.labels)
    places = {label: index for index, label in enumerate(labels)}
    named: dict[str, Any] = {}
    for face in message.faces:
        if face.track_id:
            named.setdefault(face.track_id, face)
    faces = list(named.values())
    probabilities = np.empty((len(faces), len(labels)), np.float32)
    for row, face in enumerate(faces):
        if len(face.smoothed_probabilities) != len(labels):  # one alone would stand for all
            count = len(face.smoothed_probabilities)
            raise ValueError(f"a face has {count} probabilities of {len(labels)} classes")
        probabilities[row] = face.smoothed_probabilities
    sizes = np.array([(f.roi.width, f.roi.height) for f in faces], np.float32).reshape(-1, 2)
    return FaceTable(
        source_topic=message.source_topic,
        stamp_ns=time_ns(message.header.stamp),
        frame_id=message.header.frame_id,
        labels=labels,
        track_ids=tuple(face.track_id for face in faces),
        label_index=np.array([places.get(face.label, -1) for face in faces], np.intp),
        confidence=np.array([face.confidence for face in faces], np.float32),
        probabilities=probabilities,
        height=sizes[:, 1] / max(message.height, 1),
        area=sizes[:, 0] * sizes[:, 1],
        closeness=np.array([_closeness(face) for face in faces], np.float32),
    )


def _closeness(face: Any) -> float:
    """Return the larger of eye distance and eyes-to-mouth distance, or of the box's share of them.

    A head that turns shortens the one, a nod the other. A box is about 2.4 eye distances high.
    """
    points = face.landmarks
    if len(points) != 5:
        return float(face.roi.height) / 2.4
    right, left, _, mouth_right, mouth_left = ((p.x, p.y) for p in points)
    eyes = np.hypot(left[0] - right[0], left[1] - right[1])
    down = np.hypot(
        (mouth_right[0] + mouth_left[0] - right[0] - left[0]) / 2,
        (mouth_right[1] + mouth_left[1] - right[1] - left[1]) / 2,
    )
    return float(max(eyes, down))


def emotion_event(event: Event) -> Any:
    """Return the EmotionEvent of an event."""
    seconds, nanoseconds = divmod(event.onset_ns, _SECOND)
    whole, part = divmod(event.duration_ns, _SECOND)
    return message_class(EMOTION_EVENT)(
        header=header(event.stamp_ns, event.frame_id),
        source_topic=event.source_topic,
        rule=event.rule,
        phase=event.phase,
        cause=event.cause,
        track_id=event.track_id,
        label=event.label,
        previous_label=event.previous_label,
        confidence=event.confidence,
        onset=message_class("builtin_interfaces/msg/Time")(sec=seconds, nanosec=nanoseconds),
        duration=message_class("builtin_interfaces/msg/Duration")(sec=whole, nanosec=part),
    )


def running_events(events: Iterable[Event]) -> Any:
    """Return the RunningEvents of the starts of events."""
    return message_class(RUNNING_EVENTS)(events=[emotion_event(event) for event in events])


def read_event(message: Any) -> Event:
    """Return the content of an EmotionEvent."""
    return Event(
        phase=message.phase,
        cause=message.cause,
        rule=message.rule,
        source_topic=message.source_topic,
        stamp_ns=time_ns(message.header.stamp),
        frame_id=message.header.frame_id,
        track_id=message.track_id,
        label=message.label,
        previous_label=message.previous_label,
        confidence=float(message.confidence),
        onset_ns=time_ns(message.onset),
        duration_ns=time_ns(message.duration),
    )
