"""The head that learnt the FER+ votes: its figures, its record and its words in the card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from fer_training import architectures
from fer_training.architectures import complexity
from fer_training.data import ferplus
from fer_training.data.base import FaceDataset
from fer_training.data.splits import Rows
from fer_training.measure import calibration
from fer_training.measure.evaluate import evaluate
from fer_training.measure.predictors import CheckpointPredictor
from fer_training.records import checkpoint
from fer_training.records.checkpoint import UNFINISHED, CheckpointError

_CALIBRATION = ("temperature", "uncertain_threshold")


def measure(folder: Path, test: FaceDataset, duplicates: Rows, selects: bool) -> dict[str, Any]:
    """Measure a run's votes head on the majority labels of FER+ (eight classes).

    Args:
        folder: Run folder; the calibration is stored in its ``best.pt``.
        test: The split's test rows, with votes.
        duplicates: Rows (indices into ``test``) that stand among the training rows too.
        selects: Whether the test rows may fit temperature and threshold.

    Returns:
        The entry ``ferplus`` of ``metrics.json``.

    Raises:
        DatasetError: No test row has a majority of votes.
    """
    copies = np.flatnonzero(np.isin(ferplus.kept_rows(test), duplicates))
    kept = ferplus.relabelled(test)
    predictor = CheckpointPredictor.load(folder, "votes")
    fitted: dict[str, Any] = {}
    if selects:
        fitted = calibration.calibrate(predictor.logits(kept.images), kept.labels)
        predictor.calibration = {key: fitted[key] for key in _CALIBRATION}
        checkpoint.amend(folder / "best.pt", ferplus_calibration=predictor.calibration)
    entry = architectures.get(predictor.recipe.architecture)
    return {
        "selection": ferplus.census(test),
        "parameters": architectures.parameter_count(predictor.network),
        "macs": complexity.multiply_accumulates(predictor.network, entry.channels, entry.size),
        "results": evaluate(predictor, kept, copies),
        "calibration": fitted,
    }


def record(folder: Path, head: str) -> dict[str, Any]:
    """Return ``metrics.json`` of a run, with the figures of one head in their places.

    Raises:
        CheckpointError: The run is not finished, or was finished without figures of that head.
    """
    path = folder / "metrics.json"
    if not path.is_file():
        raise CheckpointError(UNFINISHED.format(folder=folder))
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if head == "labels":
        return values
    if "ferplus" not in values:
        raise CheckpointError(
            f"{path} has no figures of the votes; finish the run once more by fer-train train "
            "--resume, with votes_weight above 0 in its recipe"
        )
    own = values.pop("ferplus")
    counts = own.pop("selection")
    recipe = {**values["recipe"], "name": f"{values['recipe']['name']}-ferplus"}
    protocol = f"{values['protocol']}, FER+ majority of {counts['kept']} of {counts['rows']} rows"
    return {**values, **own, "recipe": recipe, "protocol": protocol}


def selection_words(counts: dict[str, int]) -> str:
    """Say in a sentence which rows count.

    Args:
        counts: From :func:`fer_training.data.ferplus.census`.
    """
    return (
        f"FER+ keeps {counts['kept']:,} of {counts['rows']:,} rows: single votes are dropped, and "
        f"a class must have\nmore than half of the rest ({counts['no_majority']:,} rows have no "
        f"such class, {counts['unknown']:,} are unknown, {counts['not_a_face']:,} not a face)."
    )
