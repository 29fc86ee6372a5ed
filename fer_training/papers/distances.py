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

"""The page of distances between recipes and papers: a table a paper, a line a setting."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from fer_training.papers import costs, distance
from fer_training.papers.distance import Gap
from fer_training.papers.readings import Readings
from fer_training.papers.systems import SYSTEMS, System
from fer_training.recipes import recipe
from fer_training.recipes.recipe import Recipe
from fer_training.records.tables import SearchRecord, SearchStep

FOLDS = 3
"""Of a search, unless given otherwise; each value costs its runs on all but one of them."""

_HEAD = """\
# Distances between recipes and papers

Written by `fer-train compare --ship` from the `paper` blocks of the recipes, which also say where
in the paper each value is, and from what `fer-train search RECIPE` found. *Printed*: `-` where
the paper names no value. *First reading*: what the runs of the page of results had. *Tried*:
accuracy in per cent on folds of the training rows, the other settings as first read or best so far;
*to try*: the recipe's `open` values that were not searched for want of computing time, with its
hours. Recipes of protocols without persons on both sides differ in the split alone.
"""


@dataclass(frozen=True)
class _Own:
    """A recipe under its paper's protocol."""

    label: str
    """Data set, and the network where one data set has several."""
    config: Recipe


def write(readings: Readings) -> str:
    """Return the page."""
    lines = [_HEAD]
    for system in SYSTEMS:
        lines += [f"## {system.name}\n", *_table(system, readings), ""]
        own = dict.fromkeys(found.config.differs for found in _recipes(system))
        lines += [f"{' '.join(text for text in own if text)}\n"]
    return "\n".join(lines).rstrip() + "\n"


def _recipes(system: System) -> list[_Own]:
    rows = [row for row in system.rows if "(" not in row.same and not row.same.startswith("svm")]
    several = len({row.what for row in rows}) > 1
    return [
        _Own(f"{row.what} {row.dataset}" if several else row.dataset, recipe.load(row.same))
        for row in rows
    ]


def _table(system: System, readings: Readings) -> Iterator[str]:
    yield "| setting | printed | first reading | tried | best reading |"
    yield "|---|---|---|---|---|"
    recipes = _recipes(system)
    gaps = [(own, _gaps(own.config)) for own in recipes]
    for key in dict.fromkeys(key for _, found in gaps for key in found):
        having = [(own, found[key]) for own, found in gaps if key in found]
        searched = [
            (own, found, step)
            for own, _ in having
            for found in readings.of(own.config.name)
            for step in found.steps
            if step.key == key
        ]
        first = having[0][0]
        tried = [_tried(own.label, found, step) for own, found, step in searched]
        if all(own is not first for own, _, _ in searched):
            tried += _to_try(key, first)
        cells = [
            key,
            _joined(having, lambda gap: gap.printed or "-"),
            _joined(having, lambda gap: gap.ours),
            "; ".join(tried) or "-",
            "; ".join(f"{own.label}: {step.chosen}" for own, _, step in searched) or "-",
        ]
        yield "| " + " | ".join(cells) + " |"


def _gaps(config: Recipe) -> dict[str, Gap]:
    """Return what is printed and used of every setting that counts, by key."""
    found = distance.between(config)
    kept = [distance.kept(config, key) for key in found.as_printed]
    return {gap.setting: gap for gap in (*kept, *found.changed, *found.chosen, *found.added)}


def _joined(having: Sequence[tuple[_Own, Gap]], text: Callable[[Gap], str]) -> str:
    """Return the value that most recipes have, then those of the others with their labels."""
    values: dict[str, list[str]] = {}
    for own, gap in having:
        values.setdefault(text(gap), []).append(own.label)
    first, *others = sorted(values, key=lambda value: -len(values[value]))
    return "; ".join([first, *(f"{', '.join(values[value])}: {value}" for value in others)])


def _tried(label: str, found: SearchRecord, step: SearchStep) -> str:
    values = []
    for value, accuracy in step.accuracies.items():
        bold = "**" if value == step.chosen else ""
        values.append(f"{bold}{value} {100 * accuracy:.1f}{bold}")
    rows = f" of {found.rows:,} rows" if found.rows else ""
    return f"{label}: {', '.join(values)} ({found.epochs} epochs, {found.folds} folds{rows})"


def _to_try(key: str, own: _Own) -> list[str]:
    """Return the values of a recipe's list of open settings, with the hours of their search."""
    values = [distance.as_text(value) for value in own.config.paper.open.get(key, [])]
    if not values:
        return []
    hours = (len(values) - 1) * (FOLDS - 1) * costs.hours(own.config.name, own.config.epochs)
    return [f"{own.label} to try: {', '.join(values)} ({hours:.1f} h)"]
