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

"""Score fusion of two or more trained systems (Umer et al. 2022), measured offline.

The node fuses the same way at run time (parameters ``models`` and ``fusion``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from fer_ros.perception.classification import EmotionClassifier, fuse
from fer_ros.perception.errors import ModelError
from fer_training.data import load_dataset, splits
from fer_training.measure import metrics
from fer_training.measure.metrics import align_columns
from fer_training.measure.predictors import Balanced, OnnxPredictor, Predictor
from fer_training.recipes.recipe import Recipe
from fer_training.records import run
from fer_training.records.checkpoint import CheckpointError
from fer_training.records.figures import Results
from fer_training.records.run import RunRecord


@dataclass
class FusedPredictor:
    """Several predictors behind the interface of one."""

    members: Sequence[Predictor]
    rule: str
    """``sum`` or ``product``."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Classes of the first member; the others must know them too."""
        return self.members[0].labels

    @property
    def name(self) -> str:
        """Names of all members and the rule."""
        return f"{self.rule}({', '.join(member.name for member in self.members)})"

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return fused probabilities, shape (N, labels)."""
        scores = [
            align_columns(member.probabilities(images), member.labels, self.labels)
            for member in self.members
        ]
        return fuse(scores, self.rule)


def balanced(predictor: Predictor, balance: float) -> Balanced:
    """Return a file's or several files' predictor, weighed as `class_balance` does it.

    Raises:
        ModelError: It is no exported file, or one that does not tell the shares of its classes.
    """
    members = predictor.members if isinstance(predictor, FusedPredictor) else [predictor]
    rule = predictor.rule if isinstance(predictor, FusedPredictor) else "sum"
    networks = tuple(one.network for one in members if isinstance(one, OnnxPredictor))
    weights: tuple[float, ...] = ()
    if len(networks) == len(members):
        weights = EmotionClassifier(networks, rule).prior_weights(balance)
    if balance and not weights:
        raise ModelError(
            f"{predictor.name} does not tell the shares of its classes; leave out --balance, or "
            "export it again"
        )
    return Balanced(predictor, weights, balance)


def run_scores(folder: Path) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return tested rows and their probabilities, from a run or from all folds of one.

    Raises:
        CheckpointError: The folder holds no predictions.
    """
    files = sorted([*folder.glob("predictions.npz"), *folder.glob("fold-*/predictions.npz")])
    if not files:
        raise CheckpointError(f"{folder} holds no predictions; train it first")
    parts = []
    for file in files:
        with np.load(file) as saved:
            parts.append((saved["rows"], softmax(saved["logits"], axis=1)))
    rows = np.concatenate([part[0] for part in parts])
    order = np.argsort(rows, kind="stable")
    return rows[order], np.concatenate([part[1] for part in parts])[order]


def fuse_runs(folders: Sequence[Path], rule: str, command: str) -> RunRecord:
    """Fuse the saved predictions of runs that were measured on the same rows.

    Raises:
        RecordError: A run is unfinished.
        CheckpointError: They were measured on different rows.
    """
    records = [run.read(folder) for folder in folders]
    first = records[0]
    for folder, record in zip(folders[1:], records[1:], strict=True):
        if (record.data.sha256, record.data.name) != (first.data.sha256, first.data.name):
            raise CheckpointError(f"{folder} was measured on other data than {folders[0]}")
    scores = [run_scores(folder) for folder in folders]
    rows = scores[0][0]
    if any(not np.array_equal(rows, other) for other, _ in scores):
        raise CheckpointError("the runs were measured on different rows; use the same split")
    names = [record.recipe.name for record in records]
    results = _measure(first, rows, fuse([own for _, own in scores], rule))
    results.model = f"{rule}({', '.join(names)})"
    return replace(
        first,
        recipe=Recipe(
            name=results.model,
            architecture=" + ".join(record.recipe.architecture for record in records),
            paper=first.recipe.paper,
            differs=f"Scores of {' and '.join(names)} joined by the {rule} rule.",
            seed=first.recipe.seed,
            data=first.recipe.data,
            epochs=min(record.recipe.epochs for record in records),
        ),
        command=command,
        parameters=sum(record.parameters for record in records),
        macs=sum(record.macs for record in records),
        minutes=sum(record.minutes for record in records),
        epochs=min(record.epochs or 0 for record in records),
        best_epoch=None,
        calibration=None,
        offset=None,
        ferplus=None,
        fold_accuracies=[],
        results=results,
    )


def _measure(first: RunRecord, rows: NDArray[np.int64], fused: NDArray[np.float32]) -> Results:
    """Return the figures of fused scores, shape (N, classes), of some rows of a run's data."""
    labels, plan = first.results.labels, first.recipe.data
    data = load_dataset(plan.dataset, plan.path, plan)
    single = metrics.summarize(data.labels[rows], fused, labels)
    divisions = splits.make(data, plan.split)
    if len(divisions) == 1:
        copies = np.flatnonzero(np.isin(rows, splits.cross_duplicates(data, divisions[0])))
        metrics.add_without(single, data.labels[rows], fused, labels, copies)
    return Results("", data.name, len(rows), labels, single)
