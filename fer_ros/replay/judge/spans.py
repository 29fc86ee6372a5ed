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

"""The scored spans of a replay as columns, and the measures of spans drawn from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ros.replay.judge import scores
from fer_ros.replay.results import SpanRow

Weights = NDArray[np.int64]
"""How often each span is drawn."""

SEED = 20130707
"""Of all draws, so that an interval can be repeated exactly."""

FEWEST_SPANS = 8
"""With fewer spans an interval of draws would claim more than is known."""


@dataclass(frozen=True)
class Spans:
    """The scored spans of one replay."""

    keys: list[tuple[str, ...]]
    truth: NDArray[np.int64]
    answers: NDArray[np.int64]
    """Shape (spans, classes + 1)."""
    frames: NDArray[np.int64]
    detected: NDArray[np.int64]
    track_switches: NDArray[np.int64]
    label_changes: NDArray[np.int64]
    seconds: NDArray[np.float64]

    @classmethod
    def of(cls, rows: Sequence[SpanRow], own: Sequence[str], classes: Sequence[str]) -> Spans:
        """Return columns of those rows whose label is a class.

        Args:
            rows: The spans.
            own: The classes in the order of the rows' ``answers``.
            classes: The same classes in the order of the columns.
        """
        order = [[*own].index(name) for name in classes] + [len(own)]
        kept = [row for row in rows if row.label in classes]
        answers = np.array([row.answers for row in kept], np.int64)
        return cls(
            keys=[_key(row) for row in kept],
            truth=np.array([[*classes].index(row.label) for row in kept], np.int64),
            answers=answers.reshape(len(kept), len(own) + 1)[:, order],
            frames=np.array([row.frames for row in kept], np.int64),
            detected=np.array([row.detected for row in kept], np.int64),
            track_switches=np.array([row.track_switches for row in kept], np.int64),
            label_changes=np.array([row.label_changes for row in kept], np.int64),
            seconds=np.array([row.seconds for row in kept], np.float64),
        )

    def __len__(self) -> int:
        return len(self.keys)

    def confusion(self, weights: Weights) -> scores.Matrix:
        """Return the confusion matrix of spans drawn so often."""
        matrix = np.zeros((self.answers.shape[1] - 1, self.answers.shape[1]), np.int64)
        np.add.at(matrix, self.truth, self.answers * weights[:, None])
        return matrix


def _key(row: SpanRow) -> tuple[str, ...]:
    box = tuple(map(float, row.box or ()))
    fields = (row.label, row.topic, row.track_id, row.start_ns, row.end_ns, box)
    return tuple(str(value) for value in fields)


def _share(numerator: Any, denominator: Any) -> float | None:
    return float(numerator / denominator) if denominator > 0 else None


Measure = Callable[[Spans, Weights], float | None]

MEASURES: dict[str, Measure] = {
    "accuracy": lambda s, w: scores.accuracy(s.confusion(w)),
    "balanced_accuracy": lambda s, w: scores.balanced_accuracy(s.confusion(w)),
    "macro_f1": lambda s, w: scores.macro_f1(s.confusion(w)),
    "detection_rate": lambda s, w: _share((s.detected * w).sum(), (s.frames * w).sum()),
    "track_switches_per_min": lambda s, w: _share(60 * (s.track_switches * w).sum(), s.seconds @ w),
    "label_flicker_per_min": lambda s, w: _share(60 * (s.label_changes * w).sum(), s.seconds @ w),
}
"""Measures of drawn spans, by their names in metrics.json."""


def draw(random: np.random.Generator, units: int) -> Weights:
    """Return how often each of some units comes up in as many draws with replacement."""
    return np.bincount(random.integers(units, size=units), minlength=units)
