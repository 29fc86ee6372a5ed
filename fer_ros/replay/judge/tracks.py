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

"""Records of tracks: time, place, labels, and number of label changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from fer_ros.perception.types import Box, FrameResult
from fer_ros.replay.lines import TrackLine
from fer_ros.replay.results import TrackTotals
from fer_ros.runtime.recording_clocks import Moment

_FORGET_AFTER = 60_000_000_000
"""Longest track timeout that parameters allow; a track not seen for longer cannot return [ns]."""

_SWEEP_EVERY = 1000
"""Frames between two looks for finished tracks."""


@dataclass
class TrackRecord:
    """One track."""

    track_id: str
    topic: str
    start_ns: int
    end_ns: int
    left: float
    top: float
    right: float
    bottom: float
    frames: int = 0
    filmed_ns: tuple[int, int] = (0, 0)
    """How long images of its camera had come at its first and at its latest one [ns]."""
    label_changes: int = 0
    """How often its published label changed."""
    label: str = ""
    labels: Counter[str] = field(default_factory=Counter)

    @property
    def hull(self) -> Box:
        """Smallest box around all of its boxes [pixels]."""
        return Box(self.left, self.top, self.right - self.left, self.bottom - self.top)

    def line(self) -> TrackLine:
        """Return the record as results hold it."""
        hull = self.hull
        return TrackLine(
            track_id=self.track_id,
            topic=self.topic,
            start_ns=self.start_ns,
            end_ns=self.end_ns,
            frames=self.frames,
            label_changes=self.label_changes,
            labels=dict(sorted(self.labels.items())),
            hull=[round(v, 1) for v in (hull.x, hull.y, hull.width, hull.height)],
        )


class Tracks:
    """The tracks of a replay; finished ones are handed on, so that memory stays bounded."""

    def __init__(self, finished: Callable[[TrackRecord], None]) -> None:
        """Start without tracks; ``finished`` gets every track in the order of its end."""
        self.count = 0
        self._finished = finished
        self._open: dict[str, TrackRecord] = {}
        self._changes = 0
        self._seconds = 0.0
        self._frames = 0

    def add(self, result: FrameResult, moment: Moment) -> None:
        """Add the faces of one processed frame."""
        time_ns = moment.time_ns
        for found in result.faces:
            box = found.face.box
            right, bottom = box.x + box.width, box.y + box.height
            record = self._open.get(found.track_id)
            if record is None:
                record = TrackRecord(
                    found.track_id,
                    result.frame.topic,
                    time_ns,
                    time_ns,
                    box.x,
                    box.y,
                    right,
                    bottom,
                    filmed_ns=(moment.filmed_ns, moment.filmed_ns),
                )
                self._open[found.track_id] = record
                self.count += 1
            record.end_ns = max(record.end_ns, time_ns)
            record.filmed_ns = (record.filmed_ns[0], moment.filmed_ns)
            record.left, record.top = min(record.left, box.x), min(record.top, box.y)
            record.right, record.bottom = max(record.right, right), max(record.bottom, bottom)
            record.label_changes += record.frames > 0 and found.label != record.label
            record.frames += 1
            record.label = found.label
            record.labels[found.label] += 1
        self._frames += 1
        if self._frames % _SWEEP_EVERY == 0:
            self._sweep(lambda record: abs(time_ns - record.end_ns) > _FORGET_AFTER)

    def finish(self) -> None:
        """Hand on the tracks that are still open."""
        self._sweep(lambda _: True)

    def totals(self) -> TrackTotals:
        """Return the totals over the finished tracks."""
        minutes = self._seconds / 60
        per_minute = self._changes / minutes if minutes > 0 else None
        return TrackTotals(self.count, self._seconds, per_minute)

    def _sweep(self, over: Callable[[TrackRecord], bool]) -> None:
        for record in [r for r in self._open.values() if over(r)]:
            del self._open[record.track_id]
            self._changes += record.label_changes
            self._seconds += (record.filmed_ns[1] - record.filmed_ns[0]) / 1e9
            self._finished(record)
