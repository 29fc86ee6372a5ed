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

"""``results.csv``: one line a run, the source of every figure on the page of results."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields, replace
from pathlib import Path
from statistics import median
from typing import Any

from fer_training.measure import seeds
from fer_training.recipes import recipe
from fer_training.recipes.recipe import RecipeError
from fer_training.records import files, run
from fer_training.records.figures import Figures, Results
from fer_training.records.progress import read_epochs
from fer_training.records.run import RunRecord
from fer_training.records.tables import LatencyRecord


@dataclass(frozen=True)
class Result:
    """What one run measured; accuracies and calibration error in per cent."""

    system: str
    """Publication."""
    recipe: str
    dataset: str
    split: str
    leaks: str
    """``yes`` where persons or copies are on both sides."""
    seed: int
    epochs: int | None
    """None for machines."""
    epochs_printed: int | None
    """Of the recipe; fewer are trained where it stops early."""
    rows: int
    """Measured ones."""
    single: float
    mirror: float | None
    """Mean of the crop and its mirror image."""
    without_copies: float | None
    """Of one crop, without test rows that have an exact copy among the training rows."""
    ferplus: float | None
    """Of one crop, on the rows with an FER+ majority, which is the true class."""
    macro_f1: float | None
    ece: float | None
    parameters: int
    """With the statistics of batch norms, as Keras counts."""
    macs: int
    """A crop."""
    ms: float | None
    """Of one crop, one thread (:func:`latencies_of`)."""
    minutes: float | None
    precision: str
    revision: str
    command: str
    reached: int | None = None
    """First epoch, from 1, whose test accuracy is within a point of the run's best."""
    epoch_s: float | None = None
    """Median of the epochs' seconds; other work on the machine lengthens it."""
    planned: int | None = None
    """Epochs that the run was given, fewer than the recipe's where only a first part was run; None
    in lines of earlier runs, all to their end."""

    @property
    def complete(self) -> bool:
        """Whether it is of a run to its end, which an early stop is too."""
        return self.planned is None or self.planned >= (self.epochs_printed or 0)

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What makes a line the same run as another."""
        return (self.recipe, self.dataset, self.split, self.seed)


@dataclass(frozen=True)
class Found:
    """A finished run of a folder of runs."""

    folder: Path
    record: RunRecord
    line: Result


def find(runs: Path) -> list[Found]:
    """Read every record below a folder, in the order of the folders' names.

    Raises:
        RecordError: A record has other fields.
    """
    found = []
    for path in sorted(runs.glob(f"**/{run.NAME}")):
        folder = path.parent
        if not folder.name.startswith("fold-"):
            record = run.read(folder)
            line = _paced(_result(record, _folds(folder)), folder / "summary.csv")
            found.append(Found(folder, record, line))
    return found


def collect(runs: Path) -> list[Result]:
    """Return a line for every run; of several of one run the folder named after it counts.

    Raises:
        RecordError: A record has other fields.
        ValueError: Runs whose mean the page would give differ in more than their seed.
    """
    chosen: dict[tuple[str, str, str, int], Found] = {}
    for own in find(runs):
        if own.line.key not in chosen or own.folder.name == own.line.recipe:
            chosen[own.line.key] = own
    _check_seeds(chosen.values())
    lines = {}
    for own in chosen.values():
        for line in (own.line, *_on_the_way(own.line, own.folder / "summary.csv")):
            lines[line.key] = line
    return list(lines.values())


def _check_seeds(found: Iterable[Found]) -> None:
    """Refuse runs of one name that differ in more than the seed and how far they went."""
    first: dict[tuple[str, str, str], Found] = {}
    for own in found:
        other = first.setdefault(own.line.key[:3], own)
        differs = seeds.difference(other.record, own.record, ("epochs",))
        if differs:
            raise ValueError(
                f"{other.folder} and {own.folder} are both {own.line.recipe} and differ in more "
                f"than the seed: {differs}; name one of them otherwise (--set name=...)"
            )


GRID = ("umer-cnn1-48", "umer-cnn1-48-batch-16", "umer-cnn1-48-batch-32")
"""Runs of one constant rate, of which Umer et al. 2022 report several lengths (figure 9)."""
GRID_EPOCHS = (50, 100, 200)


def _paced(result: Result, summary: Path) -> Result:
    """Return the line with the speed by its curve, where the run has a curve of its own."""
    if not summary.is_file():
        return result
    epochs = read_epochs(summary)
    best = max(epoch.test_accuracy for epoch in epochs)
    near = (epoch.epoch + 1 for epoch in epochs if epoch.test_accuracy >= best - 0.01)
    seconds = median(epoch.seconds for epoch in epochs)
    return replace(result, reached=next(near), epoch_s=round(seconds, 2))


def _on_the_way(result: Result, summary: Path) -> Iterator[Result]:
    """Yield lines ``<recipe>@<epochs>`` of the shorter runs that a run of constant rate holds."""
    if result.recipe not in GRID or not summary.is_file():
        return
    accuracies = [epoch.test_accuracy for epoch in read_epochs(summary)]
    for epochs in GRID_EPOCHS:
        if epochs <= len(accuracies):
            yield replace(
                result,
                recipe=f"{result.recipe}@{epochs}",
                epochs=epochs,
                epochs_printed=epochs,
                planned=epochs,
                single=_percent(accuracies[epochs - 1]),
                mirror=None,
                macro_f1=None,
                ece=None,
                minutes=None,
                reached=None,
            )


def _result(record: RunRecord, folds: Sequence[Results]) -> Result:
    config, results = record.recipe, record.results
    single, majority = results.single_crop, results.on_majority
    return Result(
        system=config.paper.name,
        recipe=config.name,
        dataset=config.data.dataset,
        split=config.data.split,
        leaks="yes" if record.leaks else "",
        seed=config.seed,
        epochs=record.epochs,
        epochs_printed=_printed_epochs(record),
        rows=results.rows,
        single=_percent(single.accuracy),
        mirror=_mirror(results, folds),
        without_copies=_without_copies(single),
        ferplus=_percent(majority.accuracy) if majority else None,
        macro_f1=round(single.macro_f1, 4),
        ece=_percent(single.ece),
        parameters=record.parameters,
        macs=record.macs,
        ms=None,
        minutes=round(record.minutes, 1) if record.minutes else None,
        precision=record.precision,
        revision=record.revision[:12],
        command=record.command,
        planned=record.recipe.epochs if record.epochs else None,
    )


def _percent(share: float) -> float:
    return round(100 * share, 2)


def _printed_epochs(record: RunRecord) -> int | None:
    """Return what the recipe asks for as the package holds it, else as the run had it.

    None for what was not trained in epochs.
    """
    if not record.epochs:
        return None
    name = re.sub(r"\w+\((.+?), .+\)", r"\1", record.recipe.name)  # fused: as its first run
    try:
        return recipe.load(name.partition(" with ")[0]).epochs
    except RecipeError:
        return record.recipe.epochs


def _folds(folder: Path) -> list[Results]:
    return [run.read(path.parent).results for path in sorted(folder.glob(f"fold-*/{run.NAME}"))]


def _mirror(results: Results, folds: Sequence[Results]) -> float | None:
    """Return the accuracy with the mirror image, pooled over the rows of all folds."""
    if results.flip_accuracy is not None:
        return _percent(results.flip_accuracy)
    parts = folds or [results]
    right = [part.flip.accuracy * part.rows for part in parts if part.flip is not None]
    if len(right) < len(parts):
        return None
    return _percent(sum(right) / sum(part.rows for part in parts))


def _without_copies(single: Figures) -> float | None:
    other = single.without_duplicates
    if other is None or other.rows == single.rows:
        return None
    return _percent(other.accuracy)


def timed(lines: Iterable[Result], latencies: Mapping[str, float]) -> list[Result]:
    """Return the lines with milliseconds where their network was timed."""
    return [replace(line, ms=latencies.get(network_of(line), line.ms)) for line in lines]


def network_of(line: Result) -> str:
    """Return what a line's network is called in ``latency.json``: its architecture or its file."""
    try:
        return recipe.load(re.split("@| with ", line.recipe)[0]).architecture
    except RecipeError:
        return line.recipe.split()[0]


def latencies_of(path: Path) -> Mapping[str, float]:
    """Return milliseconds a crop by file name without suffix, of a record of ``fer-train latency``.

    The first file's median times each file's ratio to it, which other work disturbs least.
    """
    if not path.is_file():
        return {}
    entries = files.read(LatencyRecord, path).files
    single = {Path(entry.file).stem: entry.batches["1"] for entry in entries}
    first = entries[0].batches["1"].median_ms
    return {name: round(first * timing.ratio, 3) for name, timing in single.items()}


def merge(old: Iterable[Result], new: Iterable[Result]) -> list[Result]:
    """Return all lines, in order of system, data set and recipe.

    Of one run the newer counts, unless only its first part was run and the older went further.
    """
    lines = {line.key: line for line in old}
    for line in new:
        known = lines.get(line.key)
        if known is None or line.complete or (line.epochs or 0) >= (known.epochs or 0):
            lines[line.key] = line
    return sorted(lines.values(), key=lambda line: (line.system, line.dataset, *line.key))


def write(results: Iterable[Result], path: Path) -> None:
    """Write the lines, replacing the file atomically."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [entry.name for entry in fields(Result)], lineterminator="\n")
        writer.writeheader()
        for result in results:
            values = asdict(result)
            writer.writerow({key: "" if value is None else value for key, value in values.items()})
    partial.replace(path)


def read(path: Path) -> list[Result]:
    """Read the lines; an absent file has none.

    Raises:
        ValueError: A line lacks a column or holds no number where one belongs.
    """
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [_from_row(row, path) for row in csv.DictReader(file)]


_KINDS: dict[str, Callable[[str], Any]] = {
    "str": str, "int": int, "float": float,
    "int | None": lambda text: int(text) if text else None,
    "float | None": lambda text: float(text) if text else None,
}  # fmt: skip


def _from_row(row: dict[str, str], path: Path) -> Result:
    try:
        return Result(
            **{
                entry.name: _KINDS[str(entry.type)](row[entry.name])
                for entry in fields(Result)
                if entry.name in row or entry.default is MISSING
            }
        )
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"{path}: a line has no usable {error}; write the file anew by fer-train compare"
        ) from None
