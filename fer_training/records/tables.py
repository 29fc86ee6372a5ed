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

"""``seeds.json``, ``robustness.json``, ``latency.json`` and ``search.json``.

Each lies in a run folder, becomes a section of the model card and holds the command that wrote it.
Shares are in 0..1, times in milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Spread:
    """A figure of several runs; the deviation is the sample's (n - 1)."""

    values: list[float]
    """One per seed."""
    mean: float
    deviation: float


@dataclass
class SeedsRecord:
    """Runs of one recipe that differ in their seed."""

    recipe: str
    dataset: str
    seeds: list[int]
    figures: dict[str, Spread]
    """By the names of :data:`fer_training.measure.seeds.FIGURES`."""
    init: str = ""
    """The run that all of them go on from."""
    command: str = ""


@dataclass(frozen=True)
class CleanFigures:
    """A network on unchanged crops."""

    accuracy: float
    macro_f1: float


@dataclass(frozen=True)
class DegradedFigures:
    """A network under one condition; means over the condition's draws."""

    accuracy: float
    macro_f1: float
    drop: float
    """Clean accuracy less the one under the condition."""
    drop_error: float
    """Standard error of the drop over the rows (paired, so much smaller than an accuracy's)."""


@dataclass(frozen=True)
class SceneFigures:
    """Faces of one size, or of all, pasted into scenes and found again."""

    shown: int
    found: int
    accuracy: float | None = None
    """Of the faces found; None where none was."""
    accuracy_bare: float | None = None
    """Of the same faces' bare crops."""


@dataclass(frozen=True)
class ScenesRecord:
    """A network on faces that a detector found in made-up scenes."""

    width: int
    height: int
    detector: str
    strays: int
    """Boxes that are no pasted face."""
    shown: int
    found: int
    accuracy: float
    accuracy_bare: float
    by_size: dict[str, SceneFigures]
    """By side of the pasted crop [pixels]."""


@dataclass(frozen=True)
class ConditionRecord:
    """One row of the robustness table."""

    name: str
    draws: int
    largest_drop: float | None = None
    """Loss from which a network does not count as fit for cameras."""


@dataclass
class DegradedModel:
    """One network of the robustness table."""

    name: str
    clean: CleanFigures
    conditions: dict[str, DegradedFigures]
    """By the condition's name."""
    sha256: str = ""
    scenes: ScenesRecord | None = None


@dataclass
class RobustnessRecord:
    """Networks on the same degraded crops."""

    dataset: str
    data_sha256: str
    rows: int
    seed: int
    conditions: list[ConditionRecord]
    models: list[DegradedModel]
    command: str = ""
    revision: str = ""
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Timing:
    """One file at one batch size [ms]."""

    median_ms: float
    p95_ms: float
    ratio: float
    """Median over the rounds of the time by the first file's in the same round, which other work
    on the machine disturbs far less than the milliseconds."""
    cold_ms: float
    """Median of the run just before each timed one, when the caches still held another file's
    weights, as after a detector."""


@dataclass(frozen=True)
class TimedFile:
    """One file of the latency table."""

    file: str
    sha256: str
    bytes: int
    batches: dict[str, Timing]
    """By batch size."""


@dataclass
class LatencyRecord:
    """Files timed in turns."""

    rounds: int
    threads: int
    processor: str
    files: list[TimedFile]
    untrained: list[str] = field(default_factory=list)
    """Names of files with random weights, made from the architecture alone."""
    command: str = ""
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SearchStep:
    """One key of a greedy search."""

    key: str
    accuracies: dict[str, float]
    """By value as text; shares, 0..1."""
    chosen: str


@dataclass
class SearchRecord:
    """A greedy search over values of a recipe's keys."""

    recipe: str
    overrides: list[str]
    command: str
    steps: list[SearchStep]
    folds: int = 0
    """Of the training rows, on which the values were chosen."""
    epochs: int = 0
    """Of every trial, without what ``steps`` vary."""
    rows: int = 0
    """Training rows that the folds divide; 0 in records from before they were counted."""
