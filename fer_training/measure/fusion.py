"""Score fusion of two or more trained systems (Umer et al. 2022), measured offline.

The node fuses the same way at run time (parameters ``models`` and ``fusion``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from fer_ros.perception.classification import fuse
from fer_training.data import load_dataset, splits
from fer_training.measure import metrics
from fer_training.measure.metrics import align_columns
from fer_training.measure.predictors import Predictor
from fer_training.recipes import recipe
from fer_training.records.checkpoint import UNFINISHED, CheckpointError


@dataclass
class FusedPredictor:
    """Several predictors behind the face of one."""

    members: Sequence[Predictor]
    rule: str
    """``sum`` or ``product``."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Classes of the first member; the others must know them too."""
        return self.members[0].labels

    @property
    def name(self) -> str:
        """Names of all members and the rule."""
        return f"{self.rule}({', '.join(member.name for member in self.members)})"

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return fused probabilities, shape (N, labels)."""
        scores = [
            align_columns(member.probabilities(images), member.labels, self.labels)
            for member in self.members
        ]
        return fuse(scores, self.rule)


def run_scores(folder: Path) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return tested rows and their probabilities, from a run or from all folds of one.

    Raises:
        CheckpointError: The folder holds no predictions.
    """
    files = sorted([*folder.glob("predictions.npz"), *folder.glob("fold-*/predictions.npz")])
    if not files:
        raise CheckpointError(f"{folder} holds no predictions; train it first")
    parts = []
    for file in files:
        with np.load(file) as saved:
            parts.append((saved["rows"], softmax(saved["logits"], axis=1)))
    rows = np.concatenate([part[0] for part in parts])
    order = np.argsort(rows, kind="stable")
    return rows[order], np.concatenate([part[1] for part in parts])[order]


def fuse_runs(folders: Sequence[Path], rule: str, command: str) -> dict[str, Any]:
    """Fuse the saved predictions of runs that were measured on the same rows.

    Returns:
        A record of the form of ``metrics.json``.

    Raises:
        CheckpointError: A run is unfinished, or they were measured on different rows.
    """
    records = [_record(folder) for folder in folders]
    first = records[0]
    for folder, record in zip(folders[1:], records[1:], strict=True):
        for key in ("sha256", "name"):
            if record["data"][key] != first["data"][key]:
                raise CheckpointError(f"{folder} was measured on other data than {folders[0]}")
    scores = [run_scores(folder) for folder in folders]
    rows = scores[0][0]
    if any(not np.array_equal(rows, other) for other, _ in scores):
        raise CheckpointError("the runs were measured on different rows; use the same split")
    labels = first["results"]["labels"]
    config = first["recipe"]["data"]
    plan = recipe.from_dict(first["recipe"]).data
    data = load_dataset(plan.dataset, plan.path, plan)
    fused = fuse([own for _, own in scores], rule)
    single = metrics.summarize(data.labels[rows], fused, labels)
    divisions = splits.make(data, config["split"])
    copies = splits.cross_duplicates(data, divisions[0])
    if len(divisions) == 1 and len(copies) < len(rows):
        unique = ~np.isin(rows, copies)
        single["without_duplicates"] = metrics.summarize(
            data.labels[rows[unique]], fused[unique], labels
        )
    names = [record["recipe"]["name"] for record in records]
    return {
        **first,
        "recipe": {
            "name": f"{rule}({', '.join(names)})",
            "architecture": " + ".join(record["recipe"]["architecture"] for record in records),
            "paper": first["recipe"]["paper"],
            "differs": f"Scores of {' and '.join(names)} joined by the {rule} rule.",
            "seed": first["recipe"]["seed"],
            "data": config,
        },
        "command": command,
        "parameters": sum(record["parameters"] for record in records),
        "macs": sum(record["macs"] for record in records),
        "minutes": sum(record["minutes"] for record in records),
        "epochs": max(record["epochs"] for record in records),
        "calibration": {},
        "results": {
            "model": f"{rule}({', '.join(names)})",
            "dataset": data.name,
            "rows": len(rows),
            "labels": labels,
            "single_crop": single,
        },
    }


def _record(folder: Path) -> dict[str, Any]:
    path = folder / "metrics.json"
    if not path.is_file():
        raise CheckpointError(UNFINISHED.format(folder=folder))
    return json.loads(path.read_text(encoding="utf-8"))
