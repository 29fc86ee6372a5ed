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

"""Every network on one scale: FER2013 PublicTest accuracy against milliseconds a crop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from fer_ros.perception.model_store import shipped_models
from fer_training.papers.results import Result, network_of
from fer_training.papers.systems import SYSTEMS
from fer_training.recipes import recipe
from fer_training.recipes.recipe import OWN

PRINTED: Mapping[str, str] = {
    "yengikand-attention": "Yengikand",
    "umer-cnn1": "Umer CNN_1",
    "umer-cnn2": "Umer CNN_2",
    "patil-fer2013": "Patil",
    "patil-ckplus": "Patil CK+",
    "deep-emotion": "Minaee",
    **{f"chowanda-arch{number}": f"ARCH-{number}" for number in range(1, 5)},
}
"""The ten networks of the five papers, by architecture."""


@dataclass(frozen=True)
class Point:
    """One network."""

    label: str
    system: str
    ms: float
    accuracy: float
    """Of one crop [%], mean over seeds."""


@dataclass(frozen=True)
class Absent:
    """The papers' networks that have no point."""

    unfinished: list[str]
    """No finished run on FER2013, or no time."""
    elsewhere: list[str]
    """Their papers print no figure of theirs on FER2013."""


def points(results: Sequence[Result]) -> list[Point]:
    """Return a point a network: of its recipes on FER2013 the one with the best mean over seeds.

    A shipped file is a network of its own, whatever its layers.
    """
    best: dict[str, Point] = {}
    recipes: dict[tuple[str, str], list[Result]] = {}
    for line in filter(_charted, results):
        recipes.setdefault((_name(line), line.recipe), []).append(line)
    for (name, made_by), lines in recipes.items():
        accuracy = mean(line.single for line in lines)
        if name not in best or accuracy > best[name].accuracy:
            system = OWN if name not in PRINTED else lines[0].system
            label = _label(name, made_by)
            best[name] = Point(label, system, lines[0].ms or 0, round(accuracy, 2))
    return list(best.values())


def absent(results: Sequence[Result]) -> Absent:
    """Return the papers' networks without a point, by why."""
    shown = {_name(line) for line in filter(_charted, results)}
    compared = {
        recipe.load(row.same).architecture
        for system in SYSTEMS
        for row in system.rows
        if row.dataset == "fer2013" and not row.same.startswith("svm")
    }
    missing = [name for name in PRINTED if name not in shown]
    return Absent(
        [PRINTED[name] for name in missing if name in compared],
        [PRINTED[name] for name in missing if name not in compared],
    )


def _charted(line: Result) -> bool:
    measured = line.dataset == "fer2013" and line.split == "official" and bool(line.ms)
    return measured and line.complete and "@" not in line.recipe  # which is a short run's name


def _name(line: Result) -> str:
    file = line.recipe.split()[0]
    return file if file in shipped_models() else network_of(line)


def _label(name: str, made_by: str) -> str:
    """Return the paper's name, with what was laid over its recipe; of ours the network's."""
    if name not in PRINTED:
        return made_by if made_by.split()[0] == name else name
    overlay = made_by.partition("+")[2]
    return f"{PRINTED[name]} ({overlay})" if overlay else PRINTED[name]
