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

"""Cells of the page of results: accuracies, epochs, and reasons for missing ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import mean, stdev

from fer_training.papers import costs
from fer_training.papers.results import Result
from fer_training.papers.systems import OWNERS_DATA, Claim
from fer_training.recipes import recipe

ONE_CLASS = 0.1
"""Macro-F1 below which a network distinguishes no classes; one class of seven alone reads 0.06."""


def of(name: str, results: Sequence[Result]) -> list[Result]:
    """Return the lines of a recipe, or of ``<machine>:<split>``, one a seed.

    Lines of runs of which only a first part was run are left out beside longer ones.
    """
    recipe_name, _, split = name.partition(":")
    lines = [
        line
        for line in results
        if name and line.recipe == recipe_name and (not split or line.split == split)
    ]
    longest = max((_planned(line) for line in lines), default=0)
    return [line for line in lines if _planned(line) == longest]


def _planned(line: Result) -> int:
    return (line.epochs_printed or 0) if line.complete else (line.planned or 0)


def spread(values: Sequence[float]) -> str:
    """Return the mean, with the sample's deviation where there are several; empty for none."""
    if not values:
        return ""
    if len(values) == 1:
        return f"{values[0]:.1f}"
    return f"{mean(values):.1f} ± {stdev(values):.1f}"


def row(own: Claim, results: Sequence[Result]) -> list[str]:
    """Return the cells *same*, *honest* and *epochs* of a row of the page."""
    if own.dataset in OWNERS_DATA:
        return ["data only from its owners", "-", "-"]
    same, honest = of(own.same, results), of(own.honest, results)
    plain = spread([line.single for line in same]) or not_run(own.same)
    if own.honest:
        fair = spread([line.single for line in honest]) or not_run(own.honest, all_folds=True)
        return [plain, fair, _both(same, honest)]
    fair = spread([x.without_copies for x in same if x.without_copies is not None]) or "-"
    votes = spread([line.ferplus for line in same if line.ferplus is not None])
    return [plain + (f" (FER+ {votes})" if votes else ""), fair, epochs(same)]


def reached(name: str, results: Sequence[Result]) -> str:
    """Return a recipe's short name and its accuracy, with ``@`` the epochs where not all were run.

    A network that gives one class for everything *collapses*.
    """
    lines = of(name, results)
    short = name.partition(" with ")[2] or name
    if not lines:
        return f"{short} {not_run(name)}"
    if (lines[0].epochs or 0) < (lines[0].epochs_printed or 0):
        short += f"@{lines[0].epochs}"
    value = spread([line.single for line in lines])
    collapsed = all(line.macro_f1 is not None and line.macro_f1 < ONE_CLASS for line in lines)
    return f"{short} collapses ({value})" if collapsed else f"{short} {value}"


def epochs(lines: Sequence[Result]) -> str:
    """Return the epochs trained, least to most over the seeds, of those the recipe asks for."""
    trained = sorted({line.epochs for line in lines if line.epochs is not None})
    if not trained:
        return "-"
    span = f"{trained[0]}" if len(trained) == 1 else f"{trained[0]} to {trained[-1]}"
    return f"{span}/{lines[0].epochs_printed}"


def _both(same: Sequence[Result], honest: Sequence[Result]) -> str:
    one, two = epochs(same), epochs(honest)
    return one if two in (one, "-") else f"{one}; {two}"


def not_run(name: str, all_folds: bool = False) -> str:
    """Return that a run is missing, with its cost where that is known."""
    hours = sum(_hours(part, all_folds) for part in _members(name))
    return f"not run ({hours:.1f} h)" if 0 < hours < float("inf") else "not run"


def _members(name: str) -> list[str]:
    """Return the runs whose scores a fusion joins, or the run itself."""
    fused = re.fullmatch(r"(?:sum|product)\((.+)\)", name)
    return fused[1].split(", ") if fused else [name]


def _hours(name: str, all_folds: bool) -> float:
    made_by, _, part = name.partition("@")
    if ":" in made_by:
        return 0.0
    return costs.hours(made_by, int(part) if part else recipe.load(made_by).epochs, all_folds)
