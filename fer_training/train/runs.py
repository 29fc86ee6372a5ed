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

"""Runs in folders: one split or all folds of one, resumable, with their records."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from scipy.special import softmax

from fer_training.data import load_dataset, splits
from fer_training.data.base import FaceDataset
from fer_training.measure import metrics
from fer_training.recipes import lineage, recipe
from fer_training.recipes.comparison import difference
from fer_training.recipes.recipe import Recipe
from fer_training.records import checkpoint, run
from fer_training.records.figures import Figures, Results
from fer_training.records.run import RunRecord
from fer_training.train.finish import finish
from fer_training.train.trainer import Trainer


def train(
    name: str,
    overrides: list[str],
    folder: Path | None,
    resume: bool,
    all_folds: bool,
    command: str,
    earlier: bool = False,
) -> RunRecord | None:
    """Run a recipe and return the record that it leaves.

    With ``earlier``, unfinished runs that it goes on from or learns from are run first, on the
    same data where the data set is the same. Under ``torchrun`` only the first process writes a
    single run's record and returns it; the others return None.

    Raises:
        RecipeError: The folder holds a run, or a run that this one needs is missing.
    """
    config = recipe.load(name, overrides)
    folder = folder or Path("runs") / config.name
    if not resume and (folder / "last.pt").exists():
        raise recipe.RecipeError(f"{folder} holds a run; add --resume or choose another --out")
    for need in lineage.needs(config):
        if need.met:
            continue
        if not earlier:
            raise recipe.RecipeError(
                f"{config.name} needs the finished run {need.folder}: fer-train train {need.name} "
                "makes it, and --earlier makes all such runs first"
            )
        same = need.dataset == config.data.dataset
        data_path = [f"data.path={recipe.spelled(config.data.path)}"] if same else []
        train(need.name, data_path, need.folder, True, False, f"fer-train train {need.name}")
    data = load_dataset(config.data.dataset, config.data.path, config.data)
    if all_folds:
        return _folds(config, folder, data, command)
    return _single(config, folder, data, command)


def name_of(name: str, overrides: list[str]) -> str:
    """Return what a run of a recipe with changes is called."""
    return recipe.load(name, overrides).name


def finish_early(folder: Path, path: str = "") -> RunRecord:
    """End a run at its last whole epoch: measure the weights it kept and write its record.

    ``fer-train train --resume`` goes on from there all the same.

    Args:
        folder: Run folder with ``last.pt``.
        path: Place of the data set, instead of the run's own.

    Raises:
        CheckpointError: The folder holds no unfinished run.
    """
    last = folder / "last.pt"
    if not last.is_file():
        folds = " of one fold, fold-<number>" if (folder / "fold-0").is_dir() else ""
        raise checkpoint.CheckpointError(
            f"{folder} holds no last.pt to go on from; give the folder{folds} that "
            "fer-train train wrote"
        )
    config = checkpoint.load(last).config
    if path:
        config.data.path = path
    data = load_dataset(config.data.dataset, config.data.path, config.data)
    trainer = Trainer(config, folder, data)
    trainer.fit(resume=True, epochs=0)
    return finish(trainer, f"fer-train train {config.name}, ended by fer-train finish")


def _single(config: Recipe, folder: Path, data: FaceDataset, command: str) -> RunRecord | None:
    folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(config, folder, data)
    trainer.fit(resume=True)
    record = finish(trainer, command) if trainer.rank == 0 else None
    if trainer.world > 1:
        torch.distributed.barrier()  # the others may now read what the first has written
    return record


def _folds(config: Recipe, folder: Path, data: FaceDataset, command: str) -> RunRecord:
    """Train every fold that has no record yet, then pool the predictions of all.

    Raises:
        RecipeError: A fold's record is of other settings or data.
    """
    divisions = splits.make(data, config.data.split)
    records = [_fold(config, number, folder, data, command) for number in range(len(divisions))]
    logits = np.zeros((len(data), len(data.label_names)), np.float32)
    for number in range(len(divisions)):
        with np.load(folder / f"fold-{number}" / "predictions.npz") as saved:
            logits[saved["rows"]] = saved["logits"]
    tested = np.unique(np.concatenate([division.test for division in divisions]))
    pooled = metrics.summarize(
        data.labels[tested], softmax(logits[tested], axis=1), data.label_names
    )
    mirrored = [entry.results.flip for entry in records if entry.results.flip is not None]
    record = replace(
        records[0],
        recipe=config,
        protocol=config.data.split,
        folds=len(divisions),
        minutes=sum(entry.minutes for entry in records),
        fold_accuracies=[entry.results.single_crop.accuracy for entry in records],
        calibration=None,
        offset=None,
        ferplus=None,
        results=Results(
            model=config.name,
            dataset=data.name,
            rows=len(tested),
            labels=list(data.label_names),
            single_crop=pooled,
            flip_accuracy=_pooled(mirrored) if len(mirrored) == len(records) else None,
        ),
    )
    run.write(record, folder)
    return record


def _fold(config: Recipe, number: int, folder: Path, data: FaceDataset, command: str) -> RunRecord:
    """Train one fold unless it is finished, and return its record."""
    part = folder / f"fold-{number}"
    own = replace(config, data=replace(config.data, fold=number))
    if not run.finished(part):
        _single(own, part, data, command)
        (part / "last.pt").unlink(missing_ok=True)
    record = run.read(part)
    other = difference(record.recipe, own)
    if other or record.data.sha256 != data.digest:
        raise recipe.RecipeError(
            f"{part} was trained {f'with {other}' if other else 'on other data'}; choose "
            "another --out"
        )
    return record


def _pooled(parts: list[Figures]) -> float:
    """Return the accuracy over the rows of all folds."""
    return sum(part.accuracy * part.rows for part in parts) / sum(part.rows for part in parts)


def measured_rows(folder: Path, path: str | None = None) -> FaceDataset:
    """Return the rows that a run was measured on.

    Args:
        folder: Run folder.
        path: Place of the data set, instead of the recipe's.
    """
    config = checkpoint.load(folder).config
    data = load_dataset(config.data.dataset, path or config.data.path, config.data)
    split = splits.choose(data, config.data.split, config.data.fold)
    return data.select(split.test)
