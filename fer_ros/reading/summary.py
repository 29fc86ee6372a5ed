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

"""Summary of each person's expressions in a video or recording, with durations, without labels.

A person is a track: one who leaves and comes back is two. Every frame counts until the next one of
its source, so shares are shares of time whatever the frame rate.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fer_ros.perception.emotions import UNCERTAIN
from fer_ros.perception.types import FaceEmotion
from fer_ros.reading.tables import Row

LONGEST_STEP = 1.0
"""A frame counts at most this long, or twice the time between two that are read: what lies between
two parts of a source was not seen [s]."""

_LONE_STEP = 0.04
"""What the only frame of a source counts for, as nobody knows better [s]."""

_LEAST_FOR_RATE = 5.0
"""Time seen from which on a number of changes a minute says something [s]."""

_SMOOTHED = "smoothed_"

_LEAST_SHARE = 0.05
"""Expressions with less of a person's time have no word."""

MOST_PEOPLE = 10_000
"""Tracks of a source that are kept, the first ones; more are counted."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Prediction of one face in one frame."""

    track: str
    label: str
    confidence: float
    quality: float
    smoothed: Mapping[str, float]
    """By class."""

    @classmethod
    def of(cls, found: FaceEmotion, classes: Sequence[str]) -> Seen:
        """Return it for a face of a result, whose probabilities are those of `classes`."""
        smoothed = dict(zip(classes, found.smoothed.tolist(), strict=True))
        return cls(found.track_id, found.label, found.confidence, found.quality, smoothed)

    @classmethod
    def of_row(cls, row: Row) -> Seen:
        """Return it for a row of the table of results that has a face."""
        smoothed = {
            name.removeprefix(_SMOOTHED): float(value or 0)
            for name, value in row.items()
            if name.startswith(_SMOOTHED)
        }
        confidence, quality = (float(row[name] or 0) for name in ("confidence", "quality"))
        return cls(str(row["track"]), str(row["label"]), confidence, quality, smoothed)

    @property
    def sureness(self) -> float:
        """Smoothed probability of the label times quality [0..1]; 0 where it is uncertain."""
        return 0.0 if self.label == UNCERTAIN else self.confidence * self.quality


@dataclass(frozen=True, slots=True)
class Moment:
    """The most confident moment of an expression."""

    time: float
    """[s]"""
    frame: int
    confidence: float
    """:attr:`Seen.sureness` [0..1]."""


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
    shown: dict[str, float]
    """Share of the time seen with each label, ``uncertain`` among them; sum 1."""
    expected: dict[str, float]
    """Mean smoothed probability of each class: the share of time to be expected, with what is
    uncertain shared out; sum 1."""
    changes_per_minute: float | None
    """From one named expression to another [1/min]; None where the time seen is too short."""
    surest: dict[str, Moment]
    """By label, without ``uncertain``."""

    @property
    def uncertain(self) -> float:
        """Share of the time seen in which no expression was certain [0..1]."""
        return self.shown.get(UNCERTAIN, 0.0)

    @property
    def words(self) -> str:
        """The expressions with a share large enough to be named."""
        parts = [
            f"{label} {share:.0%}"
            for label, share in self.shown.items()
            if label != UNCERTAIN and share >= _LEAST_SHARE
        ]
        return " · ".join(parts) or "nothing certain"


@dataclass(frozen=True, slots=True)
class SourceSummary:
    """One video, or one camera of a recording."""

    source: str
    start: float
    """Time of its first frame [s]."""
    length: float
    """Time in which there were frames [s], see :data:`LONGEST_STEP`."""
    frames: int
    empty: float
    """Share of that time in which no face was found [0..1]."""
    first_face: float | None
    """Time from the first frame to the first face [s]."""
    people: tuple[PersonSummary, ...]
    """Longest seen first."""
    more_people: int = 0
    """Tracks beyond :data:`MOST_PEOPLE`, of which nothing is kept."""

    @property
    def headline(self) -> str:
        """Its length and first face, in words."""
        text = f"{self.source}: {self.length:.1f} s, {self.frames} frames"
        if self.first_face is None:
            return f"{text}, no face"
        return f"{text}, first face after {self.first_face:.1f} s, no face {self.empty:.0%}"

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

    def note(self, face: Seen, time: float, frame: int) -> None:
        """Take in what was shown at a moment."""
        self.last = time
        if face.label == UNCERTAIN:
            return
        self.changes += self.named not in ("", face.label)
        self.named = face.label
        best = self.surest.get(face.label)
        if best is None or face.sureness > best.confidence:
            self.surest[face.label] = Moment(time, frame, face.sureness)

    def last_for(self, face: Seen, seconds: float) -> None:
        """Add the time for which a face was shown."""
        self.seen += seconds
        self.quality += seconds * face.quality
        self.shown[face.label] += seconds
        for name, value in face.smoothed.items():
            self.expected[name] += seconds * value

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
        self._every = every
        self._longest = max(LONGEST_STEP, 2 * every)
        self._people: dict[str, _Person] = {}
        self._passed_over: set[str] = set()
        self._start: float | None = None
        self._first_face: float | None = None
        self._length = self._empty = self._step = 0.0
        self._frames = 0
        self._before: tuple[float, Sequence[Seen]] | None = None

    def add(self, time: float, frame: int, faces: Sequence[Seen]) -> None:
        """Take in a frame.

        Args:
            time: When it is shown, no earlier than the one before [s].
            frame: Its number.
            faces: What was found in it.
        """
        if self._before is not None:
            self._step = min(max(time - self._before[0], 0.0), self._longest)
            self._stand(self._before[1], self._step)
        self._start = time if self._start is None else self._start
        self._frames += 1
        if faces and self._first_face is None:
            self._first_face = time - self._start
        for face in faces:
            if face.track not in self._people and len(self._people) >= MOST_PEOPLE:
                if len(self._passed_over) < MOST_PEOPLE:
                    self._passed_over.add(face.track)
                continue
            self._people.setdefault(face.track, _Person(time)).note(face, time, frame)
        self._before = time, faces

    def _stand(self, faces: Sequence[Seen], seconds: float) -> None:
        self._length += seconds
        self._empty += 0.0 if faces else seconds
        for face in faces:
            if (person := self._people.get(face.track)) is not None:
                person.last_for(face, seconds)

    def summary(self) -> SourceSummary:
        """Return the summary; the last frame counts as long as the one before it."""
        if self._before is not None:
            if self._frames == 1:
                self._step = self._every or _LONE_STEP
            self._stand(self._before[1], self._step)
            self._before = None
        people = [person.summary(track, self._step) for track, person in self._people.items()]
        return SourceSummary(
            self._source,
            self._start or 0.0,
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
            faces = [Seen.of_row(row) for row in rows if row["face"] is not None]
            sums = self._sums.setdefault(source, SourceSums(source, self._every))
            sums.add(float(rows[0]["time"]), int(rows[0]["frame"] or 0), faces)

    def summaries(self) -> list[SourceSummary]:
        """Return them in the order in which the sources came."""
        return [sums.summary() for sums in self._sums.values()]
