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

"""Cost of a replay's stages: the one result that differs from run to run."""

from __future__ import annotations

import math
import os
import platform

from fer_ros.perception.inference import runtime_version
from fer_ros.perception.types import STAGES, StageTimes
from fer_ros.replay.judge.histogram import Histogram
from fer_ros.replay.results import LatencyRecord, Machine

TIMED = (*STAGES, "total")
"""What is timed."""

_MOST_BLOCKS = 512


class Latency:
    """Distribution of the cost of every stage."""

    def __init__(self) -> None:
        self._stages = {name: Histogram() for name in TIMED}
        self._blocks: list[float] = []
        self._block_size = 16
        self._sum, self._in_block = 0.0, 0

    def add(self, times: StageTimes) -> None:
        """Add one processed frame; costs that nobody measured are NaN and left out."""
        if not all(math.isfinite(getattr(times, name)) for name in STAGES):
            return
        total = 0.0
        for name in STAGES:
            cost = getattr(times, name)
            self._stages[name].add(cost)
            total += cost
        self._stages["total"].add(total)
        self._add_to_block(total)

    def record(self, wall_s: float, recorded_s: float) -> LatencyRecord:
        """Return everything measured.

        Args:
            wall_s: How long the replay took [s].
            recorded_s: How long the recording is [s].
        """
        return LatencyRecord(
            latency_ms={name: histogram.summary() for name, histogram in self._stages.items()},
            histogram_ms={name: histogram.bars() for name, histogram in self._stages.items()},
            block_means_ms=self._blocks,
            frames_per_block=self._block_size,
            wall_s=wall_s,
            times_real_time=recorded_s / wall_s if wall_s > 0 else None,
            machine=Machine(
                cores=os.cpu_count(),
                processor=platform.machine(),
                system=platform.system(),
                python=platform.python_version(),
                onnxruntime=runtime_version(),
            ),
        )

    def _add_to_block(self, total: float) -> None:
        """Keep means of consecutive frames; their spread tells how sure a mean is."""
        self._sum += total
        self._in_block += 1
        if self._in_block < self._block_size:
            return
        self._blocks.append(self._sum / self._in_block)
        self._sum, self._in_block = 0.0, 0
        if len(self._blocks) == _MOST_BLOCKS:
            pairs = zip(self._blocks[::2], self._blocks[1::2])
            self._blocks = [(one + other) / 2 for one, other in pairs]
            self._block_size *= 2
