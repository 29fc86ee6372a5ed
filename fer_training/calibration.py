"""Calibration and the threshold of UNCERTAIN, fitted on rows that may select.

Two kinds (Guo et al. 2017, section 4.2): one temperature for all logits, or vector scaling, a
factor and an offset for every class. The second can undo what training did to single classes;
soft targets from FER+ votes, for one, make fear rarer than the labels have it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax, softmax

from fer_training import metrics

KINDS = ("temperature", "classes")

COVERAGE = 0.9
"""Share of single faces that keep a name at the chosen threshold."""


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Return the temperature with the least cross-entropy (Guo et al. 2017), in 0.1..10."""
    rows = np.arange(len(labels))

    def loss(log_t: float) -> float:
        return float(-log_softmax(logits / np.exp(log_t), axis=1)[rows, labels].mean())

    bounds = (np.log(0.1), np.log(10.0))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


@dataclass(frozen=True)
class Scaling:
    """Calibrated logits are ``factor * logits + offset``."""

    factor: NDArray[np.float64]
    """Shape (classes,)."""
    offset: NDArray[np.float64]
    """Shape (classes,)."""

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return calibrated probabilities, shape (N, classes)."""
        return np.asarray(softmax(logits * self.factor + self.offset, axis=1), np.float32)


def fit(logits: NDArray[np.float32], labels: NDArray[np.int64], kind: str) -> Scaling:
    """Return the scaling of a kind with the least cross-entropy.

    Raises:
        ValueError: The kind is unknown.
    """
    classes = logits.shape[1]
    if kind == "temperature":
        factor = np.full(classes, 1 / fit_temperature(logits, labels))
        return Scaling(factor, np.zeros(classes))
    if kind != "classes":
        raise ValueError(f"unknown calibration {kind!r}; one of {', '.join(KINDS)}")
    rows = np.arange(len(labels))

    def loss(values: NDArray[np.float64]) -> float:
        scaled = logits * np.exp(values[:classes]) + values[classes:]
        return float(-log_softmax(scaled, axis=1)[rows, labels].mean())

    best = minimize(loss, np.zeros(2 * classes), method="L-BFGS-B").x
    return Scaling(np.exp(best[:classes]), best[classes:])


def cross_fitted(
    logits: NDArray[np.float32],
    labels: NDArray[np.int64],
    seed: int = 0,
    kind: str = "temperature",
) -> NDArray[np.float32]:
    """Return probabilities where each half of the rows is scaled by what fits the other half."""
    order = np.random.default_rng(seed).permutation(len(labels))
    halves = np.array_split(order, 2)
    out = np.empty_like(logits)
    for own, other in (halves, halves[::-1]):
        out[own] = fit(logits[other], labels[other], kind).probabilities(logits[own])
    return out


def calibrate(
    logits: NDArray[np.float32], labels: NDArray[np.int64], kind: str = "temperature"
) -> dict[str, Any]:
    """Fit calibration and threshold and say what they give.

    Args:
        logits: Shape (N, classes), or log probabilities.
        labels: True classes, shape (N,).
        kind: ``temperature``; or ``classes``, whose factors and offsets stand beside a
            temperature of 1.
    """
    fitted = fit(logits, labels, kind)
    temperature = round(float(1 / fitted.factor[0]), 4) if kind == "temperature" else 1.0
    probabilities = fitted.probabilities(logits)
    honest = cross_fitted(logits, labels, kind=kind)
    scaling = {"factor": fitted.factor.tolist(), "offset": fitted.offset.tolist()}
    return {
        "temperature": temperature,
        **(scaling if kind == "classes" else {}),
        "accuracy_uncalibrated": float((logits.argmax(1) == labels).mean()),
        "accuracy_cross_fitted": float((honest.argmax(1) == labels).mean()),
        "uncertain_threshold": round(float(np.quantile(probabilities.max(1), 1 - COVERAGE)), 2),
        "ece_uncalibrated": metrics.expected_calibration_error(labels, softmax(logits, axis=1)),
        "ece_cross_fitted": metrics.expected_calibration_error(labels, honest),
        "reliability": metrics.reliability(labels, honest),
        "coverage_curve": metrics.coverage_curve(labels, honest),
    }
