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

"""Mean and deviation over runs of one recipe that differ in their seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from fer_training.recipes.comparison import NO_FIGURE, changes
from fer_training.records import run
from fer_training.records.figures import Figures
from fer_training.records.run import RunRecord
from fer_training.records.tables import SeedsRecord, Spread

_WITHOUT_COPIES = ", without exact copies of Training rows"


def _accuracy(figures: Figures | None) -> float | None:
    return None if figures is None else figures.accuracy


def _without(figures: Figures | None) -> float | None:
    return None if figures is None else _accuracy(figures.without_duplicates)


FIGURES: dict[str, Callable[[RunRecord], float | None]] = {
    "single crop": lambda record: record.results.single_crop.accuracy,
    f"single crop{_WITHOUT_COPIES}": lambda record: _without(record.results.single_crop),
    "mean of crop and mirror image": lambda record: _accuracy(record.results.flip),
    f"mean of crop and mirror image{_WITHOUT_COPIES}": lambda record: _without(record.results.flip),
    "FER+ majority, single crop": lambda record: (
        record.ferplus.results.single_crop.accuracy if record.ferplus else None
    ),
    "macro-F1, single crop": lambda record: record.results.single_crop.macro_f1,
    "expected calibration error, cross-fitted": lambda record: (
        record.calibration.ece_cross_fitted if record.calibration else None
    ),
}
"""What is averaged, and how a run's record tells it; what not every run has is left out."""


def summarize(runs: Sequence[Path]) -> SeedsRecord:
    """Read the runs' records and return mean and deviation, without the command.

    Args:
        runs: Run folders of one recipe and data set.

    Raises:
        ValueError: There are fewer than two, two have one seed, or they differ in more.
        RecordError: A run is not finished.
    """
    if len(runs) < 2:
        raise ValueError("a deviation needs at least two runs")
    records = [run.read(folder) for folder in runs]
    first = records[0]
    for folder, record in zip(runs, records, strict=True):
        other = difference(first, record)
        if other:
            raise ValueError(f"{folder} differs from {runs[0]} in more than its seed: {other}")
    seeds = [record.recipe.seed for record in records]
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"the runs' seeds must differ: {', '.join(map(str, seeds))}")
    figures = {}
    for name, figure in FIGURES.items():
        values = [value for record in records if (value := figure(record)) is not None]
        if len(values) == len(records):
            figures[name] = Spread(values, float(np.mean(values)), float(np.std(values, ddof=1)))
    return SeedsRecord(first.recipe.name, first.data.name, seeds, figures, first.recipe.init)


def difference(first: RunRecord, other: RunRecord, ignored: Sequence[str] = ()) -> str:
    """Name the entries in which recipes, data or protocol differ, but for the seed.

    Args:
        first: One run.
        other: Another.
        ignored: Keys of the recipes that may differ too.

    Returns:
        Names with commas between them, empty where the runs differ in nothing else.
    """
    names = ["protocol"] if first.protocol != other.protocol else []
    names += ["data"] if first.data.sha256 != other.data.sha256 else []
    found = changes(first.recipe, other.recipe, (*NO_FIGURE, "seed", *ignored))
    return ", ".join([*names, *(f"recipe.{change.key}" for change in found)])


def sentence(results: SeedsRecord) -> str:
    """Return mean and deviation of the accuracies in one sentence, without copies in brackets.

    Args:
        results: From :func:`summarize`.
    """
    figures = results.figures
    parts = []
    for name in ("single crop", "mean of crop and mirror image"):
        if name in figures:
            rest = name + _WITHOUT_COPIES
            inner = f" ({_spread(figures[rest])})" if rest in figures else ""
            parts.append(f"{name} {_spread(figures[name])}{inner}")
    seeds = ", ".join(map(str, results.seeds))
    return f"Mean ± deviation over seeds {seeds}: {'; '.join(parts)}."


def _spread(entry: Spread) -> str:
    return f"{100 * entry.mean:.2f} ± {100 * entry.deviation:.2f}"


def markdown(results: SeedsRecord) -> str:
    """Return a sentence and a table for the model card.

    Args:
        results: From :func:`summarize`.
    """
    seeds, init = results.seeds, results.init
    start = f"\nAll go on from one run, {Path(init).name}; the rest varies." if init else ""
    lines = [
        f"The recipe run with {len(seeds)} seeds ({', '.join(map(str, seeds))}); the deviation is "
        f"the sample's.{start}",
        "",
        "| [%] | " + " | ".join(f"seed {seed}" for seed in seeds) + " | mean ± deviation |",
        "|---" * (len(seeds) + 2) + "|",
    ]
    for name, entry in results.figures.items():
        cells = [f"{100 * value:.2f}" for value in entry.values]
        cells.append(f"**{_spread(entry)}**")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
