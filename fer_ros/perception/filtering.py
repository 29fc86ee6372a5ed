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

"""The filter of one track: smoothed probabilities, and a label that does not flicker."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.baseline import NO_BASELINE, Baseline, BaselineSettings
from fer_ros.perception.emotions import UNCERTAIN


@dataclass(frozen=True)
class SmoothingSettings:
    """How a track's label follows its probabilities."""

    time_constant: float
    """Of the exponential smoothing [s]; 0 switches it off."""
    hysteresis: float
    """How much more probable than the current label another one must be to replace it."""
    threshold: float
    """Smoothed probability, times the quality, that a class must reach to be named at all."""
    baseline: BaselineSettings = NO_BASELINE
    """What of a person's face is taken out before smoothing."""
    prior_weights: tuple[float, ...] = ()
    """What the probability of each class is multiplied with, which frees it from the training's mix
    of classes, until a baseline does (:meth:`.baseline.Baseline.update`); empty: 1."""


class LabelSmoother:
    """Smooths the class probabilities of one track over time, not over frame counts.

    The label changes only when another class leads by the hysteresis. A named label is kept
    until its probability falls below ``threshold * (1 - hysteresis)``, so that it does not
    flicker between its name and "uncertain" either.
    """

    def __init__(self) -> None:
        self._smoothed: list[float] | None = None
        self._current: int | None = None
        self._quality = 1.0

    def update(
        self,
        probabilities: NDArray[np.float32],
        elapsed: float,
        labels: tuple[str, ...],
        settings: SmoothingSettings,
        quality: float = 1.0,
    ) -> tuple[NDArray[np.float32], str, float]:
        """Take in one observation.

        Args:
            probabilities: Of this frame, shape (labels,), sum 1.
            elapsed: Time since the previous observation [s], at least 0.
            labels: Class names in the order of the probabilities.
            settings: Time constant, hysteresis and threshold, which may change between calls.
            quality: Of this face [0..1]; smoothed as the probabilities are.

        Returns:
            Smoothed probabilities (sum 1), the label, and its smoothed probability (of the best
            class where the label is uncertain).
        """
        # Plain floats: for a handful of classes numpy's overhead would be most of the cost.
        values: list[float] = probabilities.tolist()
        if self._smoothed is not None and settings.time_constant > 0:
            weight = 1.0 - math.exp(-elapsed / settings.time_constant)
            values = [old + weight * (new - old) for old, new in zip(self._smoothed, values)]
            quality = self._quality + weight * (quality - self._quality)
        self._quality = quality
        total = sum(values)
        smoothed = self._smoothed = [value / total for value in values]
        best = smoothed.index(max(smoothed))
        self._current = self._choose(best, smoothed, settings)
        named = best if self._current is None else self._current
        label = UNCERTAIN if self._current is None else labels[self._current]
        return np.array(smoothed, np.float32), label, smoothed[named]

    def _choose(self, best: int, smoothed: list[float], settings: SmoothingSettings) -> int | None:
        current = self._current
        if current is not None:
            supported = smoothed[current] * self._quality >= settings.threshold * (
                1 - settings.hysteresis
            )
            beaten = smoothed[best] >= smoothed[current] + settings.hysteresis
            if supported and (best == current or not beaten):
                return current
        return best if smoothed[best] * self._quality >= settings.threshold else None


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What the networks predict for one face of one frame."""

    probabilities: NDArray[np.float32]
    """Shape (labels,), sum 1."""
    quality: float
    """Of the face [0..1]."""
    time_ns: int
    """When its frame belongs in time."""
    data: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    """Values of further heads, by name."""


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """What a track shows after filtering."""

    smoothed: NDArray[np.float32]
    """Shape (labels,), sum 1."""
    label: str
    confidence: float
    """Smoothed probability of the label, or of the best class when the label is uncertain."""


class ExpressionFilter:
    """The expression of one track over time; a track owns one."""

    def __init__(self) -> None:
        """Start without a prediction."""
        self._smoother = LabelSmoother()
        self.baseline = Baseline()
        """Of the track's person; a caller who knows people across tracks may hand on an earlier
        track's."""
        self.last: Prediction | None = None
        """The newest prediction."""
        self.expression: Expression | None = None
        """What the track shows now; None before the first prediction."""
        self.changing = False
        """Whether the last prediction is for another class than the label."""

    def update(
        self, prediction: Prediction, labels: tuple[str, ...], settings: SmoothingSettings
    ) -> Expression:
        """Take in a prediction.

        Args:
            prediction: Of the track's face; time that runs backwards counts as no time.
            labels: Class names in the order of the probabilities.
            settings: Time constant, hysteresis and threshold, which may change between calls.
        """
        previous_ns = prediction.time_ns if self.last is None else self.last.time_ns
        time_ns = max(prediction.time_ns, previous_ns)
        elapsed, quality = (time_ns - previous_ns) / 1e9, prediction.quality
        relative = self.baseline.update(
            prediction.probabilities,
            elapsed,
            labels,
            settings.baseline,
            quality,
            settings.prior_weights,
        )
        smoothed, label, confidence = self._smoother.update(
            relative, elapsed, labels, settings, quality
        )
        self.last = replace(prediction, time_ns=time_ns)
        self.expression = Expression(smoothed, label, confidence)
        best = int(relative.argmax())
        named = float(relative[best]) * quality >= settings.threshold
        self.changing = label != labels[best] and (named or label != UNCERTAIN)
        return self.expression
