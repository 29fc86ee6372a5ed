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

"""What is sent and what was measured, for the tables of rclpy_cost.py and transport_cost.py."""

from __future__ import annotations

from dataclasses import dataclass, field

from fer_ros.perception.timing import percentiles


@dataclass(frozen=True)
class Scenario:
    """What is sent."""

    width: int
    height: int
    rate: float
    """Images a second, of each camera."""
    cameras: int = 1
    stalled: bool = False
    """Whether a second receiver is stopped all the time."""


@dataclass
class Cost:
    """What was measured of one side, over all rounds."""

    ages: list[float] = field(default_factory=list)
    """Of what arrived [ms]."""
    processor: list[float] = field(default_factory=list)
    """One figure a round [% of a core]."""
    sent: int = 0

    def row(self, scenario: str, side: str, last: object) -> str:
        """Return a line of the table, the last column as given."""
        age = percentiles(self.ages)
        return (
            f"| {scenario} | {side} | {len(self.ages)} of {self.sent} | {age['p50']:.2f} ms "
            f"| {age['p99']:.1f} ms | {sum(self.processor) / len(self.processor):.1f} % | {last} |"
        )
