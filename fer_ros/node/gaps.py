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

"""Detection of images lost before the node, from gaps between stamps."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

_STEPS = 32
"""How many steps between stamps are remembered."""

_ENOUGH = 8
"""From so many on the period of a camera is known."""

_PACE = 4
"""So many steps in a row that are alike, and longer than the period, are a new pace."""

PAUSE = 1_000_000_000
"""A longer gap is a camera that paused, not images that were lost [ns]."""

_SHORTEST = 1_000_000
"""A shorter period is no camera's, but stamps that are no times of exposure [ns]."""

_TOLERANCE = 0.25
"""How far a gap may lie from a whole number of periods."""


@dataclass(frozen=True)
class StampGap:
    """Images that are missing between two that came."""

    stamp_ns: int
    """Of the image behind the gap."""
    step_ns: int
    missing: int


class StampGaps:
    """Finds gaps in a camera's stamps against its own period, which may change.

    A webcam halves its rate in the dark: steps of one length that follow each other are not losses
    but another pace. A gap is therefore given when the steps behind it show that it is none.
    """

    def __init__(self, pause_ns: int = PAUSE, steps: Sequence[int] = ()) -> None:
        """Start.

        Args:
            pause_ns: A longer gap is no loss [ns].
            steps: Steps between stamps that are known beforehand, the first ones [ns].
        """
        self._pause_ns = pause_ns
        self._steps = deque((step for step in steps if 0 < step <= pause_ns), maxlen=_STEPS)
        self._newest: int | None = None
        self._doubtful: list[StampGap] = []
        """Gaps of as many images each, one after the other; they may be a new pace."""

    @property
    def period_ns(self) -> float:
        """Time from image to image [ns]; 0 where it is not known."""
        if len(self._steps) < _ENOUGH:
            return 0.0
        # Losses only lengthen steps: the short ones tell the period.
        short = sorted(self._steps)[len(self._steps) // 8]
        single = [each for each in self._steps if each < 1.5 * short]
        period = sum(single) / len(single)
        return period if period >= _SHORTEST else 0.0

    def note(self, stamp_ns: int) -> list[StampGap]:
        """Take in the stamp of an image; return the gaps that are certain now."""
        newest, self._newest = self._newest, stamp_ns or None
        step = stamp_ns - (newest or stamp_ns)
        if not 0 < step <= self._pause_ns:
            return self.finish()
        self._steps.append(step)
        missing = self._missing(step)
        before = self.finish() if not missing or not self._alike(step) else []
        if missing:
            self._doubtful.append(StampGap(stamp_ns, step, missing))
        if len(self._doubtful) == _PACE:
            self._steps = deque((gap.step_ns for gap in self._doubtful * 2), maxlen=_STEPS)
            self._doubtful = []
        return before

    def finish(self) -> list[StampGap]:
        """Return the gaps of which it was not certain yet."""
        doubtful, self._doubtful = self._doubtful, []
        return doubtful

    def _missing(self, step: int) -> int:
        period = self.period_ns
        if not period:
            return 0
        whole = round(step / period)
        return whole - 1 if whole > 1 and abs(step / period - whole) <= _TOLERANCE else 0

    def _alike(self, step: int) -> bool:
        return all(abs(step - gap.step_ns) <= _TOLERANCE * gap.step_ns for gap in self._doubtful)
