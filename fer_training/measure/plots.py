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

"""Pictures of a run: learning curves, confusion matrix, reliability."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from fer_training.records.figures import Figures, ReliabilityBin
from fer_training.records.progress import Epoch


def learning_curves(history: Sequence[Epoch], path: Path) -> None:
    """Draw loss and accuracy over the epochs."""
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    epochs = [entry.epoch + 1 for entry in history]
    dot = "o" if len(history) < 3 else ""  # a line of one epoch has no length
    left.plot(epochs, [entry.train_loss for entry in history], dot + "-", label="training")
    left.plot(epochs, [entry.test_loss for entry in history], dot + "-", label="test")
    left.set(xlabel="epoch", ylabel="loss")
    left.legend()
    right.plot(epochs, [100 * entry.test_accuracy for entry in history], dot + "-", label="test")
    scores = [entry.validation_accuracy for entry in history]
    chosen = [100 * score for score in scores if score is not None]
    if len(chosen) == len(history):
        right.plot(epochs, chosen, dot + "-", label="validation")
        right.legend()
    right.set(xlabel="epoch", ylabel="accuracy [%]")
    figure.savefig(path, dpi=100)


def confusion(result: Figures, labels: Sequence[str], path: Path) -> None:
    """Draw a confusion matrix, rows (true classes) normalised, counts written in."""
    counts = np.array(result.confusion)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    figure = Figure(figsize=(6.8, 5.5), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, shrink=0.7, label="share of the true class")
    ticks = range(len(labels))
    axes.set_xticks(ticks, labels, rotation=45, ha="right")
    axes.set_yticks(ticks, labels)
    axes.set(xlabel="predicted", ylabel="true", title=f"accuracy {100 * result.accuracy:.1f} %")
    for row, column in np.ndindex(*counts.shape):
        color = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=color)
    figure.savefig(path, dpi=100)


def reliability(bins: Sequence[ReliabilityBin], path: Path) -> None:
    """Draw accuracy over confidence, point areas by share of rows."""
    figure = Figure(figsize=(4.5, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    axes.scatter(
        [entry.confidence for entry in bins],
        [entry.accuracy for entry in bins],
        s=[1000 * entry.share for entry in bins],
    )
    axes.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1))
    figure.savefig(path, dpi=100)
