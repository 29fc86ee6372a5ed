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

"""Images that got lost before the node, as far as the stamps of those that came can tell."""

from __future__ import annotations

from collections import deque

_STEPS = 32
"""How many steps between stamps are remembered."""

_ENOUGH = 8
"""From so many on the period of a camera is known."""

_LONGEST = 1_000_000_000
"""A longer gap is a camera that paused, not images that were lost [ns]."""

_SHORTEST = 1_000_000
"""A shorter period is no camera's, but stamps that are no times of exposure [ns]."""

_TOLERANCE = 0.25
"""How far a gap may lie from a whole number of periods."""


class StampGaps:
    """Finds gaps in a camera's stamps against its own period."""

    def __init__(self) -> None:
        self._steps: deque[int] = deque(maxlen=_STEPS)
        self._newest = 0

    def note(self, stamp_ns: int) -> int:
        """Take in the stamp of an image; return how many images are missing before it."""
        newest, self._newest = self._newest, stamp_ns
        step = stamp_ns - newest
        if not newest or not 0 < step <= _LONGEST:
            return 0
        self._steps.append(step)
        if len(self._steps) < _ENOUGH:
            return 0
        # Losses only lengthen steps: the short ones tell the period.
        short = sorted(self._steps)[len(self._steps) // 8]
        single = [each for each in self._steps if each < 1.5 * short]
        period = sum(single) / len(single)
        if period < _SHORTEST:
            return 0
        periods = step / period
        whole = round(periods)
        return whole - 1 if whole > 1 and abs(periods - whole) <= _TOLERANCE else 0
