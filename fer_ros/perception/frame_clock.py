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

"""Times of a camera's frames, robust against stamps that are wrong or missing."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from fer_ros.perception.timing import CLOCK_JUMP_NS, CLOCK_REMEDY, FOREIGN_NS, clock_difference

FROZEN_AFTER = 3
"""From so many frames in a row on, stamps that do not advance are more than a late image."""

_SLOWEST = 1000
"""Stamps that take so many times as long as they say do not advance: a counter in place of a time,
or one in another unit. Simulators and players are not that slow."""

_STEP_NS = 1_000_000_000
"""So much further than its arrival a stamp must advance to be a step of the camera's clock, or fall
behind it to be a jump back [ns]; a shorter hop only has time wait until the stamps are there."""

_REMEMBERED = 16
"""Frames whose stamps and arrivals are compared; a late one among them does not matter."""

_ENOUGH = 4
"""From so many on they tell how fast the stamps go, which simulators and players decide."""

_ENOUGH_APART = 8
"""So many stamps in a row are of another clock; one alone can be a mistake."""

_RECENT_NS = 10_000_000_000
"""How long a step is remarked on [ns]."""


@dataclass(frozen=True)
class ClockSteps:
    """Steps of one kind that the clock of a camera has made."""

    count: int = 0
    largest_ns: int = 0
    """Signed: the one of the largest size."""
    first_ns: int = 0
    """Time of the frame behind the first one, with :attr:`FrameClock.fallen_ns` added."""

    def with_one(self, size_ns: int, time_ns: int) -> ClockSteps:
        """Return them with one more."""
        largest = max(self.largest_ns, size_ns, key=abs)
        return ClockSteps(self.count + 1, largest, self.first_ns if self.count else time_ns)


class FrameClock:
    """Places the frames of one camera in time: by stamp where stamps advance, else by arrival.

    Drivers exist whose stamp never moves, falls slowly, hops to and fro, or is missing. Tracks and
    smoothing that trusted it would freeze or break up: a label would never change, one person would
    get many tracks. A stamp that advances much further than its arrival is a step of the clock, and
    time goes on by arrival there. The times given never fall, but for a jump back (a bag that
    loops, a simulator that restarts), unless that only takes back an earlier step.
    """

    def __init__(self, offset_ns: int = 0, lag_ns: int | None = None) -> None:
        """Start.

        Args:
            offset_ns: What is added to the stamps, for a clock that is known to be another [ns].
            lag_ns: Arrival minus time, where it is known beforehand; it places frames before the
                first stamp that can be believed [ns].
        """
        self._home = self._offset = offset_ns
        """How far the times given lie ahead of the stamps: at first, and now."""
        self._lag = lag_ns
        self._offsets = [offset_ns]
        """The latest ones since time last began anew, the first first."""
        self._newest = 0
        """The newest stamp."""
        self._previous = 0
        """The stamp before this one."""
        self._time: int | None = None
        self._arrival = 0
        self._seen: deque[tuple[int, int]] = deque(maxlen=_REMEMBERED)
        """(time, arrival) of the latest frames."""
        self._apart = 0
        """How many stamps in a row have been of another clock than the receiver's."""
        self._difference = 0
        """Arrival minus stamp of the latest one."""
        self._run = 0
        self._crawling = 0
        """How many frames in a row have had a stamp that hardly advanced."""
        self.frozen = 0
        """How many frames in all have had a stamp that did not advance."""
        self._stepped_ns = -(1 << 63)
        """Time of the latest step."""
        self.steps = ClockSteps()
        """Steps against the arrival; time went on."""
        self.restarts = ClockSteps()
        """Jumps back, at each of which time began anew."""
        self.fallen_ns = 0
        """By how much the times have fallen at the jumps back; added to them, they never fall."""

    @property
    def foreign_ns(self) -> int:
        """How far the stamps are behind the receiver's clock [ns]; 0 unless that is another."""
        return self._difference if self._apart >= _ENOUGH_APART else 0

    @property
    def breaks(self) -> int:
        """How often two stamps that follow each other did not measure the time between them."""
        return self.steps.count + self.restarts.count

    def remark(self) -> str:
        """Return a message that the stamps do not advance; empty where they do."""
        if self._run < FROZEN_AFTER:
            return ""
        return (
            f"stamps do not advance ({self._run} images in a row); time is taken from their arrival"
        )

    def step_remark(self) -> str:
        """Return which steps the clock has made in the last ten seconds; empty without one."""
        if self._time is None or self._time - self._stepped_ns > _RECENT_NS:
            return ""
        return self.summary()

    def summary(self) -> str:
        """Return all steps in words, with the remedy; empty where there were none."""
        found = []
        if self.steps.count:
            found.append(f"its clock steps by {_times(self.steps)} against the arrival of images")
        if self.restarts.count:
            found.append(f"its stamps jump back by {_times(self.restarts)}")
        return f"{' and '.join(found)}; {CLOCK_REMEDY}" if found else ""

    def place(self, stamp_ns: int, arrival_ns: int) -> int:
        """Return when a frame belongs [ns].

        Args:
            stamp_ns: Its stamp; 0 or less where it has none.
            arrival_ns: The receiver's clock when it came.
        """
        waited = max(arrival_ns - self._arrival, 0) if self._time is not None else 0
        expected = arrival_ns - (self._lag or 0) if self._time is None else self._time + waited
        crawls = 0 <= (stamp_ns - self._previous) * _SLOWEST < waited
        self._crawling = self._crawling + 1 if crawls else 0
        if stamp_ns <= 0:
            time = expected
        elif self._time is None:
            time = self._first(stamp_ns, expected)
        elif (
            stamp_ns < self._previous - CLOCK_JUMP_NS
            and stamp_ns + self._offset < expected - _STEP_NS
        ):
            time = self._back(stamp_ns, expected)
        elif stamp_ns > self._newest and self._crawling < FROZEN_AFTER:
            time = self._advance(stamp_ns, arrival_ns, expected)
        else:
            time = expected
            self._run += 1
            self.frozen += 1
            if stamp_ns < self._newest - _STEP_NS:  # it has fallen slowly: it counts from here
                self._newest = stamp_ns
        self._previous = max(stamp_ns, 0) or self._previous
        if stamp_ns > 0 and arrival_ns > 0:  # a clock at 0 has not started
            self._difference = arrival_ns - stamp_ns
            self._apart = self._apart + 1 if abs(self._difference) > FOREIGN_NS else 0
        self._time, self._arrival = time, arrival_ns
        self._seen.append((time, arrival_ns))
        return time

    def _first(self, stamp_ns: int, expected: int) -> int:
        self._newest = stamp_ns
        time = stamp_ns + self._offset
        if self._lag is None or abs(time - expected) <= FOREIGN_NS:
            return time
        return self._step(stamp_ns, expected)

    def _back(self, stamp_ns: int, expected: int) -> int:
        """Place a stamp that jumps back: where an earlier step is taken back, or anew."""
        self._newest, self._run = stamp_ns, 0
        anew = stamp_ns + self._home
        if anew >= expected or self._known_offset(stamp_ns, expected) is not None:
            return self._step(stamp_ns, expected)
        self.restarts = self.restarts.with_one(stamp_ns - self._previous, expected + self.fallen_ns)
        self.fallen_ns += expected - anew
        self._offset, self._offsets, self._stepped_ns = self._home, [self._home], anew
        self._seen.clear()
        return anew

    def _advance(self, stamp_ns: int, arrival_ns: int, expected: int) -> int:
        assert self._time is not None
        self._newest, self._run = stamp_ns, 0
        time = stamp_ns + self._offset
        if time < self._time:
            if self._time - time > _STEP_NS:  # the stamps were frozen: go on from here
                self._offset += expected - time
                return expected
            return self._time
        if time > self._latest(arrival_ns):
            return self._step(stamp_ns, expected)
        return time

    def _step(self, stamp_ns: int, expected: int) -> int:
        """Go on where the clock has stepped: by arrival, or as before an earlier step."""
        size = stamp_ns + self._offset - expected
        self.steps = self.steps.with_one(size, expected + self.fallen_ns)
        known = self._known_offset(stamp_ns, expected)
        self._offset = expected - stamp_ns if known is None else known
        self._offsets = [self._home, *self._offsets[1:][-_REMEMBERED:], self._offset]
        self._stepped_ns = expected
        return max(stamp_ns + self._offset, self._time or expected)

    def _known_offset(self, stamp_ns: int, expected: int) -> int | None:
        """Return an offset from before an earlier step that fits a stamp; None without one."""
        others = (offset for offset in self._offsets if offset != self._offset)
        return next((o for o in others if abs(stamp_ns + o - expected) <= _STEP_NS), None)

    def _latest(self, arrival_ns: int) -> float:
        """Return up to when a frame that arrives now can have been taken, by the latest ones."""
        (first, came), (last, went) = self._seen[0], self._seen[-1]
        known = len(self._seen) >= _ENOUGH
        if arrival_ns <= 0 or (known and went <= came):  # that clock is frozen and proves nothing
            return float("inf")
        pace = max((last - first) / (went - came), 1.0) if known else 1.0
        ahead = max(time + pace * (arrival_ns - arrival) for time, arrival in self._seen)
        return ahead + (_STEP_NS if known else FOREIGN_NS)


def _times(steps: ClockSteps) -> str:
    """Return size and number of steps in words."""
    if steps.count == 1:
        return clock_difference(steps.largest_ns)
    return f"up to {clock_difference(steps.largest_ns)} ({steps.count} times)"
