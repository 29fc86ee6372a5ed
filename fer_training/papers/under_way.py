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


"""Runs that have not ended: how far each is, and its curves so far."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import yaml

from fer_training.measure import plots
from fer_training.recipes import recipe
from fer_training.records import run
from fer_training.records.progress import Epoch, read_epochs

_CHARTS = "under-way"


@dataclass(frozen=True)
class UnderWay:
    """A run with epochs, but without its record, which is written last."""

    name: str
    """Of its folder below the folder of runs."""
    recipe: recipe.Recipe
    history: list[Epoch]

    @property
    def best(self) -> Epoch:
        """The epoch with the highest test accuracy so far."""
        return max(self.history, key=lambda epoch: epoch.test_accuracy)

    @property
    def hours_left(self) -> float:
        """To the last epoch of the recipe at this pace; an early stop ends it sooner [h]."""
        left = max(self.recipe.epochs - len(self.history), 0)
        return left * median(epoch.seconds for epoch in self.history) / 3600


def find(runs: Path) -> list[UnderWay]:
    """Read every unfinished run below a folder, in the order of the folders' names.

    Raises:
        RecipeError: The recipe of one is malformed.
    """
    found = []
    for summary in sorted(runs.glob("**/summary.csv")):
        folder = summary.parent
        written = folder / "recipe.yaml"
        if run.finished(folder) or run.finished(folder.parent) or not written.is_file():
            continue
        history = read_epochs(summary)
        values = yaml.safe_load(written.read_text(encoding="utf-8"))
        name = folder.relative_to(runs).as_posix()
        found.append(UnderWay(name, recipe.from_dict(values), history))
    return found


def write(found: Sequence[UnderWay], charts: Path, link: str) -> list[str]:
    """Draw the curves of runs, and return their section of the page.

    Args:
        found: The runs.
        charts: Folder of charts; curves of runs that have ended since are removed.
        link: That folder as the page links to it.
    """
    shutil.rmtree(charts / _CHARTS, ignore_errors=True)
    if not found:
        return []
    lines = [
        "## Under way, or interrupted\n",
        "| run | recipe | epoch | of | accuracy | best | in epoch | hours left |",
        "|---" * 8 + "|",
    ]
    for own in found:
        cells = [
            own.name,
            own.recipe.name,
            str(len(own.history)),
            str(own.recipe.epochs),
            f"{100 * own.history[-1].test_accuracy:.1f}",
            f"{100 * own.best.test_accuracy:.1f}",
            str(own.best.epoch + 1),
            f"{own.hours_left:.1f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    for own in found:
        picture = f"{_CHARTS}/{own.name.replace('/', '_')}.png"
        (charts / picture).parent.mkdir(parents=True, exist_ok=True)
        plots.learning_curves(own.history, charts / picture)
        lines.append(f"\nCurves of {own.name}:\n\n![{own.name}]({link}{picture})")
    return [*lines, ""]
