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

"""The lines of results.jsonl and tracks.jsonl."""

from __future__ import annotations

from dataclasses import dataclass, field

from fer_ros.replay.records import OMITTED


@dataclass(frozen=True)
class FaceLine:
    """One face of a line of results.jsonl."""

    track_id: str
    box: list[float]
    score: float
    label: str
    confidence: float
    quality: float
    probabilities: list[float]
    smoothed: list[float]
    truth: str | None = field(default=None, metadata=OMITTED)


@dataclass(frozen=True)
class FrameLine:
    """A line of results.jsonl."""

    index: int
    topic: str
    stamp_ns: int
    recorded_ns: int
    status: str
    width: int | None = field(default=None, metadata=OMITTED)
    height: int | None = field(default=None, metadata=OMITTED)
    age_ms: float | None = field(default=None, metadata=OMITTED)
    faces: list[FaceLine] | None = field(default=None, metadata=OMITTED)
    undetected: list[str] | None = field(default=None, metadata=OMITTED)
    reason: str | None = field(default=None, metadata=OMITTED)


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
