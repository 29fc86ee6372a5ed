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

"""Stable identities for faces: detections of one camera joined into tracks over time.

Every track predicts its box with a constant-velocity model on the images' stamps; detections
go to the nearest prediction, best pairs first. That keeps identities apart when two people
cross, and over missed detections and short occlusions.
"""

from __future__ import annotations

import itertools
import math
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.smoothing import LabelSmoother, SmoothingSettings
from fer_ros.perception.timing import CLOCK_JUMP_NS
from fer_ros.perception.types import Box, Face, FaceEmotion

_GATE = 1.5
"""Largest accepted cost of a detection for a track: distance from the predicted centre, in face
sizes, and difference in size. A head that leans fast moves about one width between two images at
10 Hz."""

_SIZE_WEIGHT = 1.0
"""Cost of a factor e between predicted and detected size, in face sizes of distance."""

_VELOCITY_TIME = 0.25
"""Time constant with which the estimated velocity follows the measured one [s]."""

STEADY_AGE = 3
"""Detections after which a track is no accident; it then holds on to less confident faces."""

_COAST_TIME = 0.6
"""How far ahead a velocity is trusted [s]; an occluded track waits where it then is."""


@dataclass
class _Track:
    track_id: str
    x: float
    y: float
    size: float
    seen_ns: int
    velocity: tuple[float, float] = (0.0, 0.0)
    """Pixels per second."""
    age: int = 1
    """Number of detections joined."""
    smoother: LabelSmoother = field(default_factory=LabelSmoother)

    def predict(self, stamp_ns: int) -> tuple[float, float]:
        """Return the expected centre at a stamp."""
        ahead = min(max(stamp_ns - self.seen_ns, 0) / 1e9, _COAST_TIME)
        return self.x + self.velocity[0] * ahead, self.y + self.velocity[1] * ahead

    def join(self, place: _Place, stamp_ns: int) -> float:
        """Take in a detection; return the time since the previous one [s]."""
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
        return elapsed


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
"""Without what is misread (0 o, 1 i l u v); an id starts with a letter, as names of topics must."""


def track_ids(life: str = "face") -> Callable[[], str]:
    """Return a source of new track ids, unique as long as it lives: face_1, face_2, ….

    Args:
        life: What stands before the number; :func:`new_life` for ids that are never used again.
    """
    numbers = itertools.count(1)
    return lambda: f"{life}_{next(numbers)}"


def new_life() -> str:
    """Return six random symbols for the ids of one life of a node, e.g. ``k7w2xq``.

    Random rather than counted or timed: a robot may have no clock that runs while it is off, and
    nothing to write a counter to. A thousand lives share a prefix with a chance of about 0.001.
    """
    return secrets.choice(_LETTERS) + "".join(secrets.choice(_SYMBOLS) for _ in range(5))


class Tracker:
    """The tracks of one camera."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        """Start without tracks.

        Args:
            new_id: Source of ids, shared by all cameras of a node so that ids are unique in it.
        """
        self._new_id = new_id
        self._tracks: list[_Track] = []
        self._newest_ns: int | None = None

    def update(
        self,
        faces: Sequence[Face],
        probabilities: NDArray[np.float32],
        stamp_ns: int,
        labels: tuple[str, ...],
        smoothing: SmoothingSettings,
        timeout: float,
        qualities: Sequence[float] = (),
    ) -> list[FaceEmotion]:
        """Join the faces of one image to the tracks.

        Args:
            faces: Detections of this image.
            probabilities: Their class probabilities, shape (len(faces), labels).
            stamp_ns: Time of the image; a jump back of half a second or more closes all tracks.
            labels: Class names in the order of the probabilities.
            smoothing: How labels follow the probabilities.
            timeout: Tracks not seen for longer are closed [s].
            qualities: One a face [0..1]; 1 for all where none are given.

        Returns:
            One entry per face, in their order.
        """
        if self._newest_ns is not None and stamp_ns < self._newest_ns - CLOCK_JUMP_NS:
            self.reset()
        self._newest_ns = max(stamp_ns, self._newest_ns or stamp_ns)
        self._tracks = [t for t in self._tracks if stamp_ns - t.seen_ns <= timeout * 1e9]
        places = [_Place.of(face) for face in faces]
        matches = self._match(places, stamp_ns)
        results = []
        for index, (face, place) in enumerate(zip(faces, places)):
            track = matches.get(index)
            if track is None:
                track = _Track(self._new_id(), place.x, place.y, place.size, stamp_ns)
                self._tracks.append(track)
                elapsed = 0.0
            else:
                elapsed = track.join(place, stamp_ns)
            own, quality = probabilities[index], qualities[index] if qualities else 1.0
            smoothed, label, confidence = track.smoother.update(
                own, elapsed, labels, smoothing, quality
            )
            results.append(
                FaceEmotion(face, track.track_id, own, smoothed, label, confidence, quality)
            )
        return results

    def expected(self, stamp_ns: int, least_age: int = 1) -> list[Box]:
        """Return squares of the tracks' size where their faces are expected at a stamp.

        Args:
            stamp_ns: Of the image to come.
            least_age: Only those of tracks of at least so many detections.
        """
        boxes = []
        for track in self._tracks:
            if track.age < least_age:
                continue
            x, y = track.predict(stamp_ns)
            boxes.append(Box(x - track.size / 2, y - track.size / 2, track.size, track.size))
        return boxes

    def reset(self) -> None:
        """Close all tracks."""
        self._tracks = []
        self._newest_ns = None

    def _match(self, places: Sequence[_Place], stamp_ns: int) -> dict[int, _Track]:
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
        matches: dict[int, _Track] = {}
        taken: set[int] = set()
        for _, place_index, track_index in sorted(pairs):
            if place_index not in matches and track_index not in taken:
                matches[place_index] = self._tracks[track_index]
                taken.add(track_index)
        return matches
