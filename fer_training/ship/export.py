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

"""From a checkpoint to the ONNX file that the node runs, with parity checked before it counts."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from fer_ros.perception.alignment import FER2013_TEMPLATE
from fer_ros.perception.classification import EmotionNetwork
from fer_ros.perception.known_answer import as_stored
from fer_ros.perception.model_metadata import LEAST_SHARE, InputSpec, ModelMetadata
from fer_ros.records import to_plain
from fer_training import architectures
from fer_training.data.base import FaceDataset
from fer_training.measure.predictors import CheckpointPredictor, OnnxPredictor, Predictor
from fer_training.recipes.recipe import Recipe
from fer_training.records import files, run
from fer_training.records.figures import Calibration, Figures, Results
from fer_training.records.run import Parity, RunRecord

OPSET = 17
IR_VERSION = 8
"""Old enough for ONNX Runtime 1.16."""
TOLERANCE = 1e-4
"""Largest allowed difference of a probability from the network's."""
BATCH_TOLERANCE = 1e-5
"""Largest allowed difference of a probability between a crop alone and the same in a batch."""


class ExportError(RuntimeError):
    """The exported file does not predict as the network does."""


def metadata_of(
    predictor: CheckpointPredictor, record: RunRecord | None, version: str
) -> ModelMetadata:
    """Describe a checkpoint for the node.

    Args:
        predictor: The checkpoint.
        record: Of the run; None for a network that no run has made.
        version: Version of the weights.
    """
    recipe, fitted = predictor.recipe, predictor.calibration
    entry = architectures.get(recipe.architecture)
    metadata = ModelMetadata(
        model_id=predictor.name,
        version=version,
        labels=predictor.labels,
        input=InputSpec(
            width=entry.size,
            height=entry.size,
            channels=entry.channels,
            mean=(recipe.mean,) * entry.channels,
            scale=(recipe.scale,) * entry.channels,
        ),
        crop=FER2013_TEMPLATE,
        temperature=fitted.temperature,
        undecided_temperature=fitted.undecided_temperature,
        dataset=to_plain(record.data) if record else {},
        recipe={**to_plain(recipe), "command": record.command if record else ""},
        metrics=headline(record.protocol, record.results, record.calibration) if record else {},
        class_shares=_class_shares(record, predictor.labels) if record else (),
    )
    if fitted.uncertain_threshold is None:
        return metadata
    return replace(metadata, uncertain_threshold=fitted.uncertain_threshold)


def _class_shares(record: RunRecord, labels: Sequence[str]) -> tuple[float, ...]:
    if record.offset is not None:  # `calibration: classes` moved the logits afterwards
        return ()
    return learned_shares(record.data.class_rows, labels, record.recipe)


def learned_shares(
    rows: Mapping[str, int], labels: Sequence[str], recipe: Recipe
) -> tuple[float, ...]:
    """Return the share of each class among what a training learns from, in the labels' order.

    Args:
        rows: Training rows of each class.
        labels: Of the network.
        recipe: Of the training.

    Returns:
        Empty where the shares are not known: the head has other classes, a class has hardly a row,
        or targets are not the labels alone (`vote_share`, `unlabelled`).
    """
    data = recipe.data
    if set(rows) != set(labels) or not all(rows.values()) or data.vote_share or data.unlabelled:
        return ()
    drawn = [rows[label] ** (1.0 - data.oversample) for label in labels]
    shares = tuple(round(count / sum(drawn), 6) for count in drawn)
    return shares if min(shares) >= LEAST_SHARE else ()


def headline(
    protocol: str, results: Results, calibration: Calibration | None
) -> Mapping[str, object]:
    """Pick the figures that travel inside the file, as plain values."""
    picked: dict[str, object] = {"protocol": protocol}
    for view, whole in results.views:
        picked[view] = _accuracies(whole)
        if whole.without_duplicates is not None:
            picked[f"{view}_without_duplicates"] = _accuracies(whole.without_duplicates)
    return {**picked, **(calibration_figures(calibration) if calibration else {})}


def calibration_figures(calibration: Calibration) -> dict[str, Any]:
    """Return what the metadata tell of a calibration, rounded."""
    picked: dict[str, Any] = {"ece_cross_fitted": round(calibration.ece_cross_fitted, 4)}
    if calibration.ece_cross_fitted_range is not None:
        least, greatest = calibration.ece_cross_fitted_range
        picked["ece_cross_fitted_range"] = [round(least, 4), round(greatest, 4)]
    picked["coverage_curve"] = [
        {key: round(value, 4) for key, value in asdict(point).items()}
        for point in calibration.coverage_curve
    ]
    return picked


def _accuracies(figures: Figures) -> Mapping[str, float]:
    return {
        "accuracy": round(figures.accuracy, 4),
        "balanced_accuracy": round(figures.balanced_accuracy, 4),
        "macro_f1": round(figures.macro_f1, 4),
    }


def to_onnx(
    network: torch.nn.Module, channels: int, size: int, output: str = "logits"
) -> onnx.ModelProto:
    """Return the graph of a network from ``input`` (N, channels, size, size) to its output."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        path = Path(folder) / "network.onnx"
        warnings.simplefilter("ignore", DeprecationWarning)  # the successor needs onnxscript
        warnings.filterwarnings("ignore", "Constant folding")
        torch.onnx.export(
            network.eval(),
            (torch.zeros(2, channels, size, size),),
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=["input"],
            output_names=[output],
            dynamic_axes={"input": {0: "batch"}, output: {0: "batch"}},
        )
        model = onnx.load(path)
    model.ir_version = IR_VERSION
    return model


def write(model: onnx.ModelProto, metadata: ModelMetadata, path: Path) -> None:
    """Add metadata, and the predictions for the known faces; write a single file, atomically."""
    partial = path.with_name(f".{path.name}.partial")
    known: dict[str, tuple[float, ...]] = {}
    for predicted in (False, True):
        about = replace(metadata, known_answer=known)
        onnx.helper.set_model_props(model, about.to_props())
        onnx.checker.check_model(model)
        partial.write_bytes(model.SerializeToString())
        if not predicted:
            known = as_stored(EmotionNetwork(partial).known_answer(), metadata.labels)
    partial.replace(path)


def parity(
    reference: Predictor,
    path: Path,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    astray: float = 0.0,
) -> Parity:
    """Compare a file with the network it came from, at batch 1 and batch N.

    Args:
        reference: The network.
        path: Its file.
        images: uint8 (N, H, W).
        labels: Classes, (N,).
        astray: Share of the crops that may differ by more than :data:`TOLERANCE`.

    Raises:
        ExportError: Probabilities of more crops differ by more than :data:`TOLERANCE`, or those of
            any by more than :data:`BATCH_TOLERANCE` between batch sizes, or an accuracy by more
            than two rows.
    """
    exported = OnnxPredictor(path)
    expected = reference.probabilities(images)
    many = exported.probabilities(images)
    single = np.concatenate([exported.probabilities(images[i : i + 1]) for i in range(len(images))])
    report = Parity(
        rows=len(images),
        max_difference=float(np.abs(many - expected).max()),
        max_difference_batch_1=float(np.abs(single - many).max()),
        accuracy_reference=float((expected.argmax(1) == labels).mean()),
        accuracy_onnx=float((many.argmax(1) == labels).mean()),
        accuracy_onnx_batch_1=float((single.argmax(1) == labels).mean()),
    )
    near = np.abs(many - expected).max(axis=1) <= TOLERANCE  # what is no number is not near
    agrees = float((~near).mean()) <= astray
    agrees &= report.max_difference_batch_1 <= BATCH_TOLERANCE
    gap = abs(report.accuracy_reference - report.accuracy_onnx) * len(images)
    if not agrees or gap > 2.5:
        raise ExportError(f"{path} does not predict as the network does: {files.to_json(report)}")
    return report


def export_run(
    folder: Path, path: Path, data: FaceDataset, version: str, head: str = "labels"
) -> Parity:
    """Export the best checkpoint of a run folder and check it on labelled crops.

    The file takes its place only after the check.

    Args:
        folder: Run folder.
        path: File to write.
        data: Rows for the check, labelled in the classes of the head.
        version: Version of the weights.
        head: ``labels``, or ``votes`` for a network of the eight classes of FER+.

    Raises:
        ExportError: Parity does not hold.
        CheckpointError: The run has no usable checkpoint.
        RecordError: The run is not finished.
        RecipeError: The run has no such head.
    """
    predictor = CheckpointPredictor.load(folder, head)
    record = run.read(folder, head)
    entry = architectures.get(predictor.recipe.architecture)
    model = to_onnx(predictor.network, entry.channels, entry.size)
    candidate = path.with_name(f".{path.stem}.candidate.onnx")
    try:
        write(model, metadata_of(predictor, record, version), candidate)
        report = parity(predictor, candidate, data.images, data.labels)
        candidate.replace(path)
    finally:
        candidate.unlink(missing_ok=True)
    return report
