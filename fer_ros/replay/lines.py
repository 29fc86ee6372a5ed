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

"""Records of the lines of results.jsonl and tracks.jsonl."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fer_ros.perception.types import FaceEmotion


@dataclass(frozen=True)
class FaceLine:
    """One face of a line of results.jsonl."""

    track_id: str
    box: list[float]
    """Left, top, width, height [pixels]."""
    score: float
    """Confidence of the detection [0..1]."""
    label: str
    """After smoothing and hysteresis, or "uncertain"."""
    confidence: float
    quality: float
    probabilities: dict[str, float]
    """Of this frame alone, by class."""
    smoothed: dict[str, float]
    """Smoothed over the track, by class."""
    prediction_age_ms: float
    """How much older than the image the probabilities are [ms]; 0 where they are of this image."""
    truth: str | None = None
    """What the labels say; absent where they say nothing."""

    @classmethod
    def of(cls, found: FaceEmotion, classes: Sequence[str], truth: str | None = None) -> FaceLine:
        """Return the line of a face.

        Args:
            found: The face.
            classes: Names of its probabilities, in their order.
            truth: Its true label, where that is known.
        """
        box = found.face.box
        return cls(
            track_id=found.track_id,
            box=[round(value, 2) for value in (box.x, box.y, box.width, box.height)],
            score=round(found.face.score, 4),
            label=found.label,
            confidence=round(found.confidence, 6),
            quality=round(found.quality, 4),
            probabilities=_by_class(classes, found.probabilities.tolist()),
            smoothed=_by_class(classes, found.smoothed.tolist()),
            prediction_age_ms=round(found.prediction_age_ms, 3),
            truth=truth,
        )


def _by_class(classes: Sequence[str], values: Sequence[float]) -> dict[str, float]:
    return {name: round(value, 6) for name, value in zip(classes, values, strict=True)}


@dataclass(frozen=True)
class FrameLine:
    """A line of results.jsonl."""

    index: int
    topic: str
    stamp_ns: int
    recorded_ns: int
    status: str
    width: int | None = None
    height: int | None = None
    age_ms: float | None = None
    faces: list[FaceLine] | None = None
    undetected: list[str] | None = None
    reason: str | None = None


@dataclass(frozen=True)
class TrackLine:
    """A line of tracks.jsonl."""

    track_id: str
    topic: str
    start_ns: int
    end_ns: int
    frames: int
    label_changes: int
    labels: dict[str, int]
    hull: list[float]
