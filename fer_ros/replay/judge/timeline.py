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

"""Timeline of a replay in bounded memory: the whole recording, and its longest tracks."""

from __future__ import annotations

import heapq
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.types import FaceEmotion, FrameResult
from fer_ros.replay.lines import TrackLine

SHOWN_TRACKS = 24
"""The report shows this many tracks, the longest ones."""

OVERVIEW_BINS = 480
TRACK_BINS = 320

_FRAMES_A_BIN = 15
"""So many frames in each bin, that one more or less does not look like an event."""


@dataclass
class Stretch:
    """Some consecutive frames of one track."""

    start_ns: int
    end_ns: int
    smoothed: NDArray[np.float64]
    """Sum of the smoothed probabilities."""
    frames: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    truths: Counter[str] = field(default_factory=Counter)

    def take(self, other: Stretch) -> None:
        """Take in the stretch that follows."""
        self.start_ns = min(self.start_ns, other.start_ns)
        self.end_ns = max(self.end_ns, other.end_ns)
        self.smoothed += other.smoothed
        self.frames += other.frames
        self.labels += other.labels
        self.truths += other.truths

    @property
    def label(self) -> str:
        """The label published most often."""
        return self.labels.most_common(1)[0][0]

    @property
    def truth(self) -> str:
        """The true label of most frames; empty where there is none."""
        return self.truths.most_common(1)[0][0] if self.truths else ""


class TrackCourse:
    """One track over its own time, in at most twice :data:`TRACK_BINS` stretches."""

    def __init__(self) -> None:
        self.stretches: list[Stretch] = []
        self._frames = 1
        """Of a whole stretch."""

    def add(self, frame: Stretch) -> None:
        """Take in one frame."""
        if self.stretches and self.stretches[-1].frames < self._frames:
            self.stretches[-1].take(frame)
            return
        if len(self.stretches) == 2 * TRACK_BINS:
            for one, other in zip(self.stretches[::2], self.stretches[1::2]):
                one.take(other)
            self.stretches = self.stretches[::2]
            self._frames *= 2
        self.stretches.append(frame)


@dataclass(frozen=True)
class ShownTrack:
    """A track of the report."""

    line: TrackLine
    stretches: Sequence[Stretch]


@dataclass
class OverviewBin:
    """A short stretch of the recording."""

    answered: int = 0
    dropped: int = 0
    missing: int = 0
    faces: int = 0


class _Frames:
    """Status of the frames of one camera; eleven bytes for each."""

    def __init__(self) -> None:
        self.times = array("q")
        self.answered = array("b")
        self.faces = array("H")

    def add(self, time_ns: int, answered: bool, faces: int) -> None:
        self.times.append(time_ns)
        self.answered.append(answered)
        self.faces.append(min(faces, 65535))


class Timeline:
    """Filled frame by frame, and put into bins at the end, when the whole is known."""

    def __init__(self, classes: tuple[str, ...]) -> None:
        self.classes = classes
        self.start_ns = self.end_ns = 0
        self.overview: list[OverviewBin] = [OverviewBin()]
        self.tracks: list[ShownTrack] = []
        self.tracks_left_out = 0
        self._frames: dict[str, _Frames] = {}
        self._open: dict[str, TrackCourse] = {}
        self._longest: list[tuple[int, int, ShownTrack]] = []
        self._finished = 0

    def answered(
        self, result: FrameResult, truths: Mapping[int, str], topic: str, time_ns: int
    ) -> None:
        """Add a frame with a result.

        Args:
            result: What was found.
            truths: True labels, by the ``id`` of the face.
            topic: The camera.
            time_ns: When the image belongs.
        """
        self._camera(topic).add(time_ns, True, len(result.faces))
        for found in result.faces:
            self._open.setdefault(found.track_id, TrackCourse()).add(
                _stretch(found, truths.get(id(found)), time_ns)
            )

    def dropped(self, topic: str, time_ns: int) -> None:
        """Add a frame without a result."""
        self._camera(topic).add(time_ns, False, 0)

    def finish_track(self, line: TrackLine) -> None:
        """Add a finished track; only the longest ones are kept."""
        self._finished += 1
        course = self._open.pop(line.track_id)
        entry = (line.frames, -self._finished, ShownTrack(line, course.stretches))
        heapq.heappush(self._longest, entry)
        if len(self._longest) > SHOWN_TRACKS:
            heapq.heappop(self._longest)

    def finish(self, start_ns: int, end_ns: int, gaps: Sequence[tuple[int, int]]) -> None:
        """Put everything into bins.

        Args:
            start_ns: When the recording begins.
            end_ns: When it ends.
            gaps: (when, how many) of missing frames.
        """
        self.start_ns, self.end_ns = start_ns, end_ns
        kept = [shown for _, _, shown in self._longest]
        self.tracks = sorted(kept, key=lambda shown: (shown.line.start_ns, shown.line.track_id))
        self.tracks_left_out = self._finished - len(kept)
        frames = sum(len(camera.times) for camera in self._frames.values())
        bins = min(max(frames // _FRAMES_A_BIN, 1), OVERVIEW_BINS)
        self.overview = [OverviewBin() for _ in range(bins)]
        for camera in self._frames.values():
            for time_ns, answered, faces in zip(camera.times, camera.answered, camera.faces):
                entry = self._bin(time_ns)
                entry.answered += answered
                entry.dropped += not answered
                entry.faces += faces
        for time_ns, missing in gaps:
            self._bin(time_ns).missing += missing

    def _camera(self, topic: str) -> _Frames:
        return self._frames.setdefault(topic, _Frames())

    def _bin(self, time_ns: int) -> OverviewBin:
        length = self.end_ns - self.start_ns
        share = (time_ns - self.start_ns) / length if length > 0 else 0.0
        position = int(share * len(self.overview))
        return self.overview[min(max(position, 0), len(self.overview) - 1)]


def _stretch(found: FaceEmotion, truth: str | None, time_ns: int) -> Stretch:
    return Stretch(
        time_ns,
        time_ns,
        found.smoothed.astype(np.float64),
        frames=1,
        labels=Counter([found.label]),
        truths=Counter([truth] if truth is not None else []),
    )
