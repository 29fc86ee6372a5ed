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
