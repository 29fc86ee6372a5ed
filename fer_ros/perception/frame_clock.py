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

"""When the frames of a camera belong in time, also where its stamps are no help."""

from __future__ import annotations

from fer_ros.perception.timing import CLOCK_JUMP_NS

STANDING = 3
"""From so many frames in a row on, stamps that do not advance are more than a late image."""


class FrameClock:
    """Places the frames of one camera in time: by stamp where stamps advance, else by arrival.

    Drivers exist whose stamp never moves, falls slowly, or is missing. Tracks and smoothing that
    trusted it would stand still: a label would stick for ever. The times given never fall, but
    for a jump back of the camera's clock (a bag that loops, a simulator that restarts).
    """

    def __init__(self) -> None:
        self._newest = 0
        """The newest stamp."""
        self._previous = 0
        """The stamp before this one."""
        self._offset = 0
        """How far the times given lie ahead of the stamps."""
        self._time: int | None = None
        self._arrival = 0
        self._run = 0
        self.stood = 0
        """How many frames in all have had a stamp that did not advance."""

    def remark(self) -> str:
        """Return what is wrong with the stamps now, in words; empty where nothing is."""
        if self._run < STANDING:
            return ""
        return (
            f"stamps do not advance ({self._run} images in a row); time is taken from their arrival"
        )

    def place(self, stamp_ns: int, arrival_ns: int) -> int:
        """Return when a frame belongs [ns].

        Args:
            stamp_ns: Its stamp; 0 where it has none.
            arrival_ns: The receiver's clock when it came.
        """
        waited = max(arrival_ns - self._arrival, 0) if self._time is not None else 0
        self._arrival = arrival_ns
        if not stamp_ns:
            time = arrival_ns if self._time is None else self._time + waited
        elif self._time is None or stamp_ns < self._previous - CLOCK_JUMP_NS:
            time = stamp_ns
            self._newest, self._offset, self._run = stamp_ns, 0, 0
        elif stamp_ns > self._newest:
            time = self._advance(stamp_ns, waited)
        else:
            time = self._time + waited
            self._run += 1
            self.stood += 1
            if stamp_ns < self._newest - CLOCK_JUMP_NS:  # it has fallen slowly: it counts from here
                self._newest = stamp_ns
        self._previous = stamp_ns or self._previous
        self._time = time
        return time

    def _advance(self, stamp_ns: int, waited: int) -> int:
        assert self._time is not None
        self._newest, self._run = stamp_ns, 0
        time = stamp_ns + self._offset
        if time < self._time:
            if self._time - time > CLOCK_JUMP_NS:  # the stamps stood for long: go on from here
                self._offset += self._time + waited - time
                return self._time + waited
            return self._time
        return time
