"""How the cameras were recorded: rates, stamps, gaps, and what became of every frame."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from fer_ros.perception.timing import CLOCK_JUMP_NS
from fer_ros.replay.judge.histogram import Histogram

ANSWERED = "answered"

STATUSES = (ANSWERED, "superseded", "too_old", "undecodable", "failed", "unanswered")
"""What can become of a frame: answered, or dropped for one of these causes; "unanswered" is a frame
that a live node gave no answer for, whatever the cause."""

STAMP_FAULTS = ("zero", "duplicate", "out_of_order", "jumped_back")
"""What can be wrong with a stamp."""


@dataclass
class CameraRecord:
    """Everything counted about one camera topic."""

    compressed: bool
    statuses: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    """Reasons of undecodable and failed frames; the most frequent ones are stated."""
    sizes: Counter[str] = field(default_factory=Counter)
    encodings: Counter[str] = field(default_factory=Counter)
    stamps: Counter[str] = field(default_factory=Counter)
    intervals: Histogram = field(default_factory=Histogram)
    """Between consecutive stamps that rise [ms]."""
    first_ns: int | None = None
    newest_ns: int = 0

    def note_stamp(self, stamp_ns: int) -> None:
        """Take in the stamp of a frame, in the order of recording."""
        if stamp_ns == 0:
            self.stamps["zero"] += 1
            return
        if self.first_ns is None:
            self.first_ns = self.newest_ns = stamp_ns
            return
        step = stamp_ns - self.newest_ns
        if step > 0:
            self.intervals.add(step / 1e6)
            self.newest_ns = stamp_ns
        elif step == 0:
            self.stamps["duplicate"] += 1
        elif step > -CLOCK_JUMP_NS:
            self.stamps["out_of_order"] += 1
        else:
            self.stamps["jumped_back"] += 1
            self.newest_ns = stamp_ns

    def note_error(self, reason: str) -> None:
        """Count why a frame could not be answered; at most a hundred reasons are told apart."""
        self.errors[reason if len(self.errors) < 100 else "other"] += 1

    @property
    def period_ms(self) -> float | None:
        """Usual time between frames: the mean of the intervals near their median."""
        median = self.intervals.quantile(0.5)
        return None if median is None else self.intervals.mean_near(median, 1.25)

    def summary(self, gaps: GapFinder | None) -> dict[str, Any]:
        """Return the record, ready for JSON."""
        frames = sum(self.statuses.values())
        period = self.period_ms
        return {
            "frames": frames,
            **{status: self.statuses[status] for status in STATUSES},
            "compressed": self.compressed,
            "sizes": dict(sorted(self.sizes.items())),
            "encodings": dict(sorted(self.encodings.items())),
            "first_stamp_ns": self.first_ns,
            "last_stamp_ns": self.newest_ns or None,
            "rate_hz": 1e3 / period if period else None,
            "interval_ms": self.intervals.summary(),
            "jitter_ms": gaps.jitter.summary() if gaps else Histogram().summary(),
            "missing_frames": gaps.missing if gaps else 0,
            "gaps": gaps.longest if gaps else [],
            "stamps": {key: self.stamps[key] for key in STAMP_FAULTS},
            "errors": dict(self.errors.most_common(10)),
        }


class GapFinder:
    """Second pass over the stamps of one camera, when its usual period is known."""

    def __init__(self, period_ms: float) -> None:
        self.missing = 0
        self.jitter = Histogram()
        """Distance of an interval from the nearest multiple of the period [ms]."""
        self._period = period_ms
        self._newest_ns: int | None = None
        self._gaps: list[tuple[float, int]] = []

    def add(self, stamp_ns: int) -> int:
        """Take in a stamp; return how many frames are missing before it."""
        newest, self._newest_ns = self._newest_ns, stamp_ns
        if newest is None or stamp_ns < newest - CLOCK_JUMP_NS:
            return 0
        if stamp_ns <= newest:
            self._newest_ns = newest
            return 0
        interval = (stamp_ns - newest) / 1e6
        periods = max(round(interval / self._period), 1)
        self.jitter.add(abs(interval - periods * self._period))
        if periods > 1:
            self.missing += periods - 1
            self._gaps.append((interval, newest))
            self._gaps = sorted(self._gaps, reverse=True)[:20]
        return periods - 1

    @property
    def longest(self) -> list[dict[str, float | int]]:
        """The longest gaps: when they begin, and how long they are."""
        return [{"after_ns": start, "ms": length} for length, start in self._gaps]


class Recording:
    """All cameras of a replay."""

    def __init__(self, topics: dict[str, bool]) -> None:
        """Start empty; ``topics`` tells for each whether it is compressed."""
        self.cameras = {topic: CameraRecord(compressed) for topic, compressed in topics.items()}

    def totals(self) -> dict[str, int]:
        """Return the number of frames, and of those with each status, over all cameras."""
        counts = {
            status: sum(camera.statuses[status] for camera in self.cameras.values())
            for status in STATUSES
        }
        return {"frames": sum(counts.values()), **counts}
