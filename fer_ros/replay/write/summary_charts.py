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

"""Geometry of the report's charts of summaries: latencies, calibration, accuracy over runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fer_ros.replay.results import CalibrationBin, Distribution
from fer_ros.replay.verdicts import HistoryRow
from fer_ros.replay.write.charts import Tick

PERCENTILES = ("p50", "p95", "p99")


@dataclass(frozen=True)
class Bar:
    """A column of a histogram, in per cent of the chart's width and height."""

    x: float
    width: float
    height: float


@dataclass(frozen=True)
class LatencyChart:
    """Times on a logarithmic axis, with labelled percentiles."""

    bars: list[Bar]
    marks: list[Tick]
    ticks: list[Tick]


@dataclass(frozen=True)
class CalibrationColumn:
    """One bin of the reliability diagram, in per cent."""

    x: float
    width: float
    height: float
    dot: float
    share: float
    words: str


@dataclass(frozen=True)
class HistoryPoint:
    """One run in the chart over runs, in per cent; none where it had no figure."""

    x: float
    y: float
    low: float
    high: float
    words: str
    same_labels: bool


def latency_chart(bars: Sequence[tuple[float, int]], summary: Distribution) -> LatencyChart | None:
    """Lay out a histogram over the logarithm of the time; None without times.

    Args:
        bars: (mean value [ms], count) of narrow bins, rising.
        summary: Percentiles to mark.
    """
    columns = 60
    positive = [(value, count) for value, count in bars if value > 0]
    if not positive:
        return None
    low = math.log10(positive[0][0]) - 0.03
    high = max(math.log10(positive[-1][0]), low + 0.06) + 0.03

    def place(value: float) -> float:
        return 100 * (math.log10(value) - low) / (high - low)

    heights = [0] * columns
    for value, count in positive:
        heights[min(int(place(value) / 100 * columns), columns - 1)] += count
    step = 100 / columns
    tallest = max(heights)
    shapes = [Bar(i * step, step, 100 * h / tallest) for i, h in enumerate(heights) if h]
    marks = [
        Tick(round(place(value), 2), f"{name} {value:.2f} ms")
        for name in PERCENTILES
        if (value := getattr(summary, name)) is not None and value > 0
    ]
    ends = [Tick(0, f"{10**low:.3g} ms"), Tick(100, f"{10**high:.3g} ms")]
    return LatencyChart(shapes, marks, ends)


def calibration_chart(bins: Sequence[CalibrationBin]) -> list[CalibrationColumn]:
    """Lay out accuracy over confidence, with the number of predictions in each bin."""
    width = 100 / len(bins)
    most = max(entry.count for entry in bins) or 1
    return [
        CalibrationColumn(
            x=index * width,
            width=width,
            height=100 * entry.accuracy,
            dot=100 * entry.confidence,
            share=100 * entry.count / most,
            words=f"confidence {entry.confidence:.3f}, accuracy {entry.accuracy:.3f}, "
            f"{entry.count} predictions",
        )
        for index, entry in enumerate(bins)
        if entry.accuracy is not None and entry.confidence is not None
    ]


def history_chart(rows: Sequence[HistoryRow]) -> list[HistoryPoint]:
    """Lay out balanced accuracy over runs, the oldest first."""
    points = []
    for index, row in enumerate(rows):
        value, interval = row.balanced_accuracy, row.balanced_interval
        if value is None:
            continue
        low = value if interval.low is None else interval.low
        high = value if interval.high is None else interval.high
        words = f"{row.finished}, {row.model_id}: {100 * value:.1f} %"
        same = row.labels_sha256 == rows[-1].labels_sha256
        x = 7 + 90 * index / max(len(rows) - 1, 1)
        points.append(
            HistoryPoint(x, 100 - 100 * value, 100 - 100 * low, 100 - 100 * high, words, same)
        )
    return points
