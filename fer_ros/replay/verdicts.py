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

"""The records of how replays are judged: verdict.json, run.json, summary.json, history.jsonl."""

from __future__ import annotations

from dataclasses import dataclass

from fer_ros.replay.results import Interval, RestsOn, Scores

PASSED, FAILED = "passed", "failed"
NOT_ENOUGH, NO_CRITERIA = "not enough labels", "no criteria"
INCOMPLETE = "incomplete recording"
"""How a replay is judged."""

HOLDS, DOES_NOT_HOLD = "holds", "does not hold"
"""How a criterion is judged; it can also be :data:`NOT_ENOUGH`."""


@dataclass(frozen=True)
class Check:
    """One criterion and how it was met."""

    metric: str
    condition: str
    value: float | None
    passed: bool
    result: str
    reason: str
    spans: int | None
    """Labelled spans that the value rests on; None for what needs no labels."""
    classes: int | None


@dataclass(frozen=True)
class ComparedRow:
    """One measure of two replays."""

    baseline: float | None
    value: float | None
    difference: float | None
    low: float | None
    high: float | None
    units: int
    """Spans, or blocks of frames, that the interval is drawn from."""
    meaning: str


@dataclass(frozen=True)
class Change:
    """A label that faces had before, and the one they have now."""

    before: str
    now: str
    faces: int
    """In single images."""
    right_before: int
    """How many of them a label of a person agrees with."""
    right_now: int


@dataclass(frozen=True)
class DifferentStretch:
    """Consecutive images in which a face has another label than before."""

    topic: str
    track_id: str
    track_before: str
    stamp_ns: int
    """Of the first image."""
    start_s: float
    """After the first image of the recording, by the times of recording [s]."""
    seconds: float
    """From its first image to its last."""
    frames: int
    before: str
    now: str
    confidence_before: float
    """Mean [0..1]."""
    confidence_now: float


@dataclass(frozen=True)
class Differences:
    """Where two replays of one recording differ."""

    images: int
    """With results in both."""
    images_before: int
    """With a result in the earlier one only."""
    images_now: int
    faces: int
    """Found in both, a face an image."""
    faces_before: int
    """Found, in images with results in both, by the earlier one only."""
    faces_now: int
    same_label: float | None
    """Share of the faces [0..1]."""
    distance: float | None
    """Between smoothed probabilities, mean over the faces: half the sum of the classes' absolute
    differences (total variation) [0..1]."""
    labelled: int
    """Faces that a person has labelled."""
    right_before: int
    """How many of them had that label."""
    right_now: int
    changes: list[Change]
    """Most frequent first."""
    longest: list[DifferentStretch]
    """Longest first."""


@dataclass(frozen=True)
class Comparison:
    """A replay beside an earlier one."""

    bag: str
    model_id: str
    paired: bool
    spans: tuple[int, int]
    metrics: dict[str, ComparedRow]
    differences: Differences | None = None
    """None where they have no image in common."""
    remark: str = ""
    """Why differences are not available."""


@dataclass(frozen=True)
class Verdict:
    """verdict.json."""

    passed: bool | None
    """None without criteria, and where labels or recording are not enough to tell."""
    result: str
    summary: str
    shortfalls: list[str]
    """What the recording lacks: ends that are cut off, messages that the recorder lost."""
    criteria: list[Check]
    baseline: Comparison | None


@dataclass(frozen=True)
class RunRecord:
    """run.json: what a finished folder must hold."""

    job_sha256: str
    passed: bool | None
    result: str
    summary: str
    warnings: list[str]
    sha256: dict[str, str]
    """Of the other files, by their path in the folder."""


@dataclass(frozen=True)
class SummaryRow:
    """One recording of summary.json."""

    recording: str
    error: str | None
    passed: bool | None
    result: str | None
    accuracy: float | None
    interval: Interval | None
    rests_on: RestsOn | None
    frames: int | None = None


@dataclass(frozen=True)
class Summary:
    """summary.json, over several recordings."""

    recordings: list[SummaryRow]
    pooled: Scores | None


@dataclass(frozen=True)
class HistoryRow:
    """A line of history.jsonl: one earlier run into the same folder, or this one."""

    finished: str
    """UTC, to the second."""
    fer_ros: str
    mode: str
    model_id: str
    detector: str
    labels_sha256: str
    """Tells apart runs that were scored against other labels."""
    result: str
    rests_on: RestsOn
    accuracy: float | None
    balanced_accuracy: float | None
    balanced_interval: Interval
    detection_rate: float | None
    latency_p50_ms: float | None
