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

"""Differences of two recipes, with keys to ignore."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from fer_ros.records import to_plain
from fer_training.recipes.recipe import Recipe

NO_FIGURE = ("name", "paper", "differs", "threads", "data.path")
"""Keys that move no figure; data are compared by their digest."""

NO_CURVE = (*NO_FIGURE, "calibration")
"""Keys that move no learning curve: what follows training may change when a run is resumed."""


@dataclass(frozen=True)
class Change:
    """A key that has another value in the second recipe."""

    key: str
    """Dotted, e.g. ``optimizer.lr``."""
    before: object
    after: object


def changes(before: Recipe, after: Recipe, ignored: Collection[str]) -> list[Change]:
    """Return the keys with different values, in the order of the recipe.

    Args:
        before: First recipe.
        after: Second recipe.
        ignored: Keys that do not count; ``paper`` includes all keys below it.
    """
    own, its = flat(before), flat(after)
    names = [*its, *(key for key in own if key not in its)]
    return [
        Change(key, own.get(key), its.get(key))
        for key in names
        if own.get(key) != its.get(key) and not {key, key.partition(".")[0]} & {*ignored}
    ]


def difference(saved: Recipe, own: Recipe) -> str:
    """Name the first key whose values give two curves, with both; empty where there is none."""
    found = changes(saved, own, NO_CURVE)
    return f"{found[0].key} = {found[0].before!r}, not {found[0].after!r}" if found else ""


def flat(recipe: Recipe) -> dict[str, object]:
    """Return a recipe's values by dotted key."""
    return dict(_flat(to_plain(recipe), ""))


def _flat(values: dict[str, object], prefix: str) -> list[tuple[str, object]]:
    made: list[tuple[str, object]] = []
    for key, value in values.items():
        inner = isinstance(value, dict)
        made += _flat(value, f"{prefix}{key}.") if inner else [(prefix + key, value)]  # type: ignore[arg-type]
    return made
