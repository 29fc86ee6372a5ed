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

"""The clock of one camera, as its stamps show it, beside the clock of this node.

Rules measure time by the stamps of one camera, so they need no common clock. Only the age of a
result does: where a camera's clock is an hour off, or counts since boot, the age is measured from
the least delay between stamp and arrival instead of from zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fer_ros.perception.timing import CLOCK_REMEDY, FOREIGN_NS, clock_difference

STEADY_NS = 500_000_000
"""How long the offset of another clock must be steady before it is used [ns]."""

_HOP_NS = 1_000_000_000
"""A stamp that falls by less is late, no new beginning: clocks of cameras hop to and fro [ns]."""

_DRIFT = 1e-3
"""Part of the elapsed time by which the offset of another clock may grow."""

Reason = Literal["", "unstamped", "stale", "future", "late"]
"""Why a result is not to be used; empty: it is."""


@dataclass(frozen=True)
class Reading:
    """What a stamp means."""

    reason: Reason
    jumped_back: bool = False
    """Whether the camera's time begins anew with this result."""
    note: str = ""
    """What is to be logged about the clock; empty unless it is found to differ, or steps."""


@dataclass
class _Candidate:
    """Offset that a clock may have."""

    offset_ns: int
    since_ns: int


class CameraClock:
    """Places the results of one camera in time; detects steps of its clock and foreign clocks."""

    def __init__(self, max_age_ns: int, live: bool = True) -> None:
        """Start without knowing the clock.

        Args:
            max_age_ns: Age on arrival from which a result is stale [ns].
            live: Whether results too old or from the future are refused; in a recording none is.
        """
        self._max_age_ns = max_age_ns
        self._live = live
        self._offset_ns = 0
        """Clock of this node minus the camera's, least delay included; 0: the same clock."""
        self._candidate: _Candidate | None = None
        self._arrival_ns: int | None = None
        self.newest_ns: int | None = None
        """The newest stamp that was used."""
        self.steps = 0
        """How often the clock has stepped."""

    @property
    def remark(self) -> str:
        """Return what is wrong with the clock now and the remedy; empty where nothing is."""
        if not self._offset_ns:
            return ""
        return (
            f"its clock is {_size(self._offset_ns)} this node's, so the age of its results is "
            f"measured by their arrival; {CLOCK_REMEDY}"
        )

    def common_ns(self, stamp_ns: int) -> int:
        """Return a stamp on the clock of this node, or of the recording [ns]."""
        return stamp_ns + self._offset_ns

    def silent_for(self, now_ns: int, newest_ns: int) -> int:
        """Return how long nothing has come that was used [ns].

        Args:
            now_ns: The clock of the arrivals in a live graph; else see :meth:`common_ns`.
            newest_ns: Stamp of the newest result that was used [ns].
        """
        if self._arrival_ns is None or not self._live:
            return now_ns - self.common_ns(newest_ns)
        self._arrival_ns = min(self._arrival_ns, now_ns)  # a simulator may have been reset
        return now_ns - self._arrival_ns

    def read(self, stamp_ns: int, arrival_ns: int | None) -> Reading:
        """Take in the stamp of a result.

        Args:
            stamp_ns: Stamp of the image; 0 where it has none [ns].
            arrival_ns: The receiver's clock when the result came; None where there is none [ns].
        """
        if stamp_ns <= 0:
            return Reading("unstamped")
        note = ""
        if arrival_ns is not None:
            before = self._offset_ns
            reason = self._check_age(arrival_ns - stamp_ns, arrival_ns)
            if reason:
                return Reading(reason)
            note = self._note(before)
        newest = self.newest_ns
        if newest is not None and newest - _HOP_NS <= stamp_ns <= newest:
            return Reading("late", note=note)
        jumped_back = newest is not None and stamp_ns < newest
        if jumped_back and not note:
            assert newest is not None
            self.steps += 1
            note = f"its stamps jumped back by {(newest - stamp_ns) / 1e9:.1f} s"
        self.newest_ns, self._arrival_ns = stamp_ns, arrival_ns
        return Reading("", jumped_back, note)

    def _check_age(self, offset_ns: int, arrival_ns: int) -> Reason:
        """Return why a result of such an offset is not used, or accept the offset."""
        if abs(offset_ns) <= self._max_age_ns:  # the clock is, or has become, this node's
            self._offset_ns, self._candidate = 0, None
            return ""
        age = offset_ns - self._offset_ns
        if self._offset_ns and abs(age) <= self._max_age_ns:
            elapsed = arrival_ns - (arrival_ns if self._arrival_ns is None else self._arrival_ns)
            self._offset_ns += min(age, max(round(elapsed * _DRIFT), 0))
            self._candidate = None
            return ""
        if not self._live:
            self._offset_ns = offset_ns
            return ""
        if 0 < age <= FOREIGN_NS:
            return "stale"
        if not self._is_steady(offset_ns, arrival_ns):
            return "stale" if age > 0 else "future"
        self._offset_ns, self._candidate = offset_ns, None
        return ""

    def _is_steady(self, offset_ns: int, arrival_ns: int) -> bool:
        candidate = self._candidate
        if candidate is None or abs(offset_ns - candidate.offset_ns) > STEADY_NS:
            self._candidate = _Candidate(offset_ns, arrival_ns)
            return False
        candidate.offset_ns = min(candidate.offset_ns, offset_ns)
        return arrival_ns - candidate.since_ns >= STEADY_NS

    def _note(self, before_ns: int) -> str:
        """Return what is to be logged where the offset has changed by a step."""
        step = abs(self._offset_ns - before_ns)
        if step <= self._max_age_ns:
            return ""
        if not self._live:
            if self.newest_ns is None or step <= FOREIGN_NS:
                return ""
            self.steps += 1
            return f"its stamps step by {step / 1e9:.1f} s against the clock of the recording"
        self.steps += 1
        return self.remark or f"its clock, {_size(before_ns)} this node's before, is this node's"


def _size(offset_ns: int) -> str:
    return f"{clock_difference(offset_ns)} {'behind' if offset_ns > 0 else 'ahead of'}"
