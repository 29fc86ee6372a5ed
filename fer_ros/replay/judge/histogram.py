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

"""Percentiles of any number of values in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Iterator

from fer_ros.replay.results import Distribution

_PER_OCTAVE = 64
"""Bins of a doubling; a bin is 1.1 % wide."""


class Histogram:
    """Counts positive values in bins of equal ratio, with the sum of each bin.

    A quantile is the mean of the values of the bin it falls into, so it is off by less than
    1.1 % of itself. Values of zero and below share one bin.
    """

    def __init__(self) -> None:
        self._bins: dict[int | None, list[float]] = {}
        self.count = 0
        self.total = 0.0
        self.maximum = -math.inf

    def add(self, value: float) -> None:
        """Take in a finite value."""
        key = math.floor(math.log2(value) * _PER_OCTAVE) if value > 0 else None
        entry = self._bins.setdefault(key, [0, 0.0])
        entry[0] += 1
        entry[1] += value
        self.count += 1
        self.total += value
        self.maximum = max(self.maximum, value)

    def quantile(self, share: float) -> float | None:
        """Return the value below which a share [0..1] of the values lies; None without values."""
        rank, below = max(math.ceil(share * self.count), 1), 0.0
        for number, total in self._sorted():
            below += number
            if below >= rank:
                return total / number
        return None

    def mean_near(self, center: float, ratio: float) -> float | None:
        """Return the mean of the values within ``center / ratio`` to ``center * ratio``."""
        near = [
            (number, total)
            for number, total in self._sorted()
            if center / ratio <= total / number <= center * ratio
        ]
        count = sum(number for number, _ in near)
        return sum(total for _, total in near) / count if count else None

    def summary(self) -> Distribution:
        """Return mean, quantiles and maximum; None where there are no values."""
        known = self.count > 0
        return Distribution(
            mean=self.total / self.count if known else None,
            p50=self.quantile(0.50),
            p90=self.quantile(0.90),
            p95=self.quantile(0.95),
            p99=self.quantile(0.99),
            max=self.maximum if known else None,
        )

    def bars(self) -> list[tuple[float, int]]:
        """Return (mean value, count) of every bin in use, in rising order."""
        return [(total / number, int(number)) for number, total in self._sorted()]

    def _sorted(self) -> Iterator[list[float]]:
        keys = sorted(self._bins, key=lambda key: -math.inf if key is None else key)
        return (self._bins[key] for key in keys)
