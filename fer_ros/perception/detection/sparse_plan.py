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

"""Search at less than a whole pass an image: whole passes spread over the images, windows between.

Between two images of a camera little moves. So an image in which nothing happens is searched in
windows around the faces that are expected, scaled so that each face has a size that the detector
finds well; every few images, in the image after a new face, and at once where a window loses one,
the whole image is searched. What the budget leaves goes to a window that wanders over images larger
than the detector's input in full resolution, on others to whole passes while something may be a
face. The plan depends on the sequence of images, their times and the tracks alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fer_ros.perception.association import Expected
from fer_ros.perception.detection import mosaic
from fer_ros.perception.detection.base import FaceDetector
from fer_ros.perception.detection.search_plan import Region, wandering

SHORTEST, LONGEST = 6, 7
"""Images from one whole pass to the next where nothing happens: what the budget allows, in these
bounds. At 30 Hz a new face is searched for within 0.25 s whatever the budget."""

LONGEST_TIME = 0.5
"""The same in time [s], for cameras of less than 14 Hz."""

_ROUNDING_NS = 1_000_000
"""Of stamps."""

_CONTEXTS = (2.5, 1.9, 3.2)
"""Side of a window, in sides of the face, which then has 38, 50 or 30 pixels in a mosaic's tile.
The second and third are tried where the one before has lost the face."""

_BLIND = 12
"""Images searched whole for a face that no window shows, before windows are tried again."""

_LEAST_SIDE = 64
"""Of a window [image pixels]."""

_SMALL = 2.0
"""Faces below so many times the detector's smallest are small in a whole pass."""

_AS_MUCH_AS_WHOLE = 0.8
"""Above this share of a whole pass, windows save too little for the faces that they miss."""


@dataclass(frozen=True)
class Step:
    """What of an image is searched."""

    whole: bool
    windows: tuple[Region, ...]
    """Around expected faces."""
    wandering: Region | None = None
    """Where new small faces are looked for."""


class SparsePlan:
    """Chooses what is searched in the images of one camera, one after the other."""

    def __init__(self) -> None:
        """Start before the first image, which is searched whole."""
        self._since = LONGEST
        """Images since the last whole pass."""
        self._whole_ns = self._previous_ns = 0
        """Times of the last whole pass and of the last image."""
        self._credit = 0.0
        """Cost that earlier images left over [whole passes]."""
        self._turn = 0
        self._urgent = True
        self._doubtful = False
        self._losses: dict[str, int] = {}
        """How often windows lost the face of a track, which says what is tried next."""

    def look_again(self) -> None:
        """Search the next image whole if the budget allows it: something may be a new face."""
        self._doubtful = True

    def hasten(self) -> None:
        """Search the next image whole: a face is new."""
        self._urgent = True

    def step(
        self,
        detector: FaceDetector,
        size: tuple[int, int],
        budget: float,
        expected: Sequence[Expected],
        time_ns: int,
        whole_passes: int,
    ) -> Step:
        """Return what of the next image is searched.

        Args:
            detector: That searches.
            size: Width and height of the image [pixels].
            budget: Share of a whole pass that the search may cost on average.
            expected: Where tracks expect faces.
            time_ns: When the image belongs in time.
            whole_passes: In images of other cameras that are processed together with this one.
        """
        width, height = size
        scale = detector.scale(width, height)
        unit = detector.cost(width, height, scale)

        windows = self._windows(expected, width, height)
        spent = mosaic.cost(detector, len(windows)) / unit
        self._since += 1
        step_ns, self._previous_ns = time_ns - self._previous_ns, time_ns
        due = (
            self._urgent
            or self._blind(expected)
            or self._due(budget, spent, time_ns, step_ns, whole_passes)
        )
        # On larger images the wandering window needs what is left: it sees what a pass does not.
        due = due or (scale >= 1.0 and self._doubtful and self._credit + budget >= 1.0)
        if due or spent > _AS_MUCH_AS_WHOLE:
            small = [e for e in expected if _is_small(e, scale, detector.smallest_face)]
            windows = self._windows(small, width, height)
            self._credit += budget - mosaic.cost(detector, len(windows)) / unit
            self.whole_pass(time_ns)
            return Step(True, tuple(windows))
        self._credit = min(self._credit + budget - spent, 1.0)
        place = None
        if scale < 1.0 and self._credit >= 1.0:
            place = wandering(width, height, unit, self._turn)
            self._turn += 1
            if place:
                self._credit -= detector.cost(place.width, place.height, place.scale) / unit
        return Step(False, tuple(windows), place)

    def lose(self, faces: Sequence[Expected], time_ns: int) -> None:
        """Record a whole pass over the newest image, whose windows lost faces."""
        for face in faces:
            self._losses[face.track_id] = self._losses.get(face.track_id, 0) + 1
        self.whole_pass(time_ns)

    def _blind(self, expected: Sequence[Expected]) -> bool:
        """Whether a face is expected that no window shows; one image of a few nearer to a trial."""
        known = {face.track_id for face in expected}
        self._losses = {name: count for name, count in self._losses.items() if name in known}
        blind = [name for name, count in self._losses.items() if count >= len(_CONTEXTS)]
        for name in blind:
            self._losses[name] = (self._losses[name] + 1) % (len(_CONTEXTS) + _BLIND)
        return bool(blind)

    def whole_pass(self, time_ns: int) -> None:
        """Record a whole pass over the newest image, at a time."""
        self._since, self._whole_ns = 0, time_ns
        self._urgent = self._doubtful = False
        self._credit = max(self._credit - 1.0, -1.0)

    def _windows(self, expected: Sequence[Expected], width: int, height: int) -> list[Region]:
        """Return windows around expected faces; none around one that a window shows already."""
        windows: list[Region] = []
        for face in sorted(expected, key=lambda face: -face.box.area):
            losses = self._losses.get(face.track_id, 0)
            context = _CONTEXTS[min(losses, len(_CONTEXTS) - 1)]
            side = max(context * max(face.box.width, face.box.height), _LEAST_SIDE)
            x, y = face.box.center
            across, down = min(round(side), width), min(round(side), height)
            left = min(max(round(x - across / 2), 0), width - across)
            top = min(max(round(y - down / 2), 0), height - down)
            if losses or not any(_shows(window, face) for window in windows):
                windows.append(Region(left, top, across, down, mosaic.TILE / max(across, down)))
        return windows

    def _due(
        self, budget: float, cost: float, time_ns: int, step_ns: int, whole_passes: int
    ) -> bool:
        """Whether it is time for a whole pass; another camera's goes first while there is time."""
        waited_ns = time_ns - self._whole_ns
        in_time = 0 <= waited_ns <= waited_ns + step_ns <= LONGEST_TIME * 1e9 + _ROUNDING_NS
        if self._since >= LONGEST or not in_time:
            return True
        spare = budget - cost
        interval = math.ceil((1.0 - cost) / spare) if spare > 0 else LONGEST
        return self._since >= max(interval, SHORTEST) and whole_passes == 0


def _is_small(face: Expected, scale: float, smallest: float) -> bool:
    """Whether a face is so small in a whole pass that it is searched in a window as well."""
    return math.sqrt(face.box.area) * scale < _SMALL * smallest


def _shows(window: Region, face: Expected) -> bool:
    """Whether a face lies well inside a window and is not much smaller than the one it is for."""
    x, y = face.box.center
    reach = max(face.box.width, face.box.height)
    inside = window.x <= x - reach and x + reach <= window.x + window.width
    inside = inside and window.y <= y - reach and y + reach <= window.y + window.height
    return inside and reach * window.scale >= 0.7 * mosaic.TILE / _CONTEXTS[0]
