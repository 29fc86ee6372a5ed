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

"""Hold time, release, cool-down: the state of every rule for every face, as one matrix.

Libraries of state machines keep an object a machine and call it at every step; 1,000 rules and 50
faces at 30 Hz are 1.5 million steps a second, which only arrays can take.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEVER = np.iinfo(np.int64).max

_IDLE, _PENDING, _RUNNING = 0, 1, 2


@dataclass(frozen=True)
class Times:
    """What each row waits for [ns], shape (rows, 1)."""

    hold: NDArray[np.int64]
    """How long a condition holds before it counts."""
    release: NDArray[np.int64]
    """How long it must not hold before that counts."""
    ongoing: NDArray[np.int64]
    """Between two reports of a running event; :data:`NEVER` for none."""
    cooldown: NDArray[np.int64]
    """From a start or an end until the next start; :data:`NEVER` for ever."""
    together: NDArray[np.bool_]
    """Whether the cool-down is common to all columns of the row."""


@dataclass(frozen=True)
class Changes:
    """Cells of one step, as (row, column) pairs in order, shape (n, 2)."""

    ended: NDArray[np.intp]
    started: NDArray[np.intp]
    ongoing: NDArray[np.intp]


class States:
    """A state machine for every row (rule) and column (face).

    A cell waits while its condition holds, for as long as the row's hold time; then it runs, until
    the condition has not held for the release time; after that it cools down.
    """

    def __init__(self, times: Times) -> None:
        """Start without columns."""
        self._times = times
        rows = len(times.hold)
        self._phase = np.zeros((rows, 0), np.uint8)
        self.onset = np.zeros((rows, 0), np.int64)
        """Stamp from which on the condition held [ns]."""
        self.held = np.zeros((rows, 0), np.int64)
        """Stamp at which it held last [ns]."""
        self._report = np.zeros((rows, 0), np.int64)
        self._cool = np.zeros((rows, 0), np.int64)
        self._row_cool = np.zeros((rows, 1), np.int64)

    @property
    def running(self) -> NDArray[np.bool_]:
        """Which cells run, shape (rows, columns)."""
        running: NDArray[np.bool_] = self._phase == _RUNNING
        return running

    def busy(self, stamp_ns: int) -> NDArray[np.bool_]:
        """Which columns have a cell that does not simply wait for its condition."""
        busy: NDArray[np.bool_] = (self._phase != _IDLE) | (self._cool > stamp_ns)
        return np.asarray(busy.any(axis=0))

    def grow(self, columns: int) -> None:
        """Add idle columns until there are so many."""
        missing = columns - self._phase.shape[1]
        for name in ("_phase", "onset", "held", "_report", "_cool"):
            old = getattr(self, name)
            setattr(self, name, np.pad(old, ((0, 0), (0, missing))))

    def keep(self, columns: NDArray[np.bool_]) -> None:
        """Forget all columns but these; none of the others may run."""
        for name in ("_phase", "onset", "held", "_report", "_cool"):
            setattr(self, name, getattr(self, name)[:, columns])

    def step(self, stamp_ns: int, strict: NDArray[np.bool_], relaxed: NDArray[np.bool_]) -> Changes:
        """Go on to the next image.

        Args:
            stamp_ns: Its stamp, later than those before.
            strict: Where the condition to begin holds, shape (rows, columns).
            relaxed: Where the condition to go on holds.
        """
        times, phase = self._times, self._phase
        running = phase == _RUNNING
        going = running & relaxed
        self.held[going] = stamp_ns
        over = running & ~relaxed & (stamp_ns - self.held >= times.release)
        ready = strict & ~running & (np.maximum(self._cool, self._row_cool) <= stamp_ns)
        self.onset[ready & (phase == _IDLE)] = stamp_ns
        begins = ready & (stamp_ns - self.onset >= times.hold)
        begins &= ~times.together | (np.cumsum(begins, axis=1) == 1)
        phase[~running] = _IDLE
        phase[ready] = _PENDING
        phase[over] = _IDLE
        phase[begins] = _RUNNING
        self.held[begins] = stamp_ns
        due = going & (self._report <= stamp_ns)
        self._cool_down(stamp_ns, over | begins)
        self._next_report(stamp_ns, due | begins)
        return Changes(np.argwhere(over), np.argwhere(begins), np.argwhere(due))

    def stop(self, stamp_ns: int) -> NDArray[np.intp]:
        """End all cells; return those that ran as (row, column) pairs, shape (n, 2)."""
        running = self.running
        self._cool_down(stamp_ns, running)
        self._phase[:] = _IDLE
        return np.argwhere(running)

    def forgive(self) -> None:
        """Let cool-downs go: the stamps have jumped."""
        self._cool[self._cool != NEVER] = 0
        self._row_cool[self._row_cool != NEVER] = 0

    def _cool_down(self, stamp_ns: int, cells: NDArray[np.bool_]) -> None:
        rows, columns = np.nonzero(cells)
        if not len(rows):
            return
        pause = self._times.cooldown[rows, 0]
        until = np.where(pause == NEVER, NEVER, stamp_ns + np.minimum(pause, NEVER - stamp_ns))
        together = self._times.together[rows, 0]
        self._row_cool[rows[together], 0] = until[together]
        self._cool[rows[~together], columns[~together]] = until[~together]

    def _next_report(self, stamp_ns: int, cells: NDArray[np.bool_]) -> None:
        rows, columns = np.nonzero(cells)
        pause = self._times.ongoing[rows, 0]
        self._report[rows, columns] = np.where(
            pause == NEVER, NEVER, stamp_ns + np.minimum(pause, NEVER - stamp_ns)
        )
