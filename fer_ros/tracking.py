"""Stable identities for faces: detections of one camera joined into tracks over time.

Every track predicts its box with a constant-velocity model on the images' stamps; detections
go to the nearest prediction, best pairs first. That keeps identities apart when two people
cross, and over missed detections and short occlusions.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fer_ros.smoothing import LabelSmoother, SmoothingSettings
from fer_ros.types import Face, FaceEmotion

_GATE = 1.5
"""Largest accepted distance between prediction and detection, in face sizes; a head that turns
or leans fast moves about one width between two images at 10 Hz."""

_SIZE_WEIGHT = 1.0
"""Cost of a factor e between predicted and detected size, in face sizes of distance."""

_VELOCITY_TIME = 0.25
"""Time constant with which the estimated velocity follows the measured one [s]."""

_COAST_TIME = 0.6
"""How far ahead a velocity is trusted [s]; an occluded track waits where it then is."""

_LATE_TOLERANCE = 500_000_000
"""A stamp older than the newest by less than this is a late image, by more a clock that jumped
back (a bag that loops, a simulator that restarts) [ns]."""


@dataclass
class _Track:
    track_id: str
    center: NDArray[np.float64]
    size: float
    seen_ns: int
    velocity: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    """Pixels per second."""
    age: int = 1
    """Number of detections joined."""
    smoother: LabelSmoother = field(default_factory=LabelSmoother)

    def predict(self, stamp_ns: int) -> NDArray[np.float64]:
        """Return the expected centre at a stamp."""
        ahead = min(max(stamp_ns - self.seen_ns, 0) / 1e9, _COAST_TIME)
        return self.center + self.velocity * ahead

    def cost(self, face: Face, stamp_ns: int) -> float:
        """Return how badly a detection fits, in face sizes."""
        size = _size(face)
        distance = float(np.linalg.norm(self.predict(stamp_ns) - face.box.center))
        return distance / max(self.size, size) + _SIZE_WEIGHT * abs(math.log(size / self.size))

    def join(self, face: Face, stamp_ns: int) -> float:
        """Take in a detection; return the time since the previous one [s]."""
        elapsed = max(stamp_ns - self.seen_ns, 0) / 1e9
        center = np.asarray(face.box.center, np.float64)
        if elapsed > 0:
            measured = (center - self.center) / elapsed
            # The second detection is all that is known of the velocity: take it as it is.
            weight = 1.0 if self.age == 1 else 1.0 - math.exp(-elapsed / _VELOCITY_TIME)
            self.velocity = self.velocity + weight * (measured - self.velocity)
        self.center, self.size = center, _size(face)
        self.seen_ns = max(stamp_ns, self.seen_ns)
        self.age += 1
        return elapsed


def _size(face: Face) -> float:
    return max(math.sqrt(face.box.area), 1.0)


def track_ids(prefix: str = "face_") -> Callable[[], str]:
    """Return a source of new track ids, unique as long as it lives: face_1, face_2, …."""
    numbers = itertools.count(1)
    return lambda: f"{prefix}{next(numbers)}"


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
    ) -> list[FaceEmotion]:
        """Join the faces of one image to the tracks.

        Args:
            faces: Detections of this image.
            probabilities: Their class probabilities, shape (len(faces), labels).
            stamp_ns: Time of the image; a jump back of half a second or more closes all tracks.
            labels: Class names in the order of the probabilities.
            smoothing: How labels follow the probabilities.
            timeout: Tracks not seen for longer are closed [s].

        Returns:
            One entry per face, in their order.
        """
        if self._newest_ns is not None and stamp_ns < self._newest_ns - _LATE_TOLERANCE:
            self.reset()
        self._newest_ns = max(stamp_ns, self._newest_ns or stamp_ns)
        self._tracks = [t for t in self._tracks if stamp_ns - t.seen_ns <= timeout * 1e9]
        matches = self._match(faces, stamp_ns)
        results = []
        for index, face in enumerate(faces):
            track = matches.get(index)
            if track is None:
                center = np.asarray(face.box.center, np.float64)
                track = _Track(self._new_id(), center, _size(face), stamp_ns)
                self._tracks.append(track)
                elapsed = 0.0
            else:
                elapsed = track.join(face, stamp_ns)
            smoothed, label, confidence = track.smoother.update(
                probabilities[index], elapsed, labels, smoothing
            )
            results.append(
                FaceEmotion(face, track.track_id, probabilities[index], smoothed, label, confidence)
            )
        return results

    def reset(self) -> None:
        """Close all tracks."""
        self._tracks = []
        self._newest_ns = None

    def _match(self, faces: Sequence[Face], stamp_ns: int) -> dict[int, _Track]:
        """Return the track of each face that has one, best pairs first."""
        pairs = sorted(
            (
                (track.cost(face, stamp_ns), face_index, track_index)
                for face_index, face in enumerate(faces)
                for track_index, track in enumerate(self._tracks)
            ),
        )
        matches: dict[int, _Track] = {}
        taken: set[int] = set()
        for cost, face_index, track_index in pairs:
            if cost > _GATE:
                break
            if face_index not in matches and track_index not in taken:
                matches[face_index] = self._tracks[track_index]
                taken.add(track_index)
        return matches
