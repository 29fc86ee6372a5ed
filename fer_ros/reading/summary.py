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

"""What each person of a video or recording showed, and for how long, without any labels.

A person is a track: one who leaves and comes back is two. Every frame stands until the next one of
its source, so shares are shares of time whatever the frame rate.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fer_ros.perception.emotions import UNCERTAIN
from fer_ros.reading.tables import Row

LONGEST_STEP = 1.0
"""A frame stands at most this long, or twice the time between two that are read: what lies between
two parts of a source was not seen [s]."""

_LEAST_FOR_RATE = 5.0
"""Time seen from which on a number of changes a minute says something [s]."""

MOST_PEOPLE = 10_000
"""Tracks of a source that are kept, the first ones; more are counted."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When an expression was surest."""

    time: float
    """[s]"""
    frame: int
    confidence: float
    """Smoothed probability times quality [0..1]."""


@dataclass(frozen=True, slots=True)
class PersonSummary:
    """One track."""

    track: str
    first: float
    """When it was first seen [s]."""
    seen: float
    """For how long its face was found [s]."""
    missing: float
    """Share of the time between first and last seen in which its face was not found [0..1]."""
    quality: float
    """Mean over the time seen [0..1]."""
    shown: Mapping[str, float]
    """Share of the time seen with each label, ``uncertain`` among them; sum 1."""
    expected: Mapping[str, float]
    """Mean smoothed probability of each class: the share of time to be expected, with what is
    uncertain shared out; sum 1."""
    changes_per_minute: float | None
    """From one named expression to another [1/min]; None where the time seen is too short."""
    surest: Mapping[str, Moment]
    """By label, without ``uncertain``."""


@dataclass(frozen=True, slots=True)
class SourceSummary:
    """One video, or one camera of a recording."""

    source: str
    length: float
    """Time in which there were frames [s]."""
    frames: int
    empty: float
    """Share of that time in which no face was found [0..1]."""
    first_face: float | None
    """Time from the first frame to the first face [s]."""
    people: tuple[PersonSummary, ...]
    """Longest seen first."""
    more_people: int = 0
    """Tracks beyond :data:`MOST_PEOPLE`, of which nothing is kept."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, with names of units as in this module."""
        return asdict(self)


class _Person:
    """Sums of one track."""

    def __init__(self, first: float) -> None:
        self.first = self.last = first
        self.seen = 0.0
        self.quality = 0.0
        self.shown: dict[str, float] = defaultdict(float)
        self.expected: dict[str, float] = defaultdict(float)
        self.named = ""
        self.changes = 0
        self.surest: dict[str, Moment] = {}

    def note(self, row: Row, time: float) -> None:
        """Take in what was shown at a moment."""
        self.last = time
        label = str(row["label"])
        if label == UNCERTAIN:
            return
        self.changes += self.named not in ("", label)
        self.named = label
        sure = float(row["confidence"] or 0) * float(row["quality"] or 0)
        if label not in self.surest or sure > self.surest[label].confidence:
            self.surest[label] = Moment(time, int(row["frame"] or 0), sure)

    def last_for(self, row: Row, seconds: float) -> None:
        """Count the time for which a row stood."""
        self.seen += seconds
        self.quality += seconds * float(row["quality"] or 0)
        self.shown[str(row["label"])] += seconds
        for name, value in row.items():
            if name.startswith("smoothed_"):
                self.expected[name.removeprefix("smoothed_")] += seconds * float(value or 0)

    def summary(self, track: str, last_step: float) -> PersonSummary:
        whole = max(self.seen, 1e-9)
        between = self.last - self.first + last_step
        return PersonSummary(
            track,
            self.first,
            self.seen,
            max(1 - self.seen / between, 0.0) if between > 0 else 0.0,
            self.quality / whole,
            _shares(self.shown),
            _shares(self.expected),
            self.changes * 60 / self.seen if self.seen >= _LEAST_FOR_RATE else None,
            dict(self.surest),
        )


def _shares(seconds: Mapping[str, float]) -> dict[str, float]:
    total = sum(seconds.values())
    return {
        name: value / total
        for name, value in sorted(seconds.items(), key=lambda item: -item[1])
        if value > 0
    }


class SourceSums:
    """Sums of one source, frame by frame; memory grows with its people only."""

    def __init__(self, source: str, every: float = 0.0) -> None:
        """Start before the first frame.

        Args:
            source: Its name.
            every: Time between two frames that are read [s]; 0 for all frames.
        """
        self._source = source
        self._longest = max(LONGEST_STEP, 2 * every)
        self._people: dict[str, _Person] = {}
        self._passed_over: set[str] = set()
        self._start: float | None = None
        self._first_face: float | None = None
        self._length = self._empty = self._step = 0.0
        self._frames = 0
        self._before: tuple[float, Sequence[Row]] | None = None

    def add(self, rows: Sequence[Row]) -> None:
        """Take in the rows of a frame, with a time that does not run backwards."""
        time = float(rows[0]["time"] or 0)
        faces = [row for row in rows if row["face"] is not None]
        if self._before is not None:
            self._step = min(max(time - self._before[0], 0.0), self._longest)
            self._stand(self._before[1], self._step)
        self._start = time if self._start is None else self._start
        self._frames += 1
        if faces and self._first_face is None:
            self._first_face = time - self._start
        for row in faces:
            track = str(row["track"])
            if track not in self._people and len(self._people) >= MOST_PEOPLE:
                if len(self._passed_over) < MOST_PEOPLE:
                    self._passed_over.add(track)
                continue
            self._people.setdefault(track, _Person(time)).note(row, time)
        self._before = time, faces

    def _stand(self, faces: Sequence[Row], seconds: float) -> None:
        self._length += seconds
        self._empty += 0.0 if faces else seconds
        for row in faces:
            if (person := self._people.get(str(row["track"]))) is not None:
                person.last_for(row, seconds)

    def summary(self) -> SourceSummary:
        """Return what was taken in; the last frame stands as long as the one before it."""
        if self._before is not None:
            self._stand(self._before[1], self._step)
            self._before = None
        people = [person.summary(track, self._step) for track, person in self._people.items()]
        return SourceSummary(
            self._source,
            self._length,
            self._frames,
            self._empty / self._length if self._length else 0.0,
            self._first_face,
            tuple(sorted(people, key=lambda person: -person.seen)),
            len(self._passed_over),
        )


class Summaries:
    """The summaries of everything that is read: one a source whose frames have times."""

    def __init__(self, every: float = 0.0) -> None:
        """Start without a source; `every` as for :class:`SourceSums`."""
        self._every = every
        self._sums: dict[str, SourceSums] = {}

    def add(self, rows: Sequence[Row]) -> None:
        """Take in the rows of a frame; those of pictures are passed over."""
        if rows and rows[0]["time"] is not None:
            source = str(rows[0]["source"])
            self._sums.setdefault(source, SourceSums(source, self._every)).add(rows)

    def summaries(self) -> list[SourceSummary]:
        """Return them in the order in which the sources came."""
        return [sums.summary() for sums in self._sums.values()]
