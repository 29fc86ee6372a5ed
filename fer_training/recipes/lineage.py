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

"""Prerequisites of a recipe: the runs that it starts from or is distilled from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fer_training.recipes import recipe
from fer_training.recipes.recipe import Recipe


@dataclass(frozen=True)
class Need:
    """A recipe of the package and the folder where another one looks for its run."""

    name: str
    folder: Path
    dataset: str

    @property
    def met(self) -> bool:
        """Whether the run is finished."""
        return (self.folder / "metrics.json").is_file()


def needs(config: Recipe) -> list[Need]:
    """Return what a recipe needs, directly or through others, the earliest first.

    Only folders named after a recipe of the package count: other paths are the user's own, and a
    bare name is that of a shipped network.
    """
    found: list[Need] = []
    for place in (config.init, *config.distill.teachers):
        name = Path(place).name
        if name != place and name in recipe.names():
            before = recipe.load(name)
            found += needs(before)
            found.append(Need(name, Path(place), before.data.dataset))
    return list(dict.fromkeys(found))
