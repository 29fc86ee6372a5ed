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

"""The tracks of one camera: their newest values, and how long each is kept."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from fer_ros.behaviors.conditions import Values
from fer_ros.behaviors.episodes import Episode
from fer_ros.perception.emotions import KNOWN, UNCERTAIN
from fer_ros.transport.event_messages import FaceTable

KEEP_NS = 60_000_000_000
"""How long a track with a cool-down is kept after it was last seen [ns]."""

MAX_TRACKS = 2000
"""Tracks kept at once; of more, those that were not seen for longest are dropped."""

_ABSENT: Values = {}


@dataclass(slots=True)
class Track:
    """A track: its observations, and the state of each rule for it."""

    track_id: str
    first_ns: int
    """Stamp of its first image [ns]."""
    seen_ns: int
    """Stamp of the last image that it was seen in [ns]."""
    seen_elapsed_ns: int = 0
    """The same on the scale of :attr:`TrackTable.elapsed_ns`, which clock steps do not move."""
    present: bool = False
    """Whether the newest image shows it."""
    shown: str = ""
    """The expression of its label in the newest image; empty: uncertain, unknown or absent."""
    values: Values = field(default_factory=dict)
    """What conditions are evaluated on; empty when absent."""
    area: float = -1.0
    """Of the box [pixels²]."""
    closeness: float = -1.0
    """Apparent size of the face [pixels]."""
    label: str = ""
    """Its label in the last image that it was seen in."""
    expression: str = ""
    """Its last label that was not uncertain."""
    previous_expression: str = ""
    """The one before that."""
    confidence: float = 0.0
    episodes: dict[int, Episode] = field(default_factory=dict)
    """Pending and running events by the index of the rule's case."""
    cooldowns: dict[int, float] = field(default_factory=dict)
    """Stamp until which each case is not to start again [ns]; infinite: never."""

    @property
    def running(self) -> bool:
        """Whether an event about it runs."""
        return any(episode.running for episode in self.episodes.values())

    @property
    def previous_label(self) -> str:
        """The certain label before the one that is shown now."""
        return self.previous_expression if self.expression == self.label else self.expression

    def see(self, label: str, confidence: float) -> None:
        """Take in the label and its confidence in the newest image."""
        self.label, self.confidence = label, confidence
        if label not in (self.expression, UNCERTAIN):
            self.previous_expression, self.expression = self.expression, label

    def leave(self) -> None:
        """Take in that the newest image does not show it."""
        self.present, self.shown, self.values = False, "", _ABSENT
        self.area = self.closeness = -1.0


class TrackTable:
    """All tracks that are kept, in the order in which they were first seen."""

    def __init__(self, silence_ns: int) -> None:
        """Start empty.

        Args:
            silence_ns: How long a track without a cool-down is kept after it was last seen [ns].
        """
        self._tracks: dict[str, Track] = {}
        self._silence_ns = silence_ns
        self._newest_ns: int | None = None
        self.elapsed_ns = 0
        """Time that images have covered [ns]: a gap, or a step of the camera's clock, counts as
        :attr:`silence_ns` at most."""

    def __len__(self) -> int:
        return len(self._tracks)

    def __iter__(self) -> Iterator[Track]:
        return iter(self._tracks.values())

    def get(self, track_id: str) -> Track | None:
        """Return a track that is kept."""
        return self._tracks.get(track_id)

    def update(self, faces: FaceTable) -> list[Track]:
        """Take in an image; return the tracks that it shows or that have events, in order."""
        stamp = faces.stamp_ns
        if self._newest_ns is not None:
            self.elapsed_ns += min(max(stamp - self._newest_ns, 0), self._silence_ns)
        self._newest_ns = stamp
        for track in self._tracks.values():
            if track.present:
                track.leave()
        for index, track_id in enumerate(faces.track_ids):
            self._see(faces, index, track_id)
        return [track for track in self._tracks.values() if track.present or track.episodes]

    def _see(self, faces: FaceTable, index: int, track_id: str) -> None:
        stamp, place = faces.stamp_ns, faces.label_index[index]
        track = self._tracks.get(track_id)
        if track is None:
            track = self._tracks[track_id] = Track(track_id, stamp, stamp)
        track.seen_ns, track.seen_elapsed_ns, track.present = stamp, self.elapsed_ns, True
        label = faces.labels[place] if place >= 0 else UNCERTAIN
        track.shown = label if label in KNOWN else ""
        confidence = faces.confidence[index]
        track.values = {
            **dict(zip(faces.labels, faces.probabilities[index])),
            "confidence": confidence,
            "size": faces.height[index],
            "age": np.float32((stamp - track.first_ns) / 1e9),
        }
        track.area, track.closeness = faces.area[index], faces.closeness[index]
        track.see(label, float(confidence))

    def forget(self) -> None:
        """Drop expired tracks, after the rules were evaluated on an image."""
        kept = {name: track for name, track in self._tracks.items() if self._is_kept(track)}
        excess = len(kept) - MAX_TRACKS
        if excess > 0:
            gone = [t for t in kept.values() if not t.present and not t.running]
            for track in sorted(gone, key=lambda track: track.seen_elapsed_ns)[:excess]:
                del kept[track.track_id]
        self._tracks = kept

    def _is_kept(self, track: Track) -> bool:
        if track.present or track.running:
            return True
        assert self._newest_ns is not None
        gone_ns = self._newest_ns - track.seen_ns
        if gone_ns > 0 and gone_ns <= self._silence_ns:
            return True
        until = max(track.cooldowns.values(), default=0)
        if math.isinf(until):
            return self.elapsed_ns - track.seen_elapsed_ns <= KEEP_NS
        return until > self._newest_ns and gone_ns <= KEEP_NS

    def restart(self) -> None:
        """Restart because the stamps jumped back; keep cool-downs that never end."""
        kept = {}
        for track in self._tracks.values():
            forever = only_endless(track.cooldowns)
            if forever:
                new = Track(track.track_id, track.first_ns, track.seen_ns, track.seen_elapsed_ns)
                new.cooldowns = forever
                kept[track.track_id] = new
        self._tracks, self._newest_ns = kept, None


def only_endless(cooldowns: dict[int, float]) -> dict[int, float]:
    """Return the cool-downs that never end."""
    return {index: until for index, until in cooldowns.items() if math.isinf(until)}


def largest(tracks: Iterable[Track], size: str) -> Track | None:
    """Return the shown track of the largest ``area`` or ``closeness``; of equal ones the first."""
    shown = [track for track in tracks if track.present]
    return max(shown, key=lambda track: _comparable(getattr(track, size)), default=None)


def _comparable(size: float) -> float:
    return size if size == size else -1.0
