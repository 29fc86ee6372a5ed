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

"""Progress of a run: its epochs, and the state that decides on the next one."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from fer_training.recipes.recipe import Schedule
from fer_training.records.files import RecordError


@dataclass(frozen=True)
class Epoch:
    """One line of ``summary.csv``."""

    epoch: int
    """Counted from 0."""
    lr: float
    """Learning rate of the last step."""
    train_loss: float
    """Mean over the steps, on augmented crops and with the weights as they moved."""
    test_loss: float
    test_accuracy: float
    """Share, 0..1."""
    seconds: float = 0.0
    validation_loss: float | None = None
    """On the rows that choose the epoch, where the split has such rows beside the test's."""
    validation_accuracy: float | None = None


def read_epochs(summary: Path) -> list[Epoch]:
    """Read a run's ``summary.csv``; a column that it lacks is not a number, or None.

    Raises:
        RecordError: It holds no epoch, or something else.
    """
    try:
        with summary.open(newline="", encoding="utf-8") as file:
            epochs = [_epoch(row) for row in csv.DictReader(file)]
    except (KeyError, TypeError, ValueError, csv.Error):
        epochs = []
    if not epochs:
        raise RecordError(f"{summary} is no record of epochs; its run was damaged: set it aside")
    return epochs


def _epoch(row: dict[str, str]) -> Epoch:
    plain = ("lr", "train_loss", "test_loss", "test_accuracy", "seconds")
    chosen = ("validation_loss", "validation_accuracy")
    return Epoch(
        int(row["epoch"]),
        *(float(row.get(name) or "nan") for name in plain),
        *(float(row[name]) if row.get(name) else None for name in chosen),
    )


@dataclass
class Progress:
    """What decides the learning rate, the best epoch and an early end."""

    epoch: int = 0
    """Epochs done."""
    lr_factor: float = 1.0
    best_loss: float = math.inf
    since_best: int = 0
    since_cut: int = 0
    best_score: float = -1.0
    best_epoch: int = -1
    """Counted from 0."""
    stopped: bool = False

    def observe(self, loss: float, schedule: Schedule) -> None:
        """Add the monitored loss of an epoch."""
        if loss < self.best_loss - schedule.min_delta:
            self.best_loss, self.since_best, self.since_cut = loss, 0, 0
        else:
            self.since_best += 1
            self.since_cut += 1
        if schedule.name == "plateau" and self.since_cut > schedule.patience:
            self.lr_factor *= schedule.factor
            self.since_cut = 0
        self.stopped = 0 < schedule.stop_patience <= self.since_best

    def advance(self, score: float, kept: bool) -> bool:
        """Count an epoch.

        Args:
            score: Accuracy on the rows that may choose.
            kept: Whether it is kept whatever the score.

        Returns:
            Whether the epoch's weights are now the reported ones.
        """
        best = kept or score > self.best_score
        if best:
            self.best_score, self.best_epoch = score, self.epoch
        self.epoch += 1
        return best
