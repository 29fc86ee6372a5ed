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

"""Greedy search over values of a recipe, e.g. Yengikand's dropout of 0.1, 0.2 or 0.3.

One key after the other: every value is trained with what was chosen before, the best one on the
rows that may select stays. Such a score chose its own value, so it is no result.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fer_training.data import load_dataset, splits
from fer_training.recipes import recipe
from fer_training.recipes.recipe import RecipeError
from fer_training.records import files, run
from fer_training.records.tables import SearchRecord, SearchStep
from fer_training.train import runs


def parse(place: str) -> tuple[str, list[str]]:
    """Return key and values of ``key=value,value,...``.

    Raises:
        RecipeError: It is not of that form, or gives less than two values.
    """
    key, separator, text = place.partition("=")
    values = [value.strip() for value in text.split(",")]
    if not separator or not all(values) or len(set(values)) < 2 or len(set(values)) < len(values):
        raise RecipeError(f"{place!r} is not of the form key=value,value with different values")
    return key, values


def search(
    name: str, places: Sequence[str], overrides: Sequence[str], folder: Path, command: str
) -> SearchRecord:
    """Train every value of each key in turn and return the record written to ``search.json``.

    Trials that a former call finished are not trained again.

    Args:
        name: Recipe.
        places: ``key=value,value,...`` each, in the order of the search.
        overrides: Changes of the recipe that hold for every trial, e.g. ``epochs=1``.
        folder: Where the trials' run folders and the record go.
        command: What the records say they were made by.

    Raises:
        RecipeError: The split has no rows that may select, or the folder holds other trials.
    """
    keys = [parse(place) for place in places]
    _check(recipe.load(name, overrides))
    chosen: list[str] = []
    steps = []
    for key, values in keys:
        accuracies = {
            value: _trial(name, [*overrides, *chosen], f"{key}={value}", folder, command)
            for value in values
        }
        best = max(values, key=lambda value: accuracies[value])
        chosen.append(f"{key}={best}")
        steps.append(SearchStep(key, accuracies, best))
    record = SearchRecord(name, list(overrides), command, steps)
    files.write(record, folder / "search.json")
    return record


def _check(config: recipe.Recipe) -> None:
    data = load_dataset(config.data.dataset, config.data.path, config.data)
    if not splits.choose(data, config.data.split, config.data.fold).selects:
        raise RecipeError(
            f"the test rows of the split {config.data.split!r} are reported and may not choose; "
            "search on one that has rows for it, e.g. FER2013's official split"
        )


def _trial(name: str, overrides: list[str], change: str, folder: Path, command: str) -> float:
    """Return the accuracy of one value, from its finished run where there is one."""
    title = f"name={recipe.load(name).name} with {change}"
    changes = [*overrides, change, title]
    place = folder / change.replace("/", "_")
    if not run.finished(place):
        runs.train(name, changes, place, True, False, command)
    record = run.read(place)
    if record.recipe != recipe.load(name, changes):
        raise RecipeError(f"{place} holds a trial of other settings; choose another --out")
    return record.results.single_crop.accuracy
