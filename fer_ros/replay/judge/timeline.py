"""The course of a replay in bounded memory: the whole recording, and its longest tracks."""

from __future__ import annotations

import heapq
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHOWN_TRACKS = 24
"""The report shows this many tracks, the longest ones."""

OVERVIEW_BINS = 480
TRACK_BINS = 320


@dataclass
class TrackBin:
    """A short stretch of one track."""

    smoothed: NDArray[np.float64]
    """Sum of the smoothed probabilities."""
    frames: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    truths: Counter[str] = field(default_factory=Counter)


@dataclass
class TrackCourse:
    """One of the longest tracks over its own time."""

    summary: dict[str, Any]
    bins: list[TrackBin]

    def bin_at(self, time_ns: int) -> TrackBin:
        """Return the stretch that a time falls into."""
        start, end = self.summary["start_ns"], self.summary["end_ns"]
        return self.bins[_position(time_ns, start, end, len(self.bins))]


@dataclass
class OverviewBin:
    """A short stretch of the recording."""

    answered: int = 0
    dropped: int = 0
    missing: int = 0
    faces: int = 0


class Timeline:
    """Filled in a second pass over the results, when the tracks and the times are known."""

    def __init__(self, classes: tuple[str, ...]) -> None:
        self.classes = classes
        self.start_ns = self.end_ns = 0
        self.overview = [OverviewBin()]
        self.tracks: list[TrackCourse] = []
        self.tracks_left_out = 0
        self._by_id: dict[str, TrackCourse] = {}

    def choose(self, path: Path) -> None:
        """Pick the longest tracks of a ``tracks.jsonl``."""
        with path.open(encoding="utf-8") as lines:
            rows = ((json.loads(line)) for line in lines)
            ranked = ((row["frames"], -number, row) for number, row in enumerate(rows))
            longest, count = _largest(ranked)
        self.tracks_left_out = count - len(longest)
        for row in sorted(longest, key=lambda row: (row["start_ns"], row["track_id"])):
            bins = min(TRACK_BINS, row["frames"])
            zeros = np.zeros(len(self.classes))
            course = TrackCourse(row, [TrackBin(zeros.copy()) for _ in range(bins)])
            self.tracks.append(course)
            self._by_id[row["track_id"]] = course

    def span(self, start_ns: int, end_ns: int, frames: int) -> None:
        """Set the time that the overview covers, and how many frames lie in it."""
        self.start_ns, self.end_ns = start_ns, end_ns
        # Some frames in each bin, so that one more or less does not look like an event.
        bins = min(max(frames // 15, 1), OVERVIEW_BINS)
        self.overview = [OverviewBin() for _ in range(bins)]

    def add(self, line: dict[str, Any], missing: int) -> None:
        """Take in one line of the results and the number of frames missing before it."""
        time_ns = line["stamp_ns"] or line["recorded_ns"]
        entry = self.overview[_position(time_ns, self.start_ns, self.end_ns, len(self.overview))]
        entry.missing += missing
        if "faces" not in line:
            entry.dropped += 1
            return
        entry.answered += 1
        entry.faces += len(line["faces"])
        for face in line["faces"]:
            course = self._by_id.get(face["track_id"])
            if course is None:
                continue
            stretch = course.bin_at(time_ns)
            stretch.frames += 1
            stretch.smoothed += face["smoothed"]
            stretch.labels[face["label"]] += 1
            if "truth" in face:
                stretch.truths[face["truth"]] += 1


def _largest(ranked: Any) -> tuple[list[dict[str, Any]], int]:
    heap: list[tuple[int, int, dict[str, Any]]] = []
    count = 0
    for entry in ranked:
        count += 1
        heapq.heappush(heap, entry)
        if len(heap) > SHOWN_TRACKS:
            heapq.heappop(heap)
    return [row for _, _, row in heap], count


def _position(time_ns: int, start_ns: int, end_ns: int, bins: int) -> int:
    if end_ns <= start_ns:
        return 0
    share = (time_ns - start_ns) / (end_ns - start_ns)
    return min(max(int(share * bins), 0), bins - 1)
