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

"""FER+ (Barsoum et al. 2016): ten votes for each FER2013 row become labels or distributions.

As in the authors' reading, a class that got a single vote counts as got none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.emotions import FERPLUS
from fer_training.data.base import FERPLUS_COLUMNS, DatasetError, FaceDataset

UNUSABLE = -1
"""Code of rows without a majority, or whose majority says unknown or not a face."""


@dataclass(frozen=True)
class Census:
    """The rows that :func:`kept_rows` keeps and those that it drops, by the reason."""

    rows: int
    kept: int
    no_majority: int
    unknown: int
    not_a_face: int

    def sentence(self) -> str:
        """Return a sentence on which rows count."""
        return (
            f"FER+ keeps {self.kept:,} of {self.rows:,} rows: single votes are dropped, and a "
            f"class must have\nmore than half of the rest ({self.no_majority:,} rows have no such "
            f"class, {self.unknown:,} are unknown, {self.not_a_face:,} not a face)."
        )


@dataclass(frozen=True)
class Majority:
    """Predictions against the FER+ majority, among the classes of the data set."""

    rows: int
    """With a majority in one of these classes."""
    accuracy: float
    """In 0..1."""


def without_outliers(votes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the votes, shape (N, 10), float32, single ones dropped."""
    return np.where(votes > 1, votes, 0).astype(np.float32)


def majority(votes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the FER+ class of each row, or :data:`UNUSABLE`.

    Codes are those of :data:`fer_ros.perception.emotions.FERPLUS`. A class needs
    more than half of the votes that remain after dropping single ones.

    Args:
        votes: Shape (N, 10), in the order of ``FERPLUS_COLUMNS``.
    """
    winner = _winner(votes)
    return np.where(winner < len(FERPLUS), winner, UNUSABLE)


def _winner(votes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the column with the majority of each row, or :data:`UNUSABLE`."""
    kept = without_outliers(votes)
    clear = kept.max(1) > 0.5 * kept.sum(1)
    return np.where(clear, kept.argmax(1), UNUSABLE)


def census(data: FaceDataset) -> Census:
    """Count the rows that FER+ keeps and drops.

    Raises:
        DatasetError: The data set has no votes, or no row has a majority.
    """
    kept = kept_rows(data)
    assert data.votes is not None
    winner = _winner(data.votes)
    return Census(
        rows=len(data),
        kept=len(kept),
        no_majority=int((winner == UNUSABLE).sum()),
        unknown=int((winner == FERPLUS_COLUMNS.index("unknown")).sum()),
        not_a_face=int((winner == FERPLUS_COLUMNS.index("not_a_face")).sum()),
    )


ALL = "all"
"""Key of :func:`disagreement` for the rows of all classes together."""


def disagreement(data: FaceDataset) -> dict[str, float]:
    """Return the share of rows whose FER+ majority names another class than the label.

    Returns:
        By class, and under :data:`ALL`, in 0..1; only rows with a majority count. Empty where the
        data set has no votes, or FER+ does not know its classes.
    """
    if data.votes is None or not set(data.label_names) <= set(FERPLUS):
        return {}
    voted = majority(data.votes)
    codes = np.array([FERPLUS.index(name) for name in data.label_names])
    known, other = voted != UNUSABLE, voted != codes[data.labels]
    shares = {ALL: known}
    shares |= {name: known & (data.labels == i) for i, name in enumerate(data.label_names)}
    return {name: float(other[rows].mean()) for name, rows in shares.items() if rows.any()}


def kept_rows(data: FaceDataset) -> NDArray[np.int64]:
    """Return the rows with a usable majority.

    Raises:
        DatasetError: The data set has no votes, or no row has a majority.
    """
    if data.votes is None:
        raise DatasetError(
            f"{data.name} comes without FER+ votes; give fer2013.csv with fer2013new.csv of "
            "microsoft/FERPlus beside it, or an npz with the array ferplus"
        )
    rows = np.flatnonzero(majority(data.votes) != UNUSABLE)
    if not len(rows):
        raise DatasetError(f"no row of {data.name} has a majority of FER+ votes")
    return rows


def relabelled(data: FaceDataset) -> FaceDataset:
    """Return the rows with a usable majority, which is their label in the eight classes of FER+.

    Raises:
        DatasetError: The data set has no votes, or no row has a majority.
    """
    kept = data.select(kept_rows(data))
    assert kept.votes is not None
    name = f"{data.name} (FER+)"
    return replace(kept, name=name, labels=majority(kept.votes), label_names=FERPLUS)


def on_majority(predicted: NDArray[np.int64], data: FaceDataset) -> Majority | None:
    """Return how often the FER+ majority is predicted, None where no row has one.

    Args:
        predicted: Class of each row in the data's own codes, shape (N,).
        data: Rows with votes; those whose majority is no class of the data do not count.
    """
    if data.votes is None:
        return None
    codes = [data.label_names.index(n) if n in data.label_names else UNUSABLE for n in FERPLUS]
    winner = majority(data.votes)
    truth = np.where(winner == UNUSABLE, UNUSABLE, np.array(codes)[winner])
    kept = truth != UNUSABLE
    if not kept.any():
        return None
    return Majority(int(kept.sum()), float((predicted[kept] == truth[kept]).mean()))


def distribution(votes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the share of each of the eight classes, shape (N, 8).

    Rows sum to 1, or to 0 where unknown or not-a-face got the most votes.
    """
    kept = without_outliers(votes)
    usable = (kept.argmax(1) < len(FERPLUS)) & (kept.max(1) > 0)
    known = kept[:, : len(FERPLUS)]
    total = np.maximum(known.sum(1, keepdims=True), 1)
    return np.where(usable[:, None], known / total, 0).astype(np.float32)
