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

"""Comparison with an earlier replay: bootstrap over labelled spans.

Frames of one span are near copies of each other, so whole spans are drawn, not frames (cluster
bootstrap, Efron and Tibshirani 1993, chapter 8). Where both replays scored the same spans, the
same spans are drawn for both, which removes their common variance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_ros.replay import records
from fer_ros.replay.errors import ReplayError
from fer_ros.replay.judge.spans import FEWEST_SPANS, MEASURES, SEED, Spans, draw
from fer_ros.replay.results import SCHEMA, LatencyRecord, Metrics, SpanRow
from fer_ros.replay.verdicts import ComparedRow, Comparison

DRAWS = 2000

LATENCY = "latency_ms_total_mean"

_LOWER_IS_BETTER = ("track_switches_per_min", "label_flicker_per_min", LATENCY)

COMPARED = (*MEASURES, LATENCY)
"""Names of what is compared."""


@dataclass(frozen=True)
class Side:
    """Data of one replay for a comparison."""

    bag: str
    model_id: str
    classes: Sequence[str]
    spans: Sequence[SpanRow]
    block_means_ms: Sequence[float]
    """Mean times of consecutive frames; their spread tells how sure a mean is."""

    @classmethod
    def of(cls, metrics: Metrics, latency: LatencyRecord | None) -> Side:
        """Return a replay's part of a comparison."""
        blocks = latency.block_means_ms if latency else []
        run = metrics.run
        return cls(run.bag, run.model_id, run.classes, metrics.evaluation.spans, blocks)


def load(path: Path) -> Side:
    """Read the ``metrics.json`` of an earlier replay, and the ``latency.json`` beside it.

    Raises:
        ReplayError: It is no such file.
    """
    try:
        metrics = records.read(path, Metrics, SCHEMA)
        beside = path.with_name("latency.json")
        latency = records.read(beside, LatencyRecord) if beside.is_file() else None
    except ReplayError as error:
        raise ReplayError(f"the baseline is no metrics.json of a replay: {error}") from error
    return Side.of(metrics, latency)


def compare(old: Side, new: Side) -> Comparison:
    """Return for each of :data:`COMPARED` both values, their difference and what it means.

    Raises:
        ReplayError: The two replays do not know the same classes.
    """
    if set(old.classes) != set(new.classes):
        raise ReplayError("the baseline's network knows other classes, so it cannot be compared")
    before, after = (Spans.of(side.spans, side.classes, new.classes) for side in (old, new))
    paired = before.keys == after.keys and len(set(before.keys)) == len(before)
    rows = {name: _compare_spans(name, before, after, paired) for name in MEASURES}
    rows[LATENCY] = _compare_latency(old.block_means_ms, new.block_means_ms)
    return Comparison(old.bag, old.model_id, paired, (len(before), len(after)), rows)


def _compare_spans(name: str, before: Spans, after: Spans, paired: bool) -> ComparedRow:
    measure = MEASURES[name]
    old, new = (measure(s, np.ones(len(s), np.int64)) for s in (before, after))
    units = min(len(before), len(after))
    if old is None or new is None or units < FEWEST_SPANS:
        return _row(name, old, new, [], units)
    random = np.random.default_rng(SEED)
    differences = []
    for _ in range(DRAWS):
        first = draw(random, len(before))
        second = first if paired else draw(random, len(after))
        one, other = measure(before, first), measure(after, second)
        if one is not None and other is not None:
            differences.append(other - one)
    return _row(name, old, new, differences, units)


def _compare_latency(old: Sequence[float], new: Sequence[float]) -> ComparedRow:
    blocks = [np.array(side) for side in (old, new)]
    units = min(len(block) for block in blocks)
    before, after = (float(block.mean()) if block.size else None for block in blocks)
    if before is None or after is None or units < FEWEST_SPANS:
        return _row(LATENCY, before, after, [], units)
    random = np.random.default_rng(SEED)
    draws = [random.choice(block, (DRAWS, block.size)).mean(axis=1) for block in blocks]
    return _row(LATENCY, before, after, list(draws[1] - draws[0]), units)


def _row(
    name: str, old: float | None, new: float | None, differences: Sequence[float], units: int
) -> ComparedRow:
    difference = new - old if old is not None and new is not None else None
    if not differences:
        meaning = "not measured in both" if difference is None else "too few labelled spans to tell"
        return ComparedRow(old, new, difference, None, None, units, meaning)
    low, high = (float(v) for v in np.percentile(differences, (2.5, 97.5)))
    if low <= 0 <= high:
        meaning = "no difference shown"
    else:
        meaning = "really better" if (low > 0) != (name in _LOWER_IS_BETTER) else "really worse"
    return ComparedRow(old, new, difference, low, high, units, meaning)
