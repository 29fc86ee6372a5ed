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

"""``readings.json``: searches over settings that the papers leave open, and their results."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from fer_training.records import files
from fer_training.records.tables import SearchRecord

PATH = Path(__file__).with_name("readings.json")


@dataclass(frozen=True)
class Readings:
    """Searches of recipes' open settings."""

    searches: list[SearchRecord] = field(default_factory=list)

    def of(self, name: str) -> list[SearchRecord]:
        """Return the searches of a recipe, each over keys of its own."""
        return [own for own in self.searches if own.recipe == name]


def read(path: Path = PATH) -> Readings:
    """Read the file; an absent one has no searches.

    Raises:
        RecordError: It has other fields.
    """
    return files.read(Readings, path) if path.is_file() else Readings()


def collect(runs: Path) -> list[SearchRecord]:
    """Read every ``search.json`` of a search on folds of training rows below a folder."""
    found = [files.read(SearchRecord, path) for path in sorted(runs.glob("**/search.json"))]
    return [own for own in found if own.folds]


def merge(old: Readings, new: Iterable[SearchRecord]) -> Readings:
    """Return all searches by recipe; what a newer one has searched is left out of the older."""
    kept: list[SearchRecord] = []
    for own in reversed([*old.searches, *new]):
        newer = {step.key for later in kept if later.recipe == own.recipe for step in later.steps}
        steps = [step for step in own.steps if step.key not in newer]
        if steps:
            kept.insert(0, replace(own, steps=steps))
    return Readings(sorted(kept, key=lambda own: own.recipe))
