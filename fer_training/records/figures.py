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

"""Figures measured on labelled crops. Shares, accuracies and errors are in 0..1."""

from __future__ import annotations

from dataclasses import dataclass

from fer_training.data.ferplus import Census, Majority


@dataclass(frozen=True)
class ClassFigures:
    """Figures of one class."""

    precision: float
    recall: float
    f1: float
    support: int
    """Rows of that class."""


@dataclass(frozen=True)
class ReliabilityBin:
    """The rows of like confidence: mean confidence, accuracy, and their share of all rows."""

    confidence: float
    accuracy: float
    share: float


@dataclass(frozen=True)
class CoveragePoint:
    """Rows that keep a name at a threshold of confidence, and the accuracy among them."""

    threshold: float
    coverage: float
    accuracy: float


@dataclass
class Figures:
    """All figures of one set of predictions."""

    rows: int
    accuracy: float
    accuracy_95: tuple[float, float]
    """95 % bootstrap interval over the rows."""
    balanced_accuracy: float
    macro_f1: float
    """Mean over the classes that have rows, as is the balanced accuracy."""
    top2: float
    ece: float
    """Expected calibration error (Guo et al. 2017)."""
    nll: float
    """Mean negative log-likelihood of the true class."""
    per_class: dict[str, ClassFigures]
    confusion: list[list[int]]
    """Rows: true class, columns: predicted, in the order of the labels."""
    reliability: list[ReliabilityBin] | None = None
    without_duplicates: Figures | None = None
    """The same without the rows whose image is also among the training rows."""


@dataclass
class Results:
    """One network on one set of rows, single crop and mirrored apart."""

    model: str
    dataset: str
    rows: int
    labels: list[str]
    single_crop: Figures
    flip: Figures | None = None
    """Mean of the crop and its mirror image; None where it was not measured."""
    flip_accuracy: float | None = None
    """The same over all folds, of which only the accuracies are joined."""
    data_sha256: str = ""
    duplicates_of_training: int | None = None
    on_majority: Majority | None = None
    """Of one crop, with the FER+ majority as the true class, where the rows have votes."""
    selection: Census | None = None
    """Which rows FER+ keeps, where its majority is the true class."""

    @property
    def views(self) -> list[tuple[str, Figures]]:
        """What was measured, by name."""
        measured = [("single_crop", self.single_crop), ("flip", self.flip)]
        return [(name, entry) for name, entry in measured if entry is not None]


@dataclass(frozen=True)
class Calibration:
    """What was fitted on rows that may select, and what it gives."""

    temperature: float
    """Of faces that the network is sure of, see :mod:`fer_ros.perception.calibration`."""
    uncertain_threshold: float
    ece_uncalibrated: float
    ece_cross_fitted: float
    """Mean over random halvings: fitted on one half of the rows, measured on the other."""
    reliability: list[ReliabilityBin]
    coverage_curve: list[CoveragePoint]
    ece_cross_fitted_range: tuple[float, float] | None = None
    """Least and greatest of the halvings; records of older versions had one halving."""
    undecided_temperature: float | None = None
    """Of faces on which it is undecided; records of older versions had one temperature."""
