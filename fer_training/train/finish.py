"""What a finished run leaves behind: ``metrics.json``, calibration and pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_training import architectures
from fer_training.architectures import complexity
from fer_training.architectures.networks import predict
from fer_training.data.splits import cross_duplicates
from fer_training.measure import calibration, plots
from fer_training.measure.evaluate import evaluate
from fer_training.measure.predictors import CheckpointPredictor
from fer_training.recipes.recipe import to_dict
from fer_training.records import checkpoint, provenance
from fer_training.train import second_head
from fer_training.train.trainer import Trainer


def write_json(values: Any, path: Path) -> None:
    """Write plain values, replacing the file atomically."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)


def finish(trainer: Trainer, command: str) -> dict[str, Any]:
    """Measure the kept checkpoint on the split's test rows and write everything down."""
    recipe, split, folder = trainer.recipe, trainer.split, trainer.folder
    test = trainer.data.select(split.test)
    offset = _offset(trainer) if recipe.calibration == "classes" else None
    checkpoint.amend(folder / "best.pt", offset=None if offset is None else offset.tolist())
    predictor = CheckpointPredictor.load(folder)
    logits = predictor.logits(test.images)
    fitted: dict[str, Any] = {}
    if split.selects:
        fitted = calibration.calibrate(logits, test.labels)
        predictor.calibration = {key: fitted[key] for key in ("temperature", "uncertain_threshold")}
        checkpoint.amend(folder / "best.pt", calibration=predictor.calibration)
    duplicates = np.flatnonzero(np.isin(split.test, cross_duplicates(trainer.data, split)))
    results = evaluate(predictor, test, duplicates)
    entry = architectures.get(recipe.architecture)
    record = {
        "recipe": to_dict(recipe),
        "protocol": split.name,
        "selects": split.selects,
        "leaks": split.leaks,
        "command": command,
        "revision": trainer.revision,
        "versions": provenance.versions(),
        "device": provenance.device(trainer.device),
        "precision": ", then ".join(trainer.precisions),
        "data": provenance.dataset(trainer.data, len(trainer.labels)),
        "parameters": architectures.parameter_count(predictor.network),
        "macs": complexity.multiply_accumulates(predictor.network, entry.channels, entry.size),
        "epochs": trainer.progress.epoch,
        "best_epoch": trainer.progress.best_epoch + 1,
        "minutes": sum(entry["seconds"] for entry in trainer.history) / 60,
        "results": results,
        "calibration": fitted,
    }
    if offset is not None:
        trained = float((np.argmax(logits - offset, axis=1) == test.labels).mean())
        record["offset"] = {"values": offset.tolist(), "accuracy_without": trained}
    if recipe.votes_weight:
        record["ferplus"] = second_head.measure(folder, test, duplicates, split.selects)
    np.savez_compressed(folder / "predictions.npz", rows=split.test, logits=logits)
    plots.learning_curves(trainer.history, folder / "curves.png")
    plots.confusion(results["single_crop"], results["labels"], folder / "confusion.png")
    plots.reliability(results["single_crop"]["reliability"], folder / "reliability.png")
    write_json(record, folder / "metrics.json")  # last: it says that the run is complete
    return record


def _offset(trainer: Trainer) -> NDArray[np.float64]:
    """Return the offsets of the classes, fitted on the training rows, shape (classes,)."""
    trained = CheckpointPredictor.load(trainer.folder, calibrated=False).network
    logits = predict(trained, trainer.images.cpu(), trainer.recipe)
    return calibration.class_offsets(logits, trainer.labels.cpu().numpy())
