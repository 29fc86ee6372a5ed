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

"""Search windows at full resolution, within a budget a frame, for small faces.

A pass over the whole image, scaled down to `detection_size`, misses faces that become too small
by it. What the budget allows beyond that pass goes to windows in full resolution: one around every
small face that is being tracked, and one that wanders over the image, so that new small faces are
found too. The plan depends on the sequence of frames and tracks alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fer_ros.perception.types import Box

OVERLAP = 64
"""Pixels that neighbouring places of the wandering window share; smaller faces are never cut."""

_SIDES = (96, 128, 192, 256, 384)
"""Sides of the windows around tracked faces; few, so that buffers are kept [pixels]."""
_CONTEXT = 3.0
"""Side of such a window, in sides of the face."""
_SMALL = 2.0
"""Faces below so many times the detector's smallest are searched at full resolution as well."""
_TRACKED_SHARE = 0.5
"""Of the budget beyond the whole pass, the most that tracked faces may take."""


@dataclass(frozen=True)
class Region:
    """A part of an image [pixels]."""

    x: int
    y: int
    width: int
    height: int
    scale: float = 1.0
    """At which it is searched: pixels of the detector's input per image pixel."""

    @property
    def area(self) -> int:
        """[pixels squared]."""
        return self.width * self.height


class SearchPlan:
    """Chooses the windows for the frames of one camera, one frame after the other."""

    def __init__(self) -> None:
        """Start with the first place."""
        self._frame = 0

    def windows(
        self,
        width: int,
        height: int,
        scale: float,
        budget: float,
        smallest: float,
        tracked: Sequence[Box],
    ) -> list[Region]:
        """Return the windows of the next frame, in full resolution.

        Args:
            width: Of the image [pixels].
            height: Of the image [pixels].
            scale: Network pixels per image pixel of the whole pass.
            budget: Cost allowed a frame, in whole passes; 1 allows no window.
            smallest: Side of the smallest face that the detector finds reliably [network pixels].
            tracked: Boxes where faces are expected.

        Returns:
            At most ``budget - 1`` times the network pixels of the whole pass, together; none where
            that pass has full resolution already.
        """
        turn, self._frame = self._frame, self._frame + 1
        spare = (budget - 1.0) * width * height * scale**2
        if scale >= 1.0 or spare <= 0:
            return []
        chosen: list[Region] = []
        allowed = _TRACKED_SHARE * spare
        small = [box for box in tracked if np.sqrt(box.area) * scale < _SMALL * smallest]
        for k in range(len(small)):
            region = _around(small[(turn + k) % len(small)], width, height)
            if region is None or region.area > allowed:
                continue
            allowed -= region.area
            spare -= region.area
            chosen.append(region)
        place = wandering(width, height, spare, turn)
        return [*chosen, place] if place else chosen


def places(side: int, window: int) -> list[int]:
    """Return where a window starts along a side so that it covers it, overlapping [pixels]."""
    if window >= side:
        return [0]
    count = -(-(side - OVERLAP) // (window - OVERLAP))
    return [round(i * (side - window) / (count - 1)) for i in range(count)]


def wandering(width: int, height: int, pixels: float, turn: int) -> Region | None:
    """Return the place of the wandering window at a turn; None where the pixels do not suffice."""
    across = _whole(min(width, (pixels * width / height) ** 0.5))
    down = _whole(min(height, pixels / max(across, 1)))
    if min(across, down) < 2 * OVERLAP:
        return None
    lefts, tops = places(width, across), places(height, down)
    # Every other place of the grid first, so that no part of the image waits for its neighbour.
    order = [*range(0, len(lefts) * len(tops), 2), *range(1, len(lefts) * len(tops), 2)]
    place = order[turn % len(order)]
    x, y = lefts[place % len(lefts)], tops[place // len(lefts)]
    return Region(x, y, min(across, width), min(down, height))


def _around(box: Box, width: int, height: int) -> Region | None:
    """Return the window around a face, shifted into the image; None for a face that needs none."""
    wanted = _CONTEXT * max(box.width, box.height)
    side = next((s for s in _SIDES if s >= wanted), None)
    if side is None or side > min(width, height):
        return None
    x, y = box.center
    left = min(max(round(x - side / 2), 0), width - side)
    top = min(max(round(y - side / 2), 0), height - side)
    return Region(left, top, side, side)


def _whole(side: float) -> int:
    return int(side) // 32 * 32
