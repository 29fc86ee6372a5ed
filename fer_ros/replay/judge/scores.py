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

"""Classification metrics from a confusion matrix, in plain numpy.

A confusion matrix here has one row per true class and one column per predicted class, and after
those a column for "uncertain": a prediction that names no class is never correct.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ros.replay.results import CalibrationBin, CalibrationRecord, ClassScores, Scores

CALIBRATION_BINS = 15
"""As in Guo et al. 2017, section 2."""

Matrix = NDArray[np.int64]


def accuracy(matrix: Matrix) -> float | None:
    """Return the share of correct predictions [0..1]; None without any."""
    total = matrix.sum()
    return float(np.trace(matrix) / total) if total else None


def recalls(matrix: Matrix) -> NDArray[np.float64]:
    """Return the recall of each class, NaN where a class never occurred."""
    return _divide(np.diagonal(matrix), matrix.sum(axis=1))


def precisions(matrix: Matrix) -> NDArray[np.float64]:
    """Return the precision of each class, NaN where it was never named."""
    named = matrix[:, : len(matrix)].sum(axis=0)
    return _divide(np.diagonal(matrix), named)


def f1_scores(matrix: Matrix) -> NDArray[np.float64]:
    """Return the F1 score of each class, NaN where a class never occurred."""
    hits = np.diagonal(matrix)
    occurred, named = matrix.sum(axis=1), matrix[:, : len(matrix)].sum(axis=0)
    return np.where(occurred > 0, _divide(2 * hits, occurred + named), np.nan)


def balanced_accuracy(matrix: Matrix) -> float | None:
    """Return the mean recall over the classes that occurred [0..1]; None without any."""
    return _mean(recalls(matrix))


def macro_f1(matrix: Matrix) -> float | None:
    """Return the mean F1 score over the classes that occurred [0..1]; None without any."""
    return _mean(f1_scores(matrix))


def coverage(matrix: Matrix) -> float | None:
    """Return the share of predictions that named a class [0..1]; None without any."""
    total = matrix.sum()
    return float(1 - matrix[:, -1].sum() / total) if total else None


def summary(matrix: Matrix, labels: tuple[str, ...]) -> Scores:
    """Return all measures of a confusion matrix.

    Args:
        matrix: Shape (labels, labels + 1), see above.
        labels: Names of the classes.
    """
    per_class = {
        label: ClassScores(
            support=int(matrix[index].sum()),
            recall=_number(recalls(matrix)[index]),
            precision=_number(precisions(matrix)[index]),
            f1=_number(f1_scores(matrix)[index]),
        )
        for index, label in enumerate(labels)
    }
    named = np.hstack([matrix[:, :-1], np.zeros((len(labels), 1), np.int64)])
    return Scores(
        count=int(matrix.sum()),
        accuracy=accuracy(matrix),
        balanced_accuracy=balanced_accuracy(matrix),
        macro_f1=macro_f1(matrix),
        coverage=coverage(matrix),
        accuracy_where_named=accuracy(named),
        per_class=per_class,
        confusion=matrix.tolist(),
    )


class Calibration:
    """Reliability of stated probabilities: bins of confidence against accuracy.

    Source: expected calibration error of Guo et al. 2017, "On Calibration of Modern Neural
    Networks", section 2, with equal-width bins over (0, 1].
    """

    def __init__(self) -> None:
        self._count = np.zeros(CALIBRATION_BINS, np.int64)
        self._confidence = np.zeros(CALIBRATION_BINS)
        self._right = np.zeros(CALIBRATION_BINS, np.int64)

    def add(self, confidence: float, right: bool) -> None:
        """Add one prediction with its confidence [0..1]."""
        bin_index = int(np.ceil(confidence * CALIBRATION_BINS)) - 1
        index = min(max(bin_index, 0), CALIBRATION_BINS - 1)
        self._count[index] += 1
        self._confidence[index] += confidence
        self._right[index] += right

    def error(self) -> float | None:
        """Return the expected calibration error [0..1]; None without predictions."""
        total = self._count.sum()
        if not total:
            return None
        return float(np.abs(self._right - self._confidence).sum() / total)

    def record(self) -> CalibrationRecord:
        """Return the error, and count, mean confidence and accuracy of each bin."""
        bins = [
            CalibrationBin(
                count=int(count),
                confidence=float(confidence / count) if count else None,
                accuracy=float(right / count) if count else None,
            )
            for count, confidence, right in zip(self._count, self._confidence, self._right)
        ]
        return CalibrationRecord(self.error(), bins)


def _divide(numerator: NDArray[Any], denominator: NDArray[Any]) -> NDArray[np.float64]:
    result = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=result, where=denominator > 0)
    return result


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else None


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
