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

"""Accuracy, and the benefit of the label `uncertain`, where crops differ from the training data's.

PublicTest is changed as faces of other sources differ from it; rows whose voters disagree serve as
weak expressions. Other labelled sets and unlabelled crops are measured beside it, never chosen on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from fer_training.data.base import FaceDataset
from fer_training.data.degradations import LIGHTS, SHIFTS, Condition
from fer_training.data.tensors import vote_shares
from fer_training.measure import metrics
from fer_training.measure.predictors import Predictor
from fer_training.measure.robustness import degraded

SPLIT_VOTES = 0.6
"""Share of the votes that the first class has at most where voters are split."""


@dataclass(frozen=True)
class ShiftRow:
    """One set of crops; shares in 0..1."""

    name: str
    rows: int
    named: float
    """Share of faces with a label other than ``uncertain``, of a single crop."""
    confidence: float
    """Mean probability of the first class."""
    accuracy: float | None = None
    """None where the crops have no labels."""
    named_right: float | None = None
    """Accuracy among the named."""
    ece: float | None = None
    """Expected calibration error."""
    least: tuple[str, float] | None = None
    """The class with the least recall, and that."""


@dataclass
class ShiftRecord:
    """Networks, joined or alone, on shifted crops."""

    model: str
    threshold: float
    seed: int
    rows: list[ShiftRow] = field(default_factory=list)
    command: str = ""


def split_votes(data: FaceDataset) -> NDArray[np.int64]:
    """Return the rows on whose class the FER+ voters are split; none without votes."""
    shares = vote_shares(data)
    if shares is None:
        return np.zeros(0, np.int64)
    top = shares.numpy().max(1)
    return np.flatnonzero((top > 0) & (top <= SPLIT_VOTES))


def row(name: str, predictor: Predictor, data: FaceDataset, threshold: float) -> ShiftRow:
    """Measure labelled crops.

    Args:
        name: Of the row.
        predictor: Network or joined networks.
        data: Crops; classes that the network does not know must not occur.
        threshold: Probability from which a face is named.
    """
    scores = predictor.probabilities(data.images)
    names = (*data.label_names, *(n for n in predictor.labels if n not in data.label_names))
    aligned = metrics.align_columns(scores, predictor.labels, names)
    right = aligned.argmax(1) == data.labels
    named = aligned.max(1) >= threshold
    recalls = [
        (float(right[data.labels == code].mean()), name)
        for code, name in enumerate(data.label_names)
        if (data.labels == code).any()
    ]
    recall, weakest = min(recalls)
    return ShiftRow(
        name=name,
        rows=len(data),
        named=float(named.mean()),
        confidence=float(aligned.max(1).mean()),
        accuracy=float(right.mean()),
        named_right=float(right[named].mean()) if named.any() else None,
        ece=metrics.expected_calibration_error(data.labels, aligned),
        least=(weakest, recall),
    )


def unlabelled(
    name: str, predictor: Predictor, images: NDArray[np.uint8], threshold: float
) -> ShiftRow:
    """Measure crops without labels, shape (N, H, W)."""
    best = predictor.probabilities(images).max(1)
    return ShiftRow(name, len(images), float((best >= threshold).mean()), float(best.mean()))


def measure(
    predictor: Predictor,
    data: FaceDataset,
    threshold: float,
    others: Sequence[FaceDataset] = (),
    wild: NDArray[np.uint8] | None = None,
    seed: int = 0,
) -> ShiftRecord:
    """Measure a network on changed crops and on other sets.

    Args:
        predictor: Network or joined networks.
        data: FER2013's PublicTest rows.
        threshold: Probability from which a face is named.
        others: Further labelled sets, each a row.
        wild: Further crops without labels, shape (N, H, W).
        seed: Of the random changes.
    """
    rows = [row("clean", predictor, data, threshold)]
    split = split_votes(data)
    if len(split):
        rows.append(row("voters split", predictor, data.select(split), threshold))

    def changed(condition: Condition) -> ShiftRow:
        seen = replace(data, images=degraded(data.images, condition, seed))
        return row(condition.name, predictor, seen, threshold)

    shifted = [changed(condition) for condition in SHIFTS]
    rows += [*shifted, _mean(shifted), *(changed(condition) for condition in LIGHTS)]
    rows += [row(other.name, predictor, other, threshold) for other in others]
    if wild is not None:
        rows.append(unlabelled("wild", predictor, wild, threshold))
    return ShiftRecord(predictor.name, threshold, seed, rows)


def _mean(rows: Sequence[ShiftRow]) -> ShiftRow:
    """Return the row of all changed crops together."""

    def over(values: Sequence[float | None]) -> float:
        return float(np.mean([value for value in values if value is not None]))

    named = over([own.named for own in rows])
    right = over([(own.named_right or 0.0) * own.named for own in rows])
    return ShiftRow(
        name="changed, mean",
        rows=sum(own.rows for own in rows),
        named=named,
        confidence=over([own.confidence for own in rows]),
        accuracy=over([own.accuracy for own in rows]),
        named_right=right / named if named else None,
        ece=over([own.ece for own in rows]),
    )


def markdown(records: Sequence[ShiftRecord]) -> str:
    """Return a table: accuracy, named share, accuracy among the named, calibration error."""
    heads = [f"{record.model} at {record.threshold:.2f}" for record in records]
    lines = [
        f"| crops | rows | {' | '.join(heads)} |",
        "|---" * (2 + len(heads)) + "|",
    ]
    for own in zip(*(record.rows for record in records), strict=True):
        lines.append(f"| {own[0].name} | {own[0].rows:,} | {' | '.join(map(_cell, own))} |")
    return "\n".join(lines)


def _cell(own: ShiftRow) -> str:
    named = f"{100 * own.named:.0f} % named"
    if own.accuracy is None or own.ece is None:
        return named
    right = "-" if own.named_right is None else f"{100 * own.named_right:.1f}"
    return f"{100 * own.accuracy:.1f} %; {named}, {right} right; ECE {100 * own.ece:.1f}"
