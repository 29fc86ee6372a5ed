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

"""Values of a recipe that no training can honour."""

from __future__ import annotations

from fer_training.recipes.recipe import Recipe, RecipeError

SCHEDULES = ("constant", "cosine", "plateau")
_CHANGES = ("flip", "erase", "erase_area", "filters", "mixup", "sharpen", "shrink", "blur", "noise")
"""Of the augmentation, those that are shares or probabilities."""
_LEAST = {"epochs": 1, "batch_size": 2, "threads": 1, "epoch_rows": 0}


def check(recipe: Recipe) -> None:
    """Refuse values with which nothing is trained, or silently something else.

    Raises:
        RecipeError: A value is outside its range.
    """
    for key, least in _LEAST.items():
        value = getattr(recipe, key)
        if value < least:
            raise RecipeError(f"{key} must be {least} or more, not {value}")
    shares = {
        "ema": recipe.ema,
        "label_smoothing": recipe.label_smoothing,
        "data.vote_share": recipe.data.vote_share,
        "data.oversample": recipe.data.oversample,
        "distill.share": recipe.distill.share,
        **{f"augment.{name}": getattr(recipe.augment, name) for name in _CHANGES},
    }
    for key, share in shares.items():
        if not 0 <= share <= 1:
            raise RecipeError(f"{key} must lie in 0..1, not {share}")
    if recipe.data.unlabelled and not recipe.distill.stored:
        raise RecipeError("data.unlabelled needs distill.stored: teachers name those crops")
    if recipe.keep not in ("best", "last"):
        raise RecipeError(f"keep must be best or last, not {recipe.keep!r}")
    if recipe.schedule.name not in SCHEDULES:
        raise RecipeError(
            f"schedule.name must be one of {', '.join(SCHEDULES)}, not {recipe.schedule.name!r}"
        )
