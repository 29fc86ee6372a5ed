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

"""Every figure that is reported, from class probabilities and true classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sk

from fer_training.records.figures import ClassFigures, CoveragePoint, Figures, ReliabilityBin

BINS = 15
"""Bins of equal width for the expected calibration error (Guo et al. 2017)."""


def summarize(
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    names: Sequence[str],
    resamples: int = 1000,
) -> Figures:
    """Return all figures of one set of predictions.

    Args:
        labels: True classes, shape (N,).
        probabilities: Shape (N, classes), rows sum to 1.
        names: Names of the classes, in order.
        resamples: Bootstrap resamples for the 95 % interval of the accuracy.
    """
    classes = np.arange(len(names))
    predicted = probabilities.argmax(1)
    of_truth = probabilities[np.arange(len(labels)), labels]
    present = np.unique(labels)
    precision, recall, f1, support = sk.precision_recall_fscore_support(
        labels, predicted, labels=classes, zero_division=0
    )
    return Figures(
        rows=len(labels),
        accuracy=float(sk.accuracy_score(labels, predicted)),
        accuracy_95=accuracy_interval(labels, predicted, resamples),
        balanced_accuracy=float(recall[present].mean()),
        macro_f1=float(f1[present].mean()),
        top2=float(top_k(labels, probabilities, 2)),
        ece=expected_calibration_error(labels, probabilities),
        nll=float(-np.log(np.maximum(of_truth, 1e-12)).mean()),
        per_class={
            name: ClassFigures(
                precision=float(precision[i]),
                recall=float(recall[i]),
                f1=float(f1[i]),
                support=int(support[i]),
            )
            for i, name in enumerate(names)
        },
        confusion=sk.confusion_matrix(labels, predicted, labels=classes).tolist(),
    )


def add_without(
    figures: Figures,
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    names: Sequence[str],
    duplicates: NDArray[np.int64],
) -> None:
    """Add the figures without some rows to those of all, unless no row would remain.

    Args:
        figures: Of all rows; gets ``without_duplicates``.
        labels: As for :func:`summarize`.
        probabilities: As for :func:`summarize`.
        names: As for :func:`summarize`.
        duplicates: Indices of the rows that are left out.
    """
    if len(duplicates) < len(labels):
        unique = np.setdiff1d(np.arange(len(labels)), duplicates)
        figures.without_duplicates = summarize(labels[unique], probabilities[unique], names)


def top_k(labels: NDArray[np.int64], probabilities: NDArray[np.float32], k: int) -> float:
    """Return the share of rows whose true class is among the k most probable."""
    classes = np.arange(probabilities.shape[1])
    if k >= len(classes):
        return 1.0
    if len(classes) == 2:  # scikit-learn wants a single column of scores there
        return float(sk.accuracy_score(labels, probabilities.argmax(1)))
    return float(sk.top_k_accuracy_score(labels, probabilities, k=k, labels=classes))


def accuracy_interval(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], resamples: int, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the accuracy (percentile method over rows)."""
    hits = int((labels == predicted).sum())
    # Resampling rows of 0 and 1 with replacement is drawing from a binomial.
    drawn = np.random.default_rng(seed).binomial(len(labels), hits / len(labels), resamples)
    low, high = np.percentile(drawn / len(labels), [2.5, 97.5])
    return float(low), float(high)


def reliability(
    labels: NDArray[np.int64], probabilities: NDArray[np.float32], bins: int = BINS
) -> list[ReliabilityBin]:
    """Return confidence, accuracy and share of rows of each non-empty confidence bin."""
    confidence = probabilities.max(1)
    hit = probabilities.argmax(1) == labels
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        ReliabilityBin(
            confidence=float(confidence[bin_of == b].mean()),
            accuracy=float(hit[bin_of == b].mean()),
            share=float((bin_of == b).mean()),
        )
        for b in range(bins)
        if (bin_of == b).any()
    ]


def expected_calibration_error(
    labels: NDArray[np.int64], probabilities: NDArray[np.float32], bins: int = BINS
) -> float:
    """Return the mean gap between confidence and accuracy, weighted by the bins' rows."""
    return sum(
        entry.share * abs(entry.confidence - entry.accuracy)
        for entry in reliability(labels, probabilities, bins)
    )


def coverage_curve(
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    thresholds: Sequence[float] = tuple(np.arange(0.2, 0.95, 0.05).round(2).tolist()),
) -> list[CoveragePoint]:
    """Return, per threshold, the share of rows named at all and the accuracy among those.

    The curve ends where no row is named any more.
    """
    confidence = probabilities.max(1)
    hit = probabilities.argmax(1) == labels
    curve = []
    for threshold in thresholds:
        named = confidence >= threshold
        if named.any():
            coverage, accuracy = float(named.mean()), float(hit[named].mean())
            curve.append(CoveragePoint(threshold, coverage, accuracy))
    return curve


def align_columns(
    probabilities: NDArray[np.float32],
    source: Sequence[str],
    target: Sequence[str],
    unnamed: Sequence[str] = (),
) -> NDArray[np.float32]:
    """Reorder columns from one label set to another; columns without a counterpart are dropped.

    Rows are normalised again.

    Args:
        probabilities: Shape (N, source labels).
        source: Labels of the columns.
        target: Labels wanted.
        unnamed: Target labels that the source may lack; their probability is 0.

    Raises:
        ValueError: Another target label is not among the source's.
    """
    added = [name for name in unnamed if name in target and name not in source]
    source = [*source, *added]
    probabilities = np.pad(probabilities, ((0, 0), (0, len(added))))
    missing = [name for name in target if name not in source]
    if missing:
        raise ValueError(f"the network does not know the classes {', '.join(missing)}")
    chosen = probabilities[:, [source.index(name) for name in target]]
    return np.asarray(chosen / np.maximum(chosen.sum(1, keepdims=True), 1e-12), np.float32)
