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

"""Stable identities for faces: detections of one camera associated with tracks over time.

Every track predicts its box with a constant-velocity model on the images' stamps; detections
go to the nearest prediction, best pairs first. That keeps identities apart when two people
cross, and over missed detections and short occlusions.
"""

from __future__ import annotations

import itertools
import math
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from fer_ros.perception.timing import CLOCK_JUMP_NS
from fer_ros.perception.types import Box, Face

_GATE = 1.5
"""Largest accepted cost of a detection for a track: distance from the predicted centre, in face
sizes, and difference in size. A head that leans fast moves about one width between two images at
10 Hz."""

_SIZE_WEIGHT = 1.0
"""Cost of a factor e between predicted and detected size, in face sizes of distance."""

_VELOCITY_TIME = 0.25
"""Time constant with which the estimated velocity follows the measured one [s]."""

STEADY_AGE = 3
"""Detections from which on a track is no accident and accepts less confident ones."""

_COAST_TIME = 0.6
"""How far ahead a velocity is trusted [s]; an occluded track waits where it then is."""


S = TypeVar("S")
"""What a track keeps for its user, e.g. the filter of its expression."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Where a track expects its face."""

    box: Box
    """Square of the track's size."""
    age: int
    """Detections that the track has."""
    missed: int
    """Images since the last of them."""
    track_id: str = ""

    @property
    def steady(self) -> bool:
        """Whether the track has detections enough to accept less confident ones."""
        return self.age >= STEADY_AGE


@dataclass(eq=False)
class Track(Generic[S]):
    """One face over time."""

    track_id: str
    state: S
    x: float
    """Centre of the last detection [pixels]."""
    y: float
    size: float
    """Square root of its box's area [pixels]."""
    seen_ns: int
    """Time of the last detection."""
    velocity: tuple[float, float] = (0.0, 0.0)
    """[pixels/s]"""
    age: int = 1
    """Number of detections associated."""
    missed: int = 0
    """Images since the last detection."""

    def predict(self, stamp_ns: int) -> tuple[float, float]:
        """Return the expected centre at a stamp."""
        ahead = min(max(stamp_ns - self.seen_ns, 0) / 1e9, _COAST_TIME)
        return self.x + self.velocity[0] * ahead, self.y + self.velocity[1] * ahead

    def add(self, place: _Place, stamp_ns: int) -> None:
        """Take in a detection."""
        elapsed = max(stamp_ns - self.seen_ns, 0) / 1e9
        if elapsed > 0:
            # The second detection is all that is known of the velocity: take it as it is.
            weight = 1.0 if self.age == 1 else 1.0 - math.exp(-elapsed / _VELOCITY_TIME)
            vx, vy = self.velocity
            measured_x, measured_y = (place.x - self.x) / elapsed, (place.y - self.y) / elapsed
            self.velocity = (vx + weight * (measured_x - vx), vy + weight * (measured_y - vy))
        self.x, self.y, self.size = place.x, place.y, place.size
        self.seen_ns = max(stamp_ns, self.seen_ns)
        self.age += 1
        self.missed = 0


@dataclass(frozen=True, slots=True)
class _Place:
    """Centre and size of a detection [pixels]."""

    x: float
    y: float
    size: float

    @classmethod
    def of(cls, face: Face) -> _Place:
        x, y = face.box.center
        return cls(x, y, max(math.sqrt(face.box.area), 1.0))


_LETTERS = "abcdefghjkmnpqrstwxyz"
_SYMBOLS = "23456789" + _LETTERS
"""Without those that are easily misread (0 o, 1 i l u v); an id starts with a letter, as names of
topics must."""


def track_ids(prefix: str = "face") -> Callable[[], str]:
    """Return a source of new track ids, each unique in it: face_1, face_2, ….

    Args:
        prefix: Comes before the number; :func:`random_prefix` for ids that are never used again.
    """
    numbers = itertools.count(1)
    return lambda: f"{prefix}_{next(numbers)}"


def random_prefix() -> str:
    """Return six random symbols for the track ids of one run of a node, e.g. ``k7w2xq``.

    Random rather than counted or timed: a robot may have no clock that runs while it is off, and
    nothing to write a counter to. A thousand runs share a prefix with a chance of about 0.001.
    """
    return secrets.choice(_LETTERS) + "".join(secrets.choice(_SYMBOLS) for _ in range(5))


class Tracker(Generic[S]):
    """The tracks of one camera: associates detections over time and knows nothing else of them."""

    def __init__(self, new_id: Callable[[], str], new_state: Callable[[], S]) -> None:
        """Start without tracks.

        Args:
            new_id: Source of ids, shared by all cameras of a node so that ids are unique in it.
            new_state: Makes what a new track keeps for its user (:attr:`Track.state`).
        """
        self._new_id = new_id
        self._new_state = new_state
        self._tracks: list[Track[S]] = []
        self._newest_ns: int | None = None

    def update(self, faces: Sequence[Face], stamp_ns: int, timeout: float) -> list[Track[S]]:
        """Associate the faces of one image with the tracks; a face without one begins a new track.

        Args:
            faces: Detections of this image.
            stamp_ns: Time of the image; a jump back of half a second or more closes all tracks.
            timeout: Tracks not seen for longer are closed [s].

        Returns:
            The track of each face, in their order.
        """
        if self._newest_ns is not None and stamp_ns < self._newest_ns - CLOCK_JUMP_NS:
            self.reset()
        self._newest_ns = max(stamp_ns, self._newest_ns or stamp_ns)
        self._tracks = [t for t in self._tracks if stamp_ns - t.seen_ns <= timeout * 1e9]
        for track in self._tracks:
            track.missed += 1
        places = [_Place.of(face) for face in faces]
        matches = self._match(places, stamp_ns)
        for index, place in enumerate(places):
            if index in matches:
                matches[index].add(place, stamp_ns)
            else:
                matches[index] = self._begin(place, stamp_ns)
        return [matches[index] for index in range(len(places))]

    @property
    def tracks(self) -> Sequence[Track[S]]:
        """The tracks that are open."""
        return self._tracks

    def _begin(self, place: _Place, stamp_ns: int) -> Track[S]:
        track = Track(
            self._new_id(), self._new_state(), place.x, place.y, place.size, seen_ns=stamp_ns
        )
        self._tracks.append(track)
        return track

    def expected(self, stamp_ns: int) -> list[Expected]:
        """Return where the tracks expect their faces in an image to come, at its stamp."""
        found = []
        for track in self._tracks:
            x, y = track.predict(stamp_ns)
            box = Box(x - track.size / 2, y - track.size / 2, track.size, track.size)
            found.append(Expected(box, track.age, track.missed, track.track_id))
        return found

    def reset(self) -> None:
        """Close all tracks."""
        self._tracks = []
        self._newest_ns = None

    def _match(self, places: Sequence[_Place], stamp_ns: int) -> dict[int, Track[S]]:
        """Return the track of each detection that has one, best pairs first."""
        # Plain floats: for a handful of faces numpy's overhead would be most of the cost.
        pairs = []
        for track_index, track in enumerate(self._tracks):
            x, y = track.predict(stamp_ns)
            for place_index, place in enumerate(places):
                distance = math.hypot(place.x - x, place.y - y) / max(track.size, place.size)
                if distance <= _GATE:
                    cost = distance + _SIZE_WEIGHT * abs(math.log(place.size / track.size))
                    if cost <= _GATE:
                        pairs.append((cost, place_index, track_index))
        matches: dict[int, Track[S]] = {}
        taken: set[int] = set()
        for _, place_index, track_index in sorted(pairs):
            if place_index not in matches and track_index not in taken:
                matches[place_index] = self._tracks[track_index]
                taken.add(track_index)
        return matches
