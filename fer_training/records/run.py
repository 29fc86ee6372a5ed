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

"""``metrics.json``: the record of a finished run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from fer_training.data.ferplus import Census
from fer_training.recipes.recipe import Recipe
from fer_training.records import files
from fer_training.records.figures import Calibration, Results

NAME = "metrics.json"


@dataclass(frozen=True)
class DataOrigin:
    """What was trained on."""

    name: str
    sha256: str
    """Over shape, pixels and labels (:attr:`fer_training.data.base.FaceDataset.digest`)."""
    rows: int
    training_rows: int
    """After cleaning."""
    terms: str
    disagreement: dict[str, float] = field(default_factory=dict)
    """By class, and over all: the share of training rows whose FER+ majority names another class
    (:func:`fer_training.data.ferplus.disagreement`); empty without votes."""
    class_rows: dict[str, int] = field(default_factory=dict)
    """Training rows of each class; empty in records of before."""


@dataclass(frozen=True)
class ClassOffset:
    """What ``calibration: classes`` added to the logits."""

    values: list[float]
    """By class."""
    accuracy_without: float


@dataclass(frozen=True)
class VotesHead:
    """Figures of the head that learnt the FER+ votes, on the rows with a majority."""

    selection: Census
    parameters: int
    macs: int
    results: Results
    calibration: Calibration | None = None


@dataclass(frozen=True)
class Parity:
    """An exported file beside the network it came from."""

    rows: int
    max_difference: float
    """Largest difference of a probability."""
    max_difference_batch_1: float
    """The same between a crop alone and in a batch."""
    accuracy_reference: float
    accuracy_onnx: float
    accuracy_onnx_batch_1: float


@dataclass(frozen=True)
class SvmConfig:
    """What is searched, and on how many rows (an RBF machine costs rows squared)."""

    split: str = "official"
    features: str = "hog"
    kernels: tuple[str, ...] = ("linear", "poly", "rbf")
    costs: tuple[float, ...] = (0.1, 1.0, 10.0)
    search_rows: int = 3000
    """Training rows of the grid search; 0 takes all."""
    rows: int = 0
    """Training rows of the final machine; 0 takes all."""
    cv: int = 3
    seed: int = 0


@dataclass(frozen=True)
class SvmFit:
    """What the grid search found on one division of the rows."""

    kernel: str
    C: float
    search_accuracy: float
    search_rows: int
    rows: int
    support_vectors: int


@dataclass
class RunRecord:
    """A finished run: of a network, of all folds of one, of an SVM, or of fused scores."""

    recipe: Recipe
    protocol: str
    """Name of the split."""
    selects: bool
    """Whether the measured rows chose epoch, temperatures and threshold."""
    leaks: str
    """Why the figure flatters; empty when it does not."""
    command: str
    revision: str
    versions: dict[str, str]
    data: DataOrigin
    parameters: int
    macs: int
    """Multiply-accumulates a crop."""
    minutes: float
    results: Results
    calibration: Calibration | None = None
    device: str = ""
    precision: str = ""
    """In which the run multiplied: ``bfloat16`` or ``float32``, or both in their order."""
    epochs: int | None = None
    """Trained; None for machines."""
    best_epoch: int | None = None
    """Of the weights that are reported, counted from 1."""
    offset: ClassOffset | None = None
    ferplus: VotesHead | None = None
    folds: int = 1
    fold_accuracies: list[float] = field(default_factory=list)
    machine: SvmConfig | None = None
    """Settings of an SVM."""
    found: list[SvmFit] = field(default_factory=list)
    """Per division of the rows, what its search found."""
    parity: Parity | None = None


def path_of(folder: Path) -> Path:
    """Return where a run folder's record lies."""
    return folder / NAME


def finished(folder: Path) -> bool:
    """Return whether a run is complete: its record is written last."""
    return path_of(folder).is_file()


def read(folder: Path, head: str = "labels") -> RunRecord:
    """Read the record of a run folder.

    Args:
        folder: Run folder.
        head: ``labels``, or ``votes`` for the figures of the second head in their places.

    Raises:
        RecordError: The run is not finished, its record has other fields, or no figures of that
            head.
    """
    path = path_of(folder)
    if not path.is_file():
        raise files.RecordError(
            f"{folder} has no {NAME}: the run is not finished. fer-train train --resume goes on; "
            f"fer-train finish {folder} ends it here with its best weights"
        )
    record = files.read(RunRecord, path)
    if head == "labels":
        return record
    own = record.ferplus
    if own is None:
        raise files.RecordError(
            f"{path} has no figures of the votes; finish the run once more by fer-train train "
            "--resume, with votes_weight above 0 in its recipe"
        )
    counts = own.selection
    return replace(
        record,
        recipe=replace(record.recipe, name=f"{record.recipe.name}-ferplus"),
        protocol=f"{record.protocol}, FER+ majority of {counts.kept} of {counts.rows} rows",
        parameters=own.parameters,
        macs=own.macs,
        results=own.results,
        calibration=own.calibration,
        ferplus=None,
        offset=None,
    )


def write(record: RunRecord, folder: Path) -> None:
    """Write a run's record."""
    folder.mkdir(parents=True, exist_ok=True)
    files.write(record, path_of(folder))
