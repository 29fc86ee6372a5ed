"""Temperature and the threshold of UNCERTAIN, fitted on rows that may select."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from fer_training import metrics

COVERAGE = 0.9
"""Share of single faces that keep a name at the chosen threshold."""


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Return the temperature with the least cross-entropy (Guo et al. 2017), in 0.1..10."""
    rows = np.arange(len(labels))

    def loss(log_t: float) -> float:
        return float(-log_softmax(logits / np.exp(log_t), axis=1)[rows, labels].mean())

    bounds = (np.log(0.1), np.log(10.0))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def cross_fitted(
    logits: NDArray[np.float32], labels: NDArray[np.int64], seed: int = 0
) -> NDArray[np.float32]:
    """Return probabilities where each half of the rows has the other half's temperature."""
    order = np.random.default_rng(seed).permutation(len(labels))
    halves = np.array_split(order, 2)
    out = np.empty_like(logits)
    for own, other in (halves, halves[::-1]):
        temperature = fit_temperature(logits[other], labels[other])
        out[own] = softmax(logits[own] / temperature, axis=1)
    return out


def calibrate(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> dict[str, Any]:
    """Fit temperature and threshold and say what they give.

    Args:
        logits: Shape (N, classes), or log probabilities.
        labels: True classes, shape (N,).
    """
    temperature = fit_temperature(logits, labels)
    probabilities = softmax(logits / temperature, axis=1)
    honest = cross_fitted(logits, labels)
    return {
        "temperature": round(temperature, 4),
        "uncertain_threshold": round(float(np.quantile(probabilities.max(1), 1 - COVERAGE)), 2),
        "ece_uncalibrated": metrics.expected_calibration_error(labels, softmax(logits, axis=1)),
        "ece_cross_fitted": metrics.expected_calibration_error(labels, honest),
        "reliability": metrics.reliability(labels, honest),
        "coverage_curve": metrics.coverage_curve(labels, honest),
    }
