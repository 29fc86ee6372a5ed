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

"""Reader of EmotionArray messages, with bounds on their size, which tables keyed by names need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fer_ros.perception.types import STAGES, Box, Face, FaceEmotion
from fer_ros.transport.codec import DecodeError, decode
from fer_ros.transport.messages import EMOTION_ARRAY, LATEST_NS, time_ns

MOST_RESULT_BYTES = 1 << 20
"""Of an EmotionArray that is read at all [bytes]; those of 100 faces have 40,000."""

MOST_FACES, MOST_CLASSES = 1000, 64
"""Of an EmotionArray that is read at all; tables of one by the other are made of it."""

MOST_NAME = 255
"""Longest name of a topic, frame, track or class in one [characters], as in ROS."""


def total_ms(message: Any) -> float:
    """Return what an EmotionArray's image cost in all stages together [ms]."""
    return sum(float(getattr(message, f"{stage}_ms")) for stage in STAGES)


@dataclass(frozen=True)
class EmotionResult:
    """Content of an EmotionArray."""

    source_topic: str
    stamp_ns: int
    width: int
    height: int
    labels: tuple[str, ...]
    model_id: str
    detector: str
    faces: list[FaceEmotion]
    age_ms: float
    """NaN where the image carried no stamp."""
    total_ms: float
    """Cost of all stages together [ms]."""


def decode_result(data: bytes) -> Any:
    """Return the EmotionArray that CDR bytes hold.

    Raises:
        fer_ros.transport.codec.DecodeError: The bytes are no such message, or exceed the bounds
            above.
    """
    if len(data) > MOST_RESULT_BYTES:
        raise DecodeError(f"{len(data)} bytes are no EmotionArray of an emotion node")
    m = decode(data, EMOTION_ARRAY)
    if len(m.faces) > MOST_FACES:
        raise DecodeError(f"an EmotionArray of {len(m.faces)} faces, more than {MOST_FACES}")
    if len(m.labels) > MOST_CLASSES:
        raise DecodeError(f"an EmotionArray of {len(m.labels)} classes, more than {MOST_CLASSES}")
    if time_ns(m.header.stamp) > LATEST_NS:
        raise DecodeError("an EmotionArray whose stamp is no time")
    names = [m.source_topic, m.header.frame_id, *m.labels]
    names += [name for face in m.faces for name in (face.track_id, face.label)]
    longest = max(map(len, names))
    if longest > MOST_NAME:
        raise DecodeError(f"an EmotionArray with a name of {longest} characters")
    return m


def read_result(data: bytes) -> EmotionResult:
    """Return the content of an EmotionArray, given as CDR bytes.

    Raises:
        fer_ros.transport.codec.DecodeError: See :func:`decode_result`.
    """
    m = decode_result(data)
    return EmotionResult(
        source_topic=m.source_topic,
        stamp_ns=time_ns(m.header.stamp),
        width=m.width,
        height=m.height,
        labels=tuple(m.labels),
        model_id=m.model_id,
        detector=m.detector,
        faces=read_faces(m),
        age_ms=float(m.age_ms),
        total_ms=total_ms(m),
    )


def read_faces(message: Any) -> list[FaceEmotion]:
    """Return the faces of an EmotionArray as the pipeline's own data."""
    return [_read_emotion(emotion) for emotion in message.faces]


def _read_emotion(emotion: Any) -> FaceEmotion:
    roi, points = emotion.roi, emotion.landmarks
    box = Box(float(roi.x_offset), float(roi.y_offset), float(roi.width), float(roi.height))
    landmarks = np.array([(p.x, p.y) for p in points], np.float32) if points else None
    return FaceEmotion(
        face=Face(box, float(emotion.detection_confidence), landmarks),
        track_id=emotion.track_id,
        probabilities=np.asarray(emotion.probabilities, np.float32),
        smoothed=np.asarray(emotion.smoothed_probabilities, np.float32),
        label=emotion.label,
        confidence=float(emotion.confidence),
        quality=float(emotion.quality),
        prediction_age_ms=float(emotion.prediction_age_ms),
    )
