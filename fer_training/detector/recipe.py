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

"""Recipes of detector trainings: everything that decides the weights but the data's place."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path

import yaml

from fer_ros.files import read_text
from fer_ros.perception import model_store
from fer_ros.records import RecordError, build
from fer_training.data.base import DatasetError
from fer_training.detector.compose import Mixture
from fer_training.detector.training import Plan

RECIPES = Path(__file__).parent / "recipes"


@dataclass(frozen=True)
class Recipe:
    """The part of a :class:`Plan` that belongs to no machine; fields as there."""

    start_sha256: str = ""
    """Digest of the exported file whose weights the training begins with; empty: with none."""
    steps: int = 12000
    cool_from: int = 9000
    rate: float = 2e-3
    decay: float = 0.02
    average: float = 0.998
    seed: int = 0
    sides: tuple[tuple[int, int, float], ...] = ((256, 32, 0.45), (320, 20, 0.3), (448, 11, 0.25))
    mine_at: tuple[int, ...] = ()
    mixture: Mixture = field(default_factory=Mixture)

    def plan(
        self,
        cache: Path,
        out: Path,
        validation: Path | None = None,
        start: Path | None = None,
        workers: int = 1,
    ) -> Plan:
        """Return the plan of a training by this recipe.

        Args:
            cache: Folder of the decoded data.
            out: Run folder.
            validation: npz with boxes drawn by people.
            start: File to begin with; by default the shipped detector, where the recipe asks
                for one.
            workers: Processes that compose fields.

        Raises:
            DatasetError: The file to begin with is not the recipe's.
            ValueError: A number is out of its range.
        """
        own = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        wanted = own.pop("start_sha256")
        if wanted:
            start = start or model_store.shipped_detector()
            if not start.is_file() or model_store.digest_of(start) != wanted:
                raise DatasetError(
                    f"{start} is not the file with SHA-256 {wanted[:12]}... that the recipe begins "
                    "with; take it from the repository's history and name it with --start"
                )
        return Plan(
            cache=cache, out=out, validation=validation, start=start, workers=workers, **own
        )


def names() -> list[str]:
    """Return the names of the recipes that come with the package."""
    return [path.stem for path in sorted(RECIPES.glob("*.yaml"))]


def load(name: str) -> Recipe:
    """Return a recipe by the name of one of the package's, or by a file's.

    Raises:
        DatasetError: There is none, or a value does not fit.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else RECIPES / f"{name}.yaml"
    if not path.is_file():
        raise DatasetError(f"no detector recipe {name!r}; there are {', '.join(names())}")
    try:
        return build(Recipe, yaml.safe_load(read_text(path)))
    except (RecordError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DatasetError(f"{path}: {' '.join(str(error).split())}") from error
