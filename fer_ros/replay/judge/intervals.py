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

"""Confidence intervals (95 %) of the headline metrics, not too narrow for few spans.

Frames of one span are near copies of each other, so spans are drawn, not frames (cluster
bootstrap, Efron and Tibshirani 1993, chapter 8). Draws from few spans, or from spans that were all
predicted correctly, show hardly any spread: the interval is therefore never narrower than Wilson's
(1927) for as many independent trials as there are spans.
"""

from __future__ import annotations

import math

import numpy as np

from fer_ros.replay.judge.spans import FEWEST_SPANS, MEASURES, SEED, Spans, draw
from fer_ros.replay.results import Interval, Intervals

DRAWS = 1000

_Z = 1.959964
"""Of a 95 % interval."""

_SHARES = ("accuracy", "balanced_accuracy", "macro_f1", "detection_rate")


def wilson(share: float, trials: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share [0..1] of so many trials."""
    middle = share + _Z**2 / (2 * trials)
    half = _Z * math.sqrt(share * (1 - share) / trials + _Z**2 / (4 * trials**2))
    scale = 1 + _Z**2 / trials
    return max((middle - half) / scale, 0.0), min((middle + half) / scale, 1.0)


def intervals(spans: Spans) -> Intervals:
    """Return the intervals; None where there is no measure."""
    everyone = np.ones(len(spans), np.int64)
    values = {name: MEASURES[name](spans, everyone) for name in _SHARES}
    seen = int((spans.detected > 0).sum())
    trials = {name: len(spans) if name == "detection_rate" else seen for name in _SHARES}
    drawn: dict[str, list[float]] = {name: [] for name in _SHARES}
    if len(spans) >= FEWEST_SPANS:
        random = np.random.default_rng(SEED)
        for _ in range(DRAWS):
            weights = draw(random, len(spans))
            for name in _SHARES:
                value = MEASURES[name](spans, weights)
                if value is not None:
                    drawn[name].append(value)
    return Intervals(**{
        name: _interval(values[name], trials[name], drawn[name]) for name in _SHARES
    })  # fmt: skip


def _interval(value: float | None, trials: int, drawn: list[float]) -> Interval:
    if value is None or not trials:
        return Interval(None, None)
    low, high = wilson(value, trials)
    if drawn:
        ends = np.percentile(drawn, (2.5, 97.5))
        low, high = min(low, float(ends[0])), max(high, float(ends[1]))
    return Interval(low, high)
