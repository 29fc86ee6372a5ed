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

"""Effect of a person's baseline on a shipped network, on faces of people it never saw.

Every picture of a person is shown for some seconds, in random order or in blocks of one expression,
and goes through the filter as a track's predictions do. Measured only: nothing is chosen here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.baseline import Baseline, BaselineKind, BaselineSettings
from fer_ros.perception.emotions import NEUTRAL
from fer_training.data.base import FaceDataset
from fer_training.measure import metrics
from fer_training.measure.fusion import balanced
from fer_training.measure.predictors import OnnxPredictor

RATE = 2.0
"""Predictions a second."""
ORDERS = ("random", "blocks")
_PEOPLE, _PICTURES = 200, 20
"""Of :func:`drawn_people`."""


@dataclass
class BaselineFigures:
    """One setting on one data set."""

    dataset: str
    baseline: str
    order: str
    seconds: float
    """How long each picture is shown [s]."""
    rows: int
    accuracy: float
    """Share of pictures whose last result is right."""
    ece: float
    """Expected calibration error."""
    named: float
    """Share of pictures that are named, not uncertain."""
    named_right: float
    """Share of the named that are right."""
    recall: dict[str, float] = field(default_factory=dict)
    """By class."""


def measure(
    data: FaceDataset,
    probabilities: NDArray[np.float32],
    settings: BaselineSettings,
    order: str,
    seconds: float,
    threshold: float,
    weights: Sequence[float] = (),
    repeats: int = 3,
    seed: int = 0,
) -> BaselineFigures:
    """Show each person's pictures one after the other.

    Args:
        data: Faces with `subjects`; with a neutral baseline, a person's neutral pictures come
            first and are not counted.
        probabilities: Of a network for each row, shape (N, classes), columns as data's labels.
        settings: The baseline; each person has one of their own.
        order: One of :data:`ORDERS`.
        seconds: How long each picture is shown [s].
        threshold: Probability below which a face is uncertain.
        weights: Of the classes, see :meth:`Baseline.update`.
        repeats: Orders drawn.
        seed: Of the orders.
    """
    assert data.subjects is not None
    rng = np.random.default_rng(seed)
    labels: list[int] = []
    scores: list[NDArray[np.float32]] = []
    for _ in range(repeats):
        for person in np.unique(data.subjects):
            rows = np.flatnonzero(data.subjects == person)
            first, shown = _arranged(data, rows, settings, order, rng)
            baseline = Baseline()
            length = settings.neutral_seconds / max(len(first), 1)
            for row in first:
                _show(baseline, probabilities[row], length, data.label_names, settings, weights)
            for row in shown:
                found = _show(
                    baseline, probabilities[row], seconds, data.label_names, settings, weights
                )
                labels.append(int(data.labels[row]))
                scores.append(found)
    return _figures(data, np.array(labels), np.stack(scores), settings, order, seconds, threshold)


def drawn_people(data: FaceDataset, shares: float, seed: int = 0) -> FaceDataset:
    """Return rows of many people as if they were of few, who then have no face of their own.

    A baseline can only cost them something.

    Args:
        data: Faces.
        shares: Concentration of the Dirichlet distribution that says how often a person shows each
            expression: the smaller, the fewer each shows; 0 takes the data's own shares.
        seed: Of the draws.
    """
    rng = np.random.default_rng(seed)
    classes = [np.flatnonzero(data.labels == code) for code in np.unique(data.labels)]
    counts = np.array([len(rows) for rows in classes])
    chosen = []
    for _ in range(_PEOPLE):
        mix = rng.dirichlet(np.full(len(classes), shares)) if shares else counts / counts.sum()
        shown = rng.choice(len(classes), _PICTURES, p=mix)
        chosen += [rng.choice(classes[code]) for code in shown]
    names = np.repeat([f"person {number}" for number in range(_PEOPLE)], _PICTURES)
    what = f"{data.name}, mixed" + (f", Dirichlet {shares:g}" if shares else "")
    return replace(data.select(np.array(chosen)), subjects=names, name=what)


def _arranged(
    data: FaceDataset,
    rows: NDArray[np.int64],
    settings: BaselineSettings,
    order: str,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a person's rows that make a neutral baseline, and those that are shown after them."""
    rows = rng.permutation(rows)
    if order == "blocks":
        place = rng.permutation(len(data.label_names))
        rows = rows[np.argsort(place[data.labels[rows]], kind="stable")]
    if settings.kind is not BaselineKind.NEUTRAL:
        return rows[:0], rows
    neutral = data.labels[rows] == data.label_names.index(NEUTRAL)
    return rows[neutral], rows[~neutral]


def _show(
    baseline: Baseline,
    probabilities: NDArray[np.float32],
    seconds: float,
    labels: tuple[str, ...],
    settings: BaselineSettings,
    weights: Sequence[float],
) -> NDArray[np.float32]:
    """Return the last result of a picture that is shown for some seconds."""
    found = probabilities
    for _ in range(max(round(seconds * RATE), 1)):
        found = baseline.update(probabilities, 1 / RATE, labels, settings, weights=weights)
    return found


def _figures(
    data: FaceDataset,
    labels: NDArray[np.int64],
    scores: NDArray[np.float32],
    settings: BaselineSettings,
    order: str,
    seconds: float,
    threshold: float,
) -> BaselineFigures:
    right = scores.argmax(axis=1) == labels
    named = scores.max(axis=1) >= threshold
    recall = {
        name: float(right[labels == code].mean())
        for code, name in enumerate(data.label_names)
        if (labels == code).any()
    }
    kind = settings.kind.value
    if settings.kind is BaselineKind.NEUTRAL:
        kind += f":{settings.neutral_seconds:g}"
    return BaselineFigures(
        data.name,
        kind,
        order,
        seconds,
        len(labels),
        float(right.mean()),
        metrics.expected_calibration_error(labels, scores),
        float(named.mean()),
        float(right[named].mean()) if named.any() else 0.0,
        recall,
    )


def table(
    network: OnnxPredictor, data: FaceDataset, balance: float, seed: int = 0
) -> list[BaselineFigures]:
    """Measure off, running and, where the data have neutral faces, a neutral baseline.

    Args:
        network: Named by its file.
        data: As in :func:`measure`.
        balance: As the node's `class_balance`.
        seed: Of the orders.

    Raises:
        ModelError: The file does not tell the shares of its classes, and there is a balance.
    """
    names = (*data.label_names, *(n for n in network.labels if n not in data.label_names))
    wide = replace(data, label_names=names)
    scores = metrics.align_columns(network.probabilities(data.images), network.labels, names)
    threshold = network.network.metadata.uncertain_threshold
    of_classes = dict(zip(network.labels, balanced(network, balance).weights, strict=False))
    weights = [of_classes[name] for name in names] if of_classes else []
    cases = [("off", 1.0), ("running", 1.0), ("running", 10.0), ("running", 60.0)]
    if (data.labels == names.index(NEUTRAL)).any():
        cases.append(("neutral:3", 10.0))
    return [
        measure(
            wide,
            scores,
            BaselineSettings.parse(text),
            order,
            seconds,
            threshold,
            weights,
            seed=seed,
        )
        for text, seconds in cases
        for order in ORDERS
    ]


def markdown(rows: Sequence[BaselineFigures]) -> str:
    """Return the figures as a table."""
    lines = [
        "| data | baseline | order | seconds a picture | accuracy | ECE | named | named right |"
        " least recall |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        worst = min(row.recall, key=lambda name: row.recall[name])
        lines.append(
            f"| {row.dataset} | {row.baseline} | {row.order} | {row.seconds:g} | {row.accuracy:.3f}"
            f" | {row.ece:.3f} | {row.named:.2f} | {row.named_right:.2f} |"
            f" {worst} {row.recall[worst]:.2f} |"
        )
    return "\n".join(lines)
