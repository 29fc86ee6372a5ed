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

"""Times: rolling statistics over recent time, rates, and what counts as a jump of a clock."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence

import numpy as np

CLOCK_JUMP_NS = 500_000_000
"""A stamp older than the newest by less than this is a late image, by more a clock that jumped back
(a bag that loops, a simulator that restarts) [ns]."""

FOREIGN_NS = 10_000_000_000
"""Clocks that differ by more are different clocks, not one that is read late [ns]."""

CLOCK_REMEDY = "synchronise the clocks (NTP, chrony), or have the driver stamp with the system time"
"""What helps where a camera's clock steps or differs."""

PERCENTILES = (50, 95, 99)
"""The percentiles that diagnostics and benchmarks state."""


def clock_difference(size_ns: int) -> str:
    """Return a difference of clocks in words, without its sign [ns]."""
    seconds = abs(size_ns) / 1e9
    return f"{seconds:.1f} s" if seconds < 1e5 else f"{seconds / 86400:.0f} days"


def milliseconds_since(start: float) -> float:
    """Return the time since a reading of ``time.perf_counter`` [ms]."""
    return (time.perf_counter() - start) * 1e3


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Return p50, p95 and p99 of finite values; empty where there are none."""
    array = np.asarray(values, np.float64)
    finite = array[np.isfinite(array)]
    if finite.size == 0:
        return {}
    results = np.percentile(finite, PERCENTILES)
    return {f"p{p}": float(result) for p, result in zip(PERCENTILES, results, strict=True)}


class RollingWindow:
    """Values of the recent past; safe between threads.

    Args:
        seconds: How long a value counts.
        capacity: At most this many are kept; 120 images a second for half a minute.
    """

    def __init__(self, seconds: float = 30.0, capacity: int = 3600) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._entries: deque[tuple[float, float]] = deque(maxlen=capacity)

    def add(self, value: float, now: float) -> None:
        """Take in a value at a time of the steady clock [s]."""
        with self._lock:
            self._entries.append((now, value))

    def percentiles(self, now: float) -> dict[str, float]:
        """Return p50, p95 and p99 of the recent values; empty where there are none."""
        with self._lock:
            self._forget(now)
            values = [value for _, value in self._entries]
        return percentiles(values)

    def mean(self, now: float) -> float:
        """Return the mean of the recent values; 0 where there are none."""
        with self._lock:
            self._forget(now)
            return sum(value for _, value in self._entries) / max(len(self._entries), 1)

    def total(self, now: float) -> float:
        """Return the sum of the recent values."""
        with self._lock:
            self._forget(now)
            return sum(value for _, value in self._entries)

    def count(self, now: float) -> int:
        """Return how many recent values there are."""
        with self._lock:
            self._forget(now)
            return len(self._entries)

    def rate(self, now: float) -> float:
        """Return how many values came per second [Hz]."""
        with self._lock:
            self._forget(now)
            if len(self._entries) < 2:
                return 0.0
            span = now - self._entries[0][0]
            return (len(self._entries) - 1) / span if span > 0 else 0.0

    def _forget(self, now: float) -> None:
        while self._entries and now - self._entries[0][0] > self._seconds:
            self._entries.popleft()
