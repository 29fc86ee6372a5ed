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

"""Plan of the runs that the page of results still needs: cost, value and order.

A run of more than an hour is measured first after a tenth of its epochs, so that its cell has a
figure (marked ``50/500``), and goes on when everything cheaper is done.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from statistics import median

from fer_training.papers import costs
from fer_training.papers.results import GRID, Result
from fer_training.papers.systems import OWNERS_DATA, SYSTEMS
from fer_training.recipes import lineage, recipe
from fer_training.recipes.recipe import Recipe
from fer_training.records import run
from fer_training.records.progress import read_epochs

RUNS = "runs"
"""Folder of run folders in the working folder, as ``fer-train train`` has it."""
SEEDS = 3
"""Of a paper's own row, where one run takes less than :data:`SHORT` hours."""
SHORT = 0.5
LONG = 1.0
"""Hours from which a run is measured first after a tenth of its epochs."""
_HEADLINE, _PRINTED, _OTHER = 4.0, 2.0, 1.0
"""Value of a figure; honest rows and further seeds count half."""
_FUSED = re.compile(r"(sum|product)\((.+)\)")
_MACHINE = re.compile(r"(svm-.+):(.+)")


@dataclass(frozen=True)
class Wanted:
    """A run that a cell of the page needs."""

    name: str
    """As in :mod:`fer_training.papers.systems`."""
    value: float
    seed: int = 0
    all_folds: bool = False


@dataclass(frozen=True)
class Job:
    """One command of the queue."""

    folder: str
    """Run folder below :data:`RUNS`; no two jobs of one run are in the queue at a time."""
    arguments: tuple[str, ...]
    """Of ``fer-train``, run in the folder that holds :data:`RUNS`."""
    hours: float
    """At most: of the epochs that are left, on one thread."""
    value: float
    what: str = ""
    """Epochs done and epochs of this job, or what else it does."""
    needs: tuple[str, ...] = ()
    """Run folders that must be finished first."""
    later: float = 0.0
    """Hours of the same run after this job."""


def plan(home: Path, lines: Sequence[Result]) -> list[Job]:
    """Return what is still to run, the most value per hour first.

    Args:
        home: Working folder, which holds :data:`RUNS`.
        lines: What was measured, here or before.
    """
    jobs: dict[str, Job] = {}
    for wanted in wanted_runs():
        for job in _jobs(home, wanted, lines):
            known = jobs.get(job.folder)
            if known is None or known.value < job.value:
                jobs[job.folder] = job
    return sorted(jobs.values(), key=lambda job: (job.hours / job.value, job.folder))


def wanted_runs() -> list[Wanted]:
    """Return every run of the page, each with its highest value."""
    found: dict[tuple[str, int], Wanted] = {}
    for wanted in _wanted():
        known = found.get((wanted.name, wanted.seed))
        if known is None or known.value < wanted.value:
            found[wanted.name, wanted.seed] = wanted
    return list(found.values())


def recipes() -> list[str]:
    """Return the recipes whose epochs the plan has to know the cost of."""
    names = [_base(wanted.name) for wanted in wanted_runs() if _trained(wanted.name)]
    earlier = [need.name for name in names for need in lineage.needs(recipe.load(name))]
    return sorted({*names, *earlier})


def _wanted() -> Iterator[Wanted]:
    for system in SYSTEMS:
        for row in system.rows:
            if row.dataset in OWNERS_DATA:
                continue
            value = _HEADLINE if row.headline else _PRINTED
            yield from _with_members(Wanted(row.same, value))
            if _trained(row.same) and _whole_hours(row.same, False) < SHORT:
                for seed in range(1, SEEDS):
                    yield Wanted(row.same, value / 2, seed)
            if row.honest:
                yield from _with_members(Wanted(row.honest, value / 2, all_folds=True))
        for _, names in system.extra:
            for name in names:
                base, _, _ = name.partition("@")
                yield Wanted(base if base in GRID else name, _OTHER)


def _with_members(wanted: Wanted) -> Iterator[Wanted]:
    yield wanted
    if fused := _FUSED.fullmatch(wanted.name):
        for member in fused[2].split(", "):
            yield replace(wanted, name=member)


def _trained(name: str) -> bool:
    return not _FUSED.fullmatch(name) and not _MACHINE.fullmatch(name)


def _base(name: str) -> str:
    return name.partition("@")[0]


def _jobs(home: Path, wanted: Wanted, lines: Sequence[Result]) -> Iterator[Job]:
    """Yield the next step of a run that is not done, and the runs that it has to wait for."""
    own = [line for line in lines if _is(line, wanted)]
    if fused := _FUSED.fullmatch(wanted.name):
        yield from _fusion(home, wanted, fused[1], fused[2].split(", "), lines)
    elif machine := _MACHINE.fullmatch(wanted.name):
        if not own:
            yield _machine(wanted, machine[1], machine[2])
    else:
        yield from _training(home, wanted, own)


def _is(line: Result, wanted: Wanted) -> bool:
    name, _, split = wanted.name.partition(":")
    return line.recipe == name and line.seed == wanted.seed and split in ("", line.split)


def _training(home: Path, wanted: Wanted, own: Sequence[Result]) -> Iterator[Job]:
    config = _load(wanted.name)
    if any(line.complete for line in own):
        return
    part = 0
    if _whole_hours(wanted.name, wanted.all_folds) > LONG:
        part = max(1, config.epochs // 10)
        if any((line.epochs or 0) >= part for line in own):
            part = 0
    yield from _job(home, wanted, config, part)


def _job(home: Path, wanted: Wanted, config: Recipe, part: int) -> Iterator[Job]:
    folder = wanted.name + (f"-seed-{wanted.seed}" if wanted.seed else "")
    changes = ["threads=1"]
    if "@" in wanted.name:
        changes += [f"epochs={config.epochs}", f"name={wanted.name}"]
    if part:
        changes += [f"epochs={part}"]
        # Finished folds keep no state to go on from, so a part of all folds is a run of its own.
        folder += f"@{part}" if wanted.all_folds else ""
    words = ["train", _base(wanted.name), "--out", f"{RUNS}/{folder}", "--resume"]
    words += ["--seed", str(wanted.seed)] if wanted.seed else []
    words += ["--all-folds"] if wanted.all_folds else []
    epochs = part or config.epochs
    cost = _cost(_base(wanted.name))
    done, pace = _progress(home / RUNS / folder, cost.epoch_s)
    folds = cost.folds if wanted.all_folds else 1
    left = max(0, epochs * folds - done)
    needs = [n for n in lineage.needs(config) if not run.finished(home / n.folder)]
    for need in needs:
        yield from _job(home, Wanted(need.name, wanted.value), recipe.load(need.name), 0)
    yield Job(
        folder,
        (*words, "--set", *changes),
        left * pace / 3600,
        wanted.value,
        f"{done}/{epochs * folds} epochs" + (", first tenth" if part else ""),
        tuple(Path(need.folder).name for need in needs),
        (config.epochs - epochs) * folds * pace / 3600,
    )


def _fusion(
    home: Path, wanted: Wanted, rule: str, members: list[str], lines: Sequence[Result]
) -> Iterator[Job]:
    """Yield the fusion when its runs have gone further than the fused scores that there are."""
    folders = [home / RUNS / member for member in members]
    epochs = min((run.read(f).epochs or 0) if run.finished(f) else 1 for f in folders)
    if any(_is(line, wanted) and (line.epochs or 0) >= epochs for line in lines):
        return
    for member, folder in zip(members, folders, strict=True):
        own = replace(wanted, name=member)
        if not run.finished(folder) and any(_is(x, own) and x.complete for x in lines):
            yield from _job(home, own, _load(member), 0)  # its scores are needed, not its figure
    joint = f"{rule}-{'-'.join(members)}"
    words = ["fuse", *(f"{RUNS}/{member}" for member in members)]
    words += ["--rule", rule, "--out", f"{RUNS}/{joint}"]
    yield Job(joint, tuple(words), 0.0, wanted.value, "joins scores", tuple(members))


def _machine(wanted: Wanted, name: str, split: str) -> Job:
    row = next(row for s in SYSTEMS for row in s.rows if wanted.name in (row.same, row.honest))
    folder = f"{name}-{row.dataset}-{split}"
    words = ["svm", "--dataset", row.dataset, "--split", split, "--out", f"{RUNS}/{folder}"]
    return Job(folder, tuple(words), 0.2, wanted.value, "fits")


def _progress(folder: Path, epoch_s: float) -> tuple[int, float]:
    """Return the epochs that a run folder holds, and seconds an epoch, its own where it has some.

    A finished fold counts as run to its end, wherever it stopped.
    """
    own, folds = folder / "summary.csv", sorted(folder.glob("fold-*/summary.csv"))
    seconds, done = [], 0
    for summary in folds or ([own] if own.is_file() else []):
        epochs = read_epochs(summary)
        seconds += [epoch.seconds for epoch in epochs]
        ended = summary in folds and run.finished(summary.parent)
        done += run.read(summary.parent).recipe.epochs if ended else len(epochs)
    return done, median(seconds) if len(seconds) > 2 else epoch_s


def _whole_hours(name: str, all_folds: bool) -> float:
    return costs.hours(_base(name), _load(name).epochs, all_folds)


@cache
def _costs() -> costs.Costs:
    return costs.read()


def _cost(name: str) -> costs.Cost:
    return _costs().recipes.get(name, costs.Cost(float("inf")))


@cache
def _load(name: str) -> Recipe:
    base, _, epochs = name.partition("@")
    return recipe.load(base, [f"epochs={epochs}"] if epochs else [])
