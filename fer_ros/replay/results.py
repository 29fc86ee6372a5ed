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

"""The records that a replay writes; docs/replay.md says which file holds which."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fer_ros.reading.summary import SourceSummary
from fer_ros.transport.bag import Cut

SCHEMA = 3
"""Version of the layout of metrics.json."""

Box4 = tuple[float, float, float, float]
"""Left, top, width, height [pixels]."""


@dataclass(frozen=True)
class Distribution:
    """Summary of many values; all None where there are none."""

    mean: float | None
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    max: float | None


@dataclass(frozen=True)
class Interval:
    """95 % interval of a figure."""

    low: float | None
    high: float | None


@dataclass(frozen=True)
class ClassScores:
    """Scores of one class."""

    support: int
    recall: float | None
    precision: float | None
    f1: float | None


@dataclass(frozen=True)
class Scores:
    """Measures of a confusion matrix."""

    count: int
    accuracy: float | None
    balanced_accuracy: float | None
    macro_f1: float | None
    coverage: float | None
    """Share of predictions that named a class."""
    accuracy_where_named: float | None
    per_class: dict[str, ClassScores]
    confusion: list[list[int]]
    """Rows: true classes; columns: predicted classes, the last "uncertain"."""


@dataclass(frozen=True)
class CalibrationBin:
    """Predictions of similar confidence."""

    count: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True)
class CalibrationRecord:
    """Calibration of the probabilities."""

    ece: float | None
    bins: list[CalibrationBin]


@dataclass(frozen=True)
class Onsets:
    """Delay until a labelled span was recognised correctly."""

    count: int
    never_correct: int
    median_s: float | None
    max_s: float | None


@dataclass(frozen=True)
class LabelCounts:
    """Counts of the labels by their use."""

    spans: int
    spans_scored: int
    spans_ignore: int
    spans_not_a_class: int
    spans_without_frame: int
    spans_never_detected: int
    rows_blank: int
    frames_with_label: int
    frames_undetected: int
    frames_not_a_class: int
    faces_unlabelled: int
    faces_ignored: int


@dataclass(frozen=True)
class SpanRow:
    """One labelled span and its predictions."""

    label: str
    topic: str
    track_id: str
    start_ns: int
    end_ns: int
    box: Box4 | None
    source: str
    frames: int
    detected: int
    answers: list[int]
    """How often each class, and at the end "uncertain", was the published label."""
    single: list[int]
    """How often each class was the most probable in a single frame."""
    majority: str | None
    mean: str | None
    first_correct_ns: int | None
    track_switches: int
    label_changes: int
    seconds: float


@dataclass(frozen=True)
class RestsOn:
    """Labels behind the metrics."""

    spans: int
    """Labelled spans in which a face was found."""
    classes: int
    """Classes among them."""
    frames: int
    """Faces compared, a frame each."""


@dataclass(frozen=True)
class Intervals:
    """95 % intervals of the headline measures (judge/intervals.py)."""

    accuracy: Interval
    balanced_accuracy: Interval
    macro_f1: Interval
    detection_rate: Interval


@dataclass(frozen=True)
class EvaluationRecord:
    """Everything that was compared with labels."""

    frame: Scores
    frame_single: Scores
    interval_majority: Scores
    interval_mean: Scores
    calibration: CalibrationRecord
    onsets: Onsets
    labels: LabelCounts
    spans: list[SpanRow]
    rests_on: RestsOn
    intervals: Intervals
    label_messages_damaged: int


@dataclass(frozen=True)
class RecordedCounts:
    """Counts of a live node's recorded results."""

    used: int
    unmatched: int
    repeated: int
    damaged: int


@dataclass(frozen=True)
class RunFacts:
    """What was run."""

    bag: str
    fer_ros: str
    mode: str
    worker_ms: float | None
    model_id: str
    model_sha256: str
    detector: str
    classes: list[str]
    parameters: dict[str, Any]
    """Those that differ from their defaults."""
    answers: RecordedCounts | None = None


@dataclass(frozen=True)
class Gap:
    """Frames that are missing by their stamps."""

    after_ns: int
    ms: float


@dataclass(frozen=True)
class StampFaults:
    """Stamps that are wrong in some way."""

    zero: int
    duplicate: int
    out_of_order: int
    jumped_back: int


@dataclass(frozen=True)
class CameraFacts:
    """Facts on one recorded camera and the status of its frames."""

    frames: int
    answered: int
    superseded: int
    too_old: int
    undecodable: int
    failed: int
    unanswered: int
    compressed: bool
    sizes: dict[str, int]
    encodings: dict[str, int]
    first_stamp_ns: int | None
    last_stamp_ns: int | None
    rate_hz: float | None
    interval_ms: Distribution
    jitter_ms: Distribution
    missing_frames: int
    gaps: list[Gap]
    stamps: StampFaults
    errors: dict[str, int]
    no_key_frame: int = 0
    """Pictures of a video that rest on packets that did not come."""


@dataclass(frozen=True)
class RecordingFacts:
    """The recording as a whole."""

    frames: int
    answered: int
    superseded: int
    too_old: int
    undecodable: int
    failed: int
    unanswered: int
    promised: int
    seconds: float
    messages_lost: int
    """Messages that the recorder itself counted as lost, on all topics."""
    cuts: list[Cut]
    """Files that end too early, those of recorded results among them."""
    warnings: list[str]
    cameras: dict[str, CameraFacts]
    no_key_frame: int = 0
    """Pictures of a video that rest on packets that did not come."""


@dataclass(frozen=True)
class TrackTotals:
    """All tracks together."""

    count: int
    seconds: float
    label_changes_per_min: float | None


@dataclass(frozen=True)
class MistakeRow:
    """One of the most confident wrong predictions."""

    truth: str
    answer: str
    confidence: float
    topic: str
    stamp_ns: int
    track_id: str


@dataclass(frozen=True)
class Headline:
    """The measures that criteria usually name; None where there are no labels."""

    accuracy: float | None
    balanced_accuracy: float | None
    macro_f1: float | None
    ece: float | None
    detection_rate: float | None
    track_switches_per_min: float | None
    label_flicker_per_min: float | None
    time_to_correct_s: float | None


@dataclass(frozen=True)
class Metrics(Headline):
    """metrics.json: everything that is the same in every run."""

    schema: int
    run: RunFacts
    recording: RecordingFacts
    age_ms: Distribution
    tracks: TrackTotals
    evaluation: EvaluationRecord
    worst_mistakes: list[MistakeRow]
    people: list[SourceSummary] = field(default_factory=list)
    """What each person showed, a camera each; times count from the first image [s]."""


@dataclass(frozen=True)
class Machine:
    """Where times were measured."""

    cores: int | None
    processor: str
    system: str
    python: str
    onnxruntime: str


@dataclass(frozen=True)
class LatencyRecord:
    """latency.json: what was measured, and differs from run to run."""

    latency_ms: dict[str, Distribution]
    """By stage, and "total"."""
    histogram_ms: dict[str, list[tuple[float, int]]]
    """(mean value, count) of narrow bins, rising."""
    block_means_ms: list[float]
    frames_per_block: int
    wall_s: float
    times_real_time: float | None
    machine: Machine
