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

"""Cost of the page's runs: seconds of processor time per epoch, measured and kept in a file.

The file is written by ``fer-train papers --measure`` and read by :mod:`fer_training.papers.plan`.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np

from fer_training.data import load_dataset, splits
from fer_training.data.base import FaceDataset
from fer_training.recipes import recipe
from fer_training.recipes.recipe import Recipe
from fer_training.records import files

PATH = Path(__file__).with_name("costs.json")
_ROWS = 1500
"""Training rows that are timed of a larger data set."""


@dataclass(frozen=True)
class Cost:
    """One recipe."""

    epoch_s: float
    """Processor time of an epoch on one thread, test rows included [s]."""
    folds: int = 1
    """Divisions of its split."""
    processor: str = ""
    """On which it was measured, and in which precision; empty for an estimate."""


@dataclass
class Costs:
    """The measured costs, with the conditions."""

    how: str
    recipes: dict[str, Cost] = field(default_factory=dict)


def read() -> Costs:
    """Read the shipped file.

    Raises:
        RecordError: It is missing or has other fields.
    """
    return files.read(Costs, PATH)


def hours(name: str, epochs: int, all_folds: bool = False) -> float:
    """Return hours of one thread for some epochs of a recipe; infinite where no cost is known."""
    cost = _shipped().recipes.get(name, Cost(float("inf")))
    return epochs * cost.epoch_s * (cost.folds if all_folds else 1) / 3600


_shipped = cache(read)


def measure(names: Iterable[str], processor: str, path: Path = PATH) -> Costs:
    """Train two epochs of every recipe, time the second, and write the file.

    A data set of more than 3,000 training rows is thinned out evenly, and the time multiplied
    accordingly. Recipes that the file already has are measured anew; others of it stay.

    Raises:
        DatasetError: A data set is missing.
    """
    found = dict(files.read(Costs, path).recipes) if path.is_file() else {}
    import torch

    from fer_training.train import precision

    for name in names:
        config = recipe.load(name, ["threads=1", "init="])
        used = precision.choose(config.amp, torch.device("cpu"))
        found[name] = replace(_measure(config), processor=f"{processor}, {used}")
        print(f"{name}: {found[name].epoch_s:g} s an epoch, {found[name].folds} folds", flush=True)
    costs = Costs(
        f"processor time of the second epoch, one thread; of FER2013 about {_ROWS} training rows, "
        "multiplied to all",
        dict(sorted(found.items())),
    )
    files.write(costs, path)
    return costs


def _measure(config: Recipe) -> Cost:
    from fer_training.train.trainer import Trainer

    data = load_dataset(config.data.dataset, config.data.path, config.data)
    divisions = splits.make(data, config.data.split)
    part, share = _thinned(data, divisions[0])
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(config, Path(folder), part)
        trainer.fit(epochs=1)
        start = time.process_time()
        trainer.fit(epochs=2)
        seconds = time.process_time() - start
    return Cost(float(f"{seconds / share:.3g}"), len(divisions))


def _thinned(data: FaceDataset, division: splits.Split) -> tuple[FaceDataset, float]:
    """Return the data, or evenly chosen rows of them, and the share of the rows that these are."""
    step = len(division.train) // _ROWS
    if step < 2:
        return data, 1.0
    rows = np.sort(np.concatenate([division.train[::step], division.test[::step]]))
    return data.select(rows), 1 / step
