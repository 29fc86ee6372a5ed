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

"""Differences of a recipe from its paper, setting by setting, by its ``paper`` block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fer_training.recipes import recipe
from fer_training.recipes.comparison import flat
from fer_training.recipes.recipe import Recipe


@dataclass(frozen=True)
class Gap:
    """One setting in which a recipe is not what the paper prints, or the paper prints nothing."""

    setting: str
    """Recipe key."""
    ours: str
    printed: str
    """Empty where the paper gives no value."""
    place: str


@dataclass(frozen=True)
class Distance:
    """Comparison of the ``paper`` block with the recipe."""

    as_printed: tuple[str, ...]
    """Settings with the printed value."""
    changed: tuple[Gap, ...]
    """Settings with another value than the printed one."""
    chosen: tuple[Gap, ...]
    """Settings whose value the paper does not print."""
    added: tuple[Gap, ...]
    """Settings that do something here and of which the paper says nothing."""

    @property
    def words(self) -> str:
        """The distance in a few sentences."""
        total = len(self.as_printed) + len(self.changed)
        parts = [f"{len(self.as_printed)} of {total} printed settings kept"]
        if self.changed:
            parts.append(
                "other than printed: "
                + ", ".join(f"{g.setting} {g.ours} (printed {g.printed})" for g in self.changed)
            )
        if self.chosen:
            parts.append(
                "not printed, chosen here: "
                + ", ".join(f"{gap.setting} {gap.ours}" for gap in self.chosen)
            )
        if self.added:
            parts.append(
                "not in the paper: " + ", ".join(f"{gap.setting} {gap.ours}" for gap in self.added)
            )
        return "; ".join(parts) + "."


_TELLING = ("augment.", "optimizer.", "schedule.", "distill.")
_TELLING_KEYS = ("label_smoothing", "votes_weight", "ema", "freeze", "init", "loss")
"""Keys that change how a network learns; away from their defaults they ought to be printed."""
_IDLE = {
    "augment.erase_area": "augment.erase",
    "augment.mixup_alpha": "augment.mixup",
    "augment.shrink_side": "augment.shrink",
    "augment.blur_sigma": "augment.blur",
    "augment.noise_sigma": "augment.noise",
    "optimizer.l2_layers": "optimizer.l2",
    "distill.share": "distill.teachers",
    "distill.temperature": "distill.teachers",
}
"""Keys that do nothing while the other one is 0 or empty."""
_OFF = {"augment.flip": 0.0, "optimizer.weight_decay": 0.0}
"""What these are without effect, where that is not their default."""


def between(config: Recipe) -> Distance:
    """Compare a recipe with what its paper prints.

    Raises:
        RecipeError: The ``paper`` block names a setting that no recipe has.
    """
    values = flat(config)
    kept, changed, chosen = [], [], []
    for key, printed in config.paper.settings.items():
        ours = _value(config, values, key)
        gap = Gap(key, as_text(ours), as_text(printed.value), printed.place)
        if printed.value is None:
            chosen.append(gap)
        elif _equal(ours, printed.value):
            kept.append(key)
        else:
            changed.append(gap)
    added = [
        Gap(key, as_text(values[key]), "", "")
        for key in values
        if key not in config.paper.settings and _does_something(key, values)
    ]
    return Distance(tuple(kept), tuple(changed), tuple(chosen), tuple(added))


def kept(config: Recipe, key: str) -> Gap:
    """Return a setting that has the printed value."""
    setting = config.paper.settings[key]
    return Gap(
        key, as_text(_value(config, flat(config), key)), as_text(setting.value), setting.place
    )


def _value(config: Recipe, values: dict[str, object], key: str) -> Any:
    if key in values:
        return values[key]
    head, _, option = key.partition(".")
    if head == "options" and option in config.options:
        return config.options[option]
    raise recipe.RecipeError(f"{config.name}: paper.settings names {key!r}, which no recipe has")


def _equal(ours: Any, printed: Any) -> bool:
    if isinstance(ours, float) and isinstance(printed, int | float):
        return abs(ours - printed) < 1e-12
    return bool(ours == printed)


def _does_something(key: str, values: dict[str, object]) -> bool:
    if not key.startswith(_TELLING) and key not in _TELLING_KEYS:
        return False
    if key in _IDLE and not values[_IDLE[key]]:
        return False
    if key == "optimizer.momentum" and values["optimizer.name"] != "sgd":
        return False
    default = _DEFAULTS[key]
    return bool(values[key] != _OFF.get(key, default))


_DEFAULTS = flat(Recipe("", ""))


def as_text(value: Any) -> str:
    """Write a value as the tables do."""
    if value is None:
        return ""
    if value == [] or value == "":
        return "none"
    if isinstance(value, list | tuple):
        return "/".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
