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

"""End of a run: its record, calibration and pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_training import architectures
from fer_training.architectures import complexity
from fer_training.architectures.networks import predict
from fer_training.data import ferplus
from fer_training.data.base import FaceDataset
from fer_training.data.splits import cross_duplicates
from fer_training.measure import calibration, plots
from fer_training.measure.evaluate import evaluate
from fer_training.measure.predictors import CheckpointPredictor
from fer_training.recipes.recipe import RecipeError
from fer_training.records import checkpoint, provenance, run
from fer_training.records.figures import Calibration
from fer_training.records.run import ClassOffset, DataOrigin, RunRecord
from fer_training.train import second_head
from fer_training.train.batches import class_rows, training_rows
from fer_training.train.trainer import Trainer


def finish(trainer: Trainer, command: str) -> RunRecord:
    """Measure the kept checkpoint on the split's test rows and write everything down.

    Raises:
        RecipeError: Its weights are no numbers, for the training diverged.
    """
    recipe, split, folder = trainer.recipe, trainer.split, trainer.folder
    test = trainer.data.select(split.test)
    offset = _fit_offset(trainer)
    fitted, logits = _calibrate(folder, test, split.selects)
    predictor = CheckpointPredictor.load(folder)
    duplicates = np.flatnonzero(np.isin(split.test, cross_duplicates(trainer.data, split)))
    entry = architectures.get(recipe.architecture)
    record = RunRecord(
        recipe=recipe,
        protocol=split.name,
        selects=split.selects,
        leaks=split.leaks,
        command=command,
        revision=trainer.revision,
        versions=provenance.versions(),
        data=_origin(trainer),
        parameters=architectures.parameter_count(predictor.network),
        macs=complexity.multiply_accumulates(predictor.network, entry.channels, entry.size),
        minutes=sum(epoch.seconds for epoch in trainer.history) / 60,
        results=evaluate(predictor, test, duplicates),
        calibration=fitted,
        device=provenance.device(trainer.device),
        precision=", then ".join(trainer.precisions),
        epochs=trainer.progress.epoch,
        best_epoch=trainer.progress.best_epoch + 1,
    )
    if offset is not None:
        trained = float((np.argmax(logits - offset, axis=1) == test.labels).mean())
        record.offset = ClassOffset(offset.tolist(), trained)
    if recipe.votes_weight:
        record.ferplus = second_head.measure(folder, test, duplicates, split.selects)
    np.savez_compressed(folder / "predictions.npz", rows=split.test, logits=logits)
    draw(trainer, record)
    run.write(record, folder)  # last: it says that the run is complete
    return record


def _origin(trainer: Trainer) -> DataOrigin:
    used = trainer.data.select(training_rows(trainer.data, trainer.split, trainer.recipe))
    origin = provenance.dataset(trainer.data, len(used))
    return replace(origin, disagreement=ferplus.disagreement(used), class_rows=class_rows(used))


def _fit_offset(trainer: Trainer) -> NDArray[np.float64] | None:
    """Store the offsets of the classes, fitted on the training rows, shape (classes,).

    None where the recipe wants none; those of an earlier calibration are forgotten.
    """
    offset = None
    if trainer.recipe.calibration == "classes":
        trained = CheckpointPredictor.load(trainer.folder, calibrated=False).network
        logits = predict(trained, trainer.rows.images.cpu(), trainer.recipe)
        offset = calibration.class_offsets(logits, trainer.rows.labels.cpu().numpy())
    best = trainer.folder / "best.pt"
    kept = None if offset is None else offset.tolist()
    checkpoint.save(replace(checkpoint.load(best), offset=kept), best)
    return offset


def _calibrate(
    folder: Path, test: FaceDataset, selects: bool
) -> tuple[Calibration | None, NDArray[np.float32]]:
    """Store what the test rows give, where they may select; return it with their logits."""
    logits = CheckpointPredictor.load(folder).logits(test.images)
    if not np.isfinite(logits).all():
        raise RecipeError(
            f"the weights in {folder} are no numbers: the training diverged; take another folder "
            "and a lower optimizer.lr"
        )
    if not selects:
        return None, logits
    fitted = calibration.calibrate(logits, test.labels)
    best = folder / "best.pt"
    kept = calibration.kept(fitted)
    checkpoint.save(replace(checkpoint.load(best), calibration=kept), best)
    return fitted, logits


def draw(trainer: Trainer, record: RunRecord) -> None:
    """Draw learning curves, confusion and reliability into the run folder."""
    folder, single = trainer.folder, record.results.single_crop
    plots.learning_curves(trainer.history, folder / "curves.png")
    plots.confusion(single, record.results.labels, folder / "confusion.png")
    plots.reliability(single.reliability or [], folder / "reliability.png")
