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

"""Fits after training: offsets per class, temperatures, the threshold of UNCERTAIN.

Offsets undo what training did to single classes: soft targets from FER+ votes, for one, make fear
rarer than the labels have it. They come from the training rows, so that rows that select have no
part in the network's predictions. Temperatures and threshold come from rows that may select.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from fer_ros.perception.calibration import calibrated
from fer_ros.perception.model_metadata import ModelMetadata
from fer_training.measure import metrics
from fer_training.records.checkpoint import Fitted
from fer_training.records.figures import Calibration

KINDS = ("temperature", "classes")

COVERAGE = 0.9
"""Share of single faces that keep a name at the chosen threshold."""


def fit_temperatures(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> tuple[float, float]:
    """Return the temperatures of sure and of undecided faces, in 0.1..10 and up to 5 times that.

    They have the least Brier score, the mean squared distance of the probabilities from 0 and 1.
    The cross-entropy (Guo et al. 2017) is ruled by the few faces whose class was hardly expected,
    and leaves the others with a larger calibration error.
    """
    truths = np.eye(logits.shape[1], dtype=np.float32)[labels]

    def loss(logarithms: NDArray[np.float64]) -> float:
        sure, times = np.exp(logarithms)
        return float(np.square(calibrated(logits, sure, sure * times) - truths).sum(1).mean())

    # Less than once would make the faces that the network doubts the surest of all.
    bounds = [(np.log(0.1), np.log(10.0)), (0.0, np.log(5.0))]
    start = {"initial_simplex": [[0.0, 0.1], [0.3, 0.1], [0.0, 0.4]]}
    found = minimize(loss, np.zeros(2), bounds=bounds, method="Nelder-Mead", options=start).x
    sure, times = np.exp(found)
    return float(sure), float(sure * times)


def class_offsets(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what to add to the logits so that the mean prediction has the labels' shares.

    That is where the cross-entropy is least (Menon et al. 2021 adjust logits by known shares).

    Args:
        logits: Shape (N, classes).
        labels: True classes, shape (N,).

    Returns:
        Shape (classes,), sum 0.
    """
    classes = logits.shape[1]
    hits = np.bincount(labels, minlength=classes)

    def loss(offset: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = log_softmax(logits + offset, axis=1)
        missing = np.exp(scores).sum(0) - hits
        return -float(scores[np.arange(len(labels)), labels].mean()), missing / len(labels)

    offset = minimize(loss, np.zeros(classes), jac=True, method="L-BFGS-B").x
    return np.asarray(offset - offset.mean(), np.float64)


def cross_fitted(
    logits: NDArray[np.float32], labels: NDArray[np.int64], seed: int = 0
) -> NDArray[np.float32]:
    """Return probabilities where each half of the rows has the temperatures that fit the other."""
    order = np.random.default_rng(seed).permutation(len(labels))
    halves = np.array_split(order, 2)
    out = np.empty_like(logits)
    for own, other in (halves, halves[::-1]):
        out[own] = calibrated(logits[own], *fit_temperatures(logits[other], labels[other]))
    return out


HALVINGS = 10
"""Random halvings over which the cross-fitted error is averaged; one moves by 0.3 points."""


def calibrate(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> Calibration:
    """Fit temperatures and threshold and evaluate them.

    Args:
        logits: Shape (N, classes), or log probabilities.
        labels: True classes, shape (N,).

    Returns:
        Temperatures, threshold, the curves of the first halving, and the errors over
        :data:`HALVINGS` halvings.
    """
    sure, undecided = (round(found, 4) for found in fit_temperatures(logits, labels))
    probabilities = calibrated(logits, sure, undecided)
    halvings = [cross_fitted(logits, labels, seed) for seed in range(HALVINGS)]
    errors = [metrics.expected_calibration_error(labels, each) for each in halvings]
    return Calibration(
        temperature=sure,
        undecided_temperature=undecided,
        uncertain_threshold=round(float(np.quantile(probabilities.max(1), 1 - COVERAGE)), 2),
        ece_uncalibrated=metrics.expected_calibration_error(labels, softmax(logits, axis=1)),
        ece_cross_fitted=float(np.mean(errors)),
        reliability=metrics.reliability(labels, halvings[0]),
        coverage_curve=metrics.coverage_curve(labels, halvings[0]),
        ece_cross_fitted_range=(min(errors), max(errors)),
    )


def kept(fitted: Calibration) -> Fitted:
    """Return the part that the network needs."""
    return Fitted(fitted.temperature, fitted.uncertain_threshold, fitted.undecided_temperature)


def temperatures(fitted: Calibration | ModelMetadata) -> str:
    """Return the temperatures as text."""
    if fitted.undecided_temperature is None:
        return f"{fitted.temperature}"
    return f"{fitted.temperature} (sure) to {fitted.undecided_temperature} (undecided)"


def cross_fitted_words(error: float, bounds: tuple[float, float] | None) -> str:
    """Return a cross-fitted error and its range, which older records lack, as text."""
    words = f"{100 * error:.1f} %"
    if bounds is not None:
        least, greatest = (100 * bound for bound in bounds)
        words += f" ({least:.1f} to {greatest:.1f} % over {HALVINGS} random halvings)"
    return words
