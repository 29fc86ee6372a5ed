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

"""Answers for tests: who is seen in an image and what their faces show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sample_faces import sample_face

from fer_ros.behaviors.engine import EventEngine
from fer_ros.behaviors.rule_files import parse_rules
from fer_ros.perception.emotions import FER2013, UNCERTAIN
from fer_ros.perception.types import (
    STAGES,
    Box,
    Frame,
    FrameResult,
    Origin,
    StageTimes,
)
from fer_ros.transport import messages
from fer_ros.transport.event_messages import Event, FaceTable

SECOND = 1_000_000_000
START = 1000 * SECOND


def table(
    time: float,
    faces: Mapping[str, str | tuple[str, float]],
    topic: str = "/image_raw",
    sizes: Mapping[str, float] | None = None,
    labels: tuple[str, ...] = FER2013,
) -> FaceTable:
    """Return the answer at a time [s] after the start; a face is its label, with a confidence."""
    names = tuple(faces)
    shown = [face if isinstance(face, tuple) else (face, 0.8) for face in faces.values()]
    probabilities = np.full((len(names), len(labels)), np.nan, np.float32)
    index = []
    for row, (label, confidence) in enumerate(shown):
        rest = (1 - confidence) / (len(labels) - 1)
        probabilities[row] = rest
        place = labels.index(label) if label in labels else -1
        index.append(place)
        if label == UNCERTAIN:
            probabilities[row] = 1 / len(labels)
        else:
            probabilities[row, place] = confidence
    size = np.array([(sizes or {}).get(name, 100.0) for name in names], np.float32)
    return FaceTable(
        source_topic=topic,
        stamp_ns=START + round(time * SECOND),
        frame_id="camera",
        labels=labels,
        track_ids=names,
        label_index=np.array(index, np.intp),
        confidence=np.array([confidence for _, confidence in shown], np.float32),
        probabilities=probabilities,
        height=size / 480,
        area=size**2,
        closeness=size / 2.4,
    )


def engine(text: str) -> EventEngine:
    return EventEngine(parse_rules(text))


def told(events: list[Event]) -> list[str]:
    """Return events as short words: phase, rule, face, label."""
    return [" ".join(filter(None, (e.phase, e.cause, e.rule, e.track_id, e.label))) for e in events]


def play(text: str, *answers: FaceTable) -> list[Event]:
    """Return the events of some answers, without those of closing."""
    judge = engine(text)
    return [event for answer in answers for event in judge.update(answer)]


def span(seconds: float, faces: Mapping[str, str], start: float = 0.0, rate: float = 10.0, **more):
    """Return the same faces for a while."""
    count = round(seconds * rate)
    return [table(start + i / rate, faces, **more) for i in range(count + 1)]


def message(
    stamp_ns: int, faces: Mapping[str, str], topic: str = "/image_raw", box: float = 100.0
) -> Any:
    """Return an EmotionArray with these faces in it."""
    found = []
    for index, (name, label) in enumerate(faces.items()):
        found.append(sample_face(name, label, box=Box(10 + 120 * index, 10, box, box)))
    frame = Frame(np.zeros((480, 640), np.uint8), stamp_ns, "camera", topic)
    times = StageTimes(**dict.fromkeys(STAGES, 1.0))
    origin = Origin(FER2013, "model-1.0.0", "0" * 64, "yunet")
    return messages.emotion_array(FrameResult(frame, found, times), origin, 5.0)
