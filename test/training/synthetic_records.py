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

"""Records of runs that never were, for tests of what is made of records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fer_training.recipes import recipe
from fer_training.recipes.recipe import Recipe
from fer_training.records import run as records
from fer_training.records.figures import Calibration, ClassFigures, Figures, Results
from fer_training.records.run import DataOrigin, RunRecord

NAMES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def figures(accuracy: float, rows: int = 100, **changes: Any) -> Figures:
    values: dict[str, Any] = {
        "rows": rows,
        "accuracy": accuracy,
        "accuracy_95": (accuracy - 0.016, accuracy + 0.016),
        "balanced_accuracy": accuracy,
        "macro_f1": 0.5,
        "top2": 0.9,
        "ece": 0.05,
        "nll": 1.0,
        "per_class": {name: ClassFigures(0.5, 0.5, 0.5, 10) for name in NAMES},
        "confusion": [[1] * len(NAMES)] * len(NAMES),
    }
    return Figures(**{**values, **changes})


def record(config: Recipe | str, accuracy: float, *overrides: str, **changes: Any) -> RunRecord:
    """A record of a run of a recipe, or of one of the package's by name."""
    own = recipe.load(config, overrides) if isinstance(config, str) else config
    single, flip = figures(accuracy), figures(accuracy)
    values: dict[str, Any] = {
        "recipe": own,
        "protocol": own.data.split,
        "selects": own.data.split == "official",
        "leaks": "",
        "command": f"fer-train train {own.name}",
        "revision": "0" * 40,
        "versions": {"onnxruntime": "1"},
        "data": DataOrigin(own.data.dataset, "0" * 64, 100, 80, "made up"),
        "parameters": 1000,
        "macs": 2_000_000,
        "minutes": 1.0,
        "results": Results(own.name, own.data.dataset, 100, list(NAMES), single, flip),
        "calibration": Calibration(1.0, 0.4, 0.05, 0.02, [], []),
        "device": "a processor",
        "epochs": own.epochs,
        "best_epoch": own.epochs,
    }
    return RunRecord(**{**values, **changes})


def write(folder: Path, made: RunRecord) -> Path:
    records.write(made, folder)
    return folder


def write_named(folder: Path, name: str, accuracy: float) -> None:
    """Write the record of a run of this name and accuracy into its folder."""
    write(folder, record(name, accuracy))
