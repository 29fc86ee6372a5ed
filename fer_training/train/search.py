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

"""Greedy search over what a recipe leaves open, e.g. Yengikand's dropout of 0.1, 0.2 or 0.3.

One key after the other: every value is trained with what was chosen before, the best one stays.
Values are chosen on folds of the training rows alone: rows that are reported choose nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean

import numpy as np
import yaml

from fer_training.data import load_dataset, splits
from fer_training.data.base import DatasetError, FaceDataset
from fer_training.recipes import recipe
from fer_training.recipes.comparison import flat
from fer_training.recipes.recipe import Recipe, RecipeError
from fer_training.records import files
from fer_training.records.tables import SearchRecord, SearchStep
from fer_training.train.trainer import Trainer


def parse(place: str) -> tuple[str, list[str]]:
    """Return key and values of ``key=value,value,...``; commas inside brackets part nothing.

    Raises:
        RecipeError: It is not of that form, or gives less than two values.
    """
    key, separator, text = place.partition("=")
    values, depth = [""], 0
    for letter in text:
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and not depth:
            values.append("")
        else:
            values[-1] += letter
    values = [value.strip() for value in values]
    if not separator or not all(values) or len(set(values)) < 2 or len(set(values)) < len(values):
        raise RecipeError(f"{place!r} is not of the form key=value,value with different values")
    return key, values


def open_places(config: Recipe) -> dict[str, list[str]]:
    """Return what the recipe's ``paper.open`` lists: values by key, as the command line has them.

    Raises:
        RecipeError: The recipe lists nothing.
    """
    if not config.paper.open:
        raise RecipeError(f"{config.name} lists no open settings; give some as key=value,value")
    return {key: [_spelled(value) for value in own] for key, own in config.paper.open.items()}


def _spelled(value: object) -> str:
    return str(yaml.safe_dump(value, default_flow_style=True)).replace("\n...", "").strip()


def search(
    name: str,
    places: Mapping[str, Sequence[str]],
    overrides: Sequence[str],
    folder: Path,
    command: str,
    folds: int,
    rows: int = 0,
) -> SearchRecord:
    """Train every value of each key in turn and return the record written to ``search.json``.

    Trials that a former call finished are not trained again.

    Args:
        name: Recipe.
        places: Values by key, in the order of the search.
        overrides: Changes of the recipe that hold for every trial, e.g. ``epochs=1``.
        folder: Of the trials' run folders and the record.
        command: What the record says it was made by.
        folds: Parts of the training rows, each of which measures a training on the others.
        rows: Use only so many of the training rows, drawn by the recipe's seed with every class in
            its share; 0 takes all.

    Raises:
        CheckpointError: The folder holds other trials.
        DatasetError: The data are missing.
        RecipeError: A key or a value is none of the recipe's; nothing is trained before.
    """
    config = recipe.load(name, overrides)
    for key, values in places.items():
        for value in values:
            recipe.load(name, [*overrides, f"{key}={value}"])
        if key in ("data.split", "data.fold"):
            raise RecipeError(f"{key}: a search divides the training rows itself (--folds)")
    data = training_data(config, rows)
    chosen: list[str] = []
    steps: list[SearchStep] = []
    known: float | None = None
    for key, values in places.items():
        now = flat(recipe.load(name, [*overrides, *chosen])).get(key)
        accuracies = {}
        for value in values:
            if known is not None and yaml.safe_load(value) == now:
                accuracies[value] = known  # trained already, as the best of the key before
                continue
            own = recipe.load(name, [*overrides, *chosen, f"{key}={value}"])
            place = folder / f"{key}={value}".replace("/", "_").replace(" ", "")
            accuracies[value] = _trial(own, data, place, folds)
            print(f"{key}={value}: {100 * accuracies[value]:.2f} %", flush=True)
        best = max(values, key=lambda value: accuracies[value])
        known = accuracies[best]
        chosen.append(f"{key}={best}")
        steps.append(SearchStep(key, accuracies, best))
        record = SearchRecord(
            name, list(overrides), command, steps, folds, config.epochs, len(data)
        )
        files.write(record, folder / "search.json")
    return record


def training_data(config: Recipe, rows: int = 0) -> FaceDataset:
    """Return the rows that a recipe's split trains or chooses on, as a data set of their own.

    Args:
        config: The recipe.
        rows: Of these so many at random, with every class in its share; 0 returns all.

    Raises:
        DatasetError: There are no more than ``rows``.
    """
    data = load_dataset(config.data.dataset, config.data.path, config.data)
    split = splits.choose(data, config.data.split, config.data.fold)
    validation = [] if split.validation is None else [split.validation]
    own = data.select(np.sort(np.concatenate([split.train, *validation])))
    if not rows:
        return own
    if rows >= len(own):
        raise DatasetError(
            f"{config.name} trains on {len(own)} rows; take fewer, or leave out --rows"
        )
    return own.select(splits.random_share(own, 1 - rows / len(own), config.seed)[0].train)


def _trial(config: Recipe, data: FaceDataset, folder: Path, folds: int) -> float:
    """Return the mean accuracy over the folds, each over the last tenth of its epochs."""
    accuracies = []
    for fold in range(folds):
        config.data.split, config.data.fold = f"folds-{folds}", fold
        trainer = Trainer(config, folder / f"fold-{fold}", data)
        trainer.fit(resume=True)
        last = trainer.history[-max(1, len(trainer.history) // 10) :]
        accuracies.append(mean(epoch.test_accuracy for epoch in last))
    return mean(accuracies)
