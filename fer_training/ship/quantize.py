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

"""The int8 twin of an exported network: quantised after training, measured before it counts.

ONNX Runtime's static quantisation in the QDQ form (a pair of QuantizeLinear and DequantizeLinear
around every tensor), with ranges taken from Training crops. What is fixed here was chosen by
measuring ARCH-1 and fer-base on an x86 processor with VNNI:

- Weights symmetric int8 per output channel, activations asymmetric uint8: with int8 activations
  the twins were 1.5 to 1.7 times slower than float, with uint8 0.4 to 0.6 times as slow.
- Weights take seven of the eight bits, because two products of full size overflow the 16-bit
  sums of x86 processors without VNNI. It changed accuracy by less than noise.
- The first convolution stays in float: it sees the sharp histogram of pixels, costs little, and
  in int8 it raised ARCH-1's largest error of a probability from 0.08 to 0.12.
- Softmax, tanh and matrix products of the attention stay in float: nothing was gained there.
  Squeeze-excite convolutions are quantised: leaving them out cost speed, gained no accuracy.
- Ranges are the least and greatest values seen, without crops of one colour: a single black crop
  among 2,048 stretched the ranges of fer-base until it lost two points.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from fer_ros.perception.emotions import FERPLUS
from fer_ros.perception.model_metadata import ModelMetadata
from fer_training.data import ferplus, splits
from fer_training.data.base import DatasetError, FaceDataset
from fer_training.measure.evaluate import evaluate
from fer_training.measure.predictors import OnnxPredictor
from fer_training.records import provenance
from fer_training.ship import latency, recalibrate, twin_card
from fer_training.ship.export import BATCH_TOLERANCE, ExportError, headline, write
from fer_training.ship.twin_card import TwinReport

OPERATORS = ("Conv", "Gemm", "Add", "Mul", "Relu", "MaxPool", "GlobalAveragePool", "Sigmoid")
"""What is quantised, the first convolution excepted."""
LARGEST_DROP = 0.005
"""Accuracy that a twin may lose on the rows that select (0.5 points)."""
_BATCH = 64


def quantize(
    source: Path,
    out: Path,
    data: FaceDataset,
    rows: int = 512,
    seed: int = 0,
    accept_loss: bool = False,
    records: Path | None = None,
) -> TwinReport:
    """Write the int8 twin of an exported file, with metadata and a card of its own.

    Args:
        source: File of ``fer-train export``.
        out: File to write; the card takes its place beside it, as ``.md``.
        data: FER2013 with Training rows (ranges) and PublicTest rows (temperature, figures); with
            FER+ votes where the network's classes are those of FER+.
        rows: Training crops that give the ranges of activations.
        seed: Of their choice.
        accept_loss: Write the twin even if it loses more than :data:`LARGEST_DROP`.
        records: Folder with records of the twin for its card, from an earlier twin of equal bytes.

    Raises:
        ModelError: The source cannot be used.
        DatasetError: The data lacks a split, or votes that are needed.
        ExportError: The twin loses too much, or predicts otherwise in a batch than alone; or the
            source is such a twin, or would be overwritten.
    """
    original = OnnxPredictor(source)
    if "quantization" in original.network.metadata.recipe:
        raise ExportError(f"{source} is quantised already; give the file that it was made of")
    if out.resolve() == source.resolve():
        raise ExportError(f"the twin would overwrite {source}; give it another name")
    crops = calibration_crops(data, rows, seed)
    measured, copies = _measured(data, original.labels)
    candidate = out.with_name(f".{out.stem}.candidate.onnx")
    try:
        model = _convert(source, original, crops)
        metadata = _describe(original, data, rows, seed)
        write(model, metadata, candidate)
        fitted = recalibrate.fit(OnnxPredictor(candidate), measured)
        metadata = replace(
            metadata,
            temperature=fitted.temperature,
            undecided_temperature=fitted.undecided_temperature,
            uncertain_threshold=fitted.uncertain_threshold,
        )
        write(model, metadata, candidate)
        twin = OnnxPredictor(candidate)
        report = compare(original, twin, measured)
        if not accept_loss:
            _expect_little_loss(report, source)
        _time(report, source, candidate)
        results = evaluate(twin, measured, copies)
        protocol = f"int8 twin; {measured.name} PublicTest, which also fitted the temperatures"
        write(model, replace(metadata, metrics=headline(protocol, results, fitted)), candidate)
        # Not earlier: the figures in the metadata are part of the file.
        report.bytes_float = source.stat().st_size
        report.bytes_int8 = candidate.stat().st_size
        candidate.replace(out)
    finally:
        candidate.unlink(missing_ok=True)
    text = twin_card.render(source, out, report, results, fitted, records)
    out.with_suffix(".md").write_text(text, encoding="utf-8")
    return report


def _expect_little_loss(report: TwinReport, source: Path) -> None:
    if report.drop > LARGEST_DROP:
        raise ExportError(
            f"the int8 twin of {source} loses {100 * report.drop:.2f} points "
            f"({100 * report.accuracy_float:.2f} to {100 * report.accuracy_int8:.2f} %), "
            "so nothing was written; try more --rows, or take it with --accept-loss"
        )


def _time(report: TwinReport, source: Path, twin: Path) -> None:
    """Add the latency of both files."""
    times = latency.measure([source, twin], batches=(1,))
    report.processor = times.processor
    report.latency = {
        name: entry.batches["1"] for name, entry in zip(("float", "int8"), times.files, strict=True)
    }


def calibration_crops(data: FaceDataset, rows: int, seed: int) -> NDArray[np.uint8]:
    """Draw Training crops that are not of one colour.

    Raises:
        DatasetError: The data set has fewer of them, or no Training rows at all.
    """
    usage = np.full(len(data), "") if data.usage is None else data.usage
    flat = data.images.reshape(len(data), -1)
    usable = np.flatnonzero((usage == "Training") & (flat.min(1) != flat.max(1)))
    if not 0 < rows <= len(usable):
        raise DatasetError(
            f"{data.name} has {len(usable)} Training crops to take ranges from, not {rows}; give "
            "the whole set, or another --rows"
        )
    chosen = np.random.default_rng(seed).choice(usable, rows, replace=False)
    return np.asarray(data.images[chosen], np.uint8)


def _measured(data: FaceDataset, labels: tuple[str, ...]) -> tuple[FaceDataset, NDArray[np.int64]]:
    """Return PublicTest, labelled in the network's classes, and its copies of Training rows."""
    (split,) = splits.official(data)
    rows = split.test
    if labels == FERPLUS:
        rows = np.intersect1d(rows, ferplus.kept_rows(data))
    copies = np.flatnonzero(np.isin(rows, splits.cross_duplicates(data, split)))
    chosen = data.select(rows)
    return ferplus.relabelled(chosen) if labels == FERPLUS else chosen, copies


class _Crops:
    """Calibration batches in the form that ONNX Runtime asks for."""

    def __init__(self, predictor: OnnxPredictor, name: str, crops: NDArray[np.uint8]) -> None:
        self._batches = self._feed(predictor, name, crops)

    @staticmethod
    def _feed(
        predictor: OnnxPredictor, name: str, crops: NDArray[np.uint8]
    ) -> Iterator[dict[str, NDArray[np.float32]]]:
        for start in range(0, len(crops), _BATCH):
            yield {name: predictor.preprocess(crops[start : start + _BATCH])}

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """Return the next batch, or None after the last."""
        return next(self._batches, None)


def _convert(source: Path, original: OnnxPredictor, crops: NDArray[np.uint8]) -> onnx.ModelProto:
    """Return the quantised graph."""
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder:
        prepared, made = Path(folder) / "prepared.onnx", Path(folder) / "int8.onnx"
        # Folds constants, removes identities and infers shapes; sympy would be for more.
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        graph = onnx.load(prepared).graph
        first = next(node.name for node in graph.node if node.op_type == "Conv")
        quantization.quantize_static(
            str(prepared),
            str(made),
            _Crops(original, graph.input[0].name, crops),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=list(OPERATORS),
            nodes_to_exclude=[first],
            per_channel=True,
            reduce_range=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            calibrate_method=quantization.CalibrationMethod.MinMax,
            extra_options={"WeightSymmetric": True, "ActivationSymmetric": False},
        )
        model = onnx.load(made)
    used = {node.domain for node in model.graph.node}
    unused = [entry for entry in model.opset_import if entry.domain not in used]
    for entry in unused:  # other runtimes refuse domains that they do not know
        model.opset_import.remove(entry)
    return model


def _describe(original: OnnxPredictor, data: FaceDataset, rows: int, seed: int) -> ModelMetadata:
    """Return the source's metadata with the twin's own name and origin, not yet calibrated."""
    metadata = original.network.metadata
    origin = {
        "precision": "int8",
        "source": f"{metadata.model_id}-{metadata.version}",
        "source_sha256": original.network.digest,
        "weights": "symmetric int8 per output channel, seven bits used; first convolution float",
        "activations": "asymmetric uint8, least and greatest value",
        "calibration": {
            "data_sha256": data.digest,
            "split": "Training",
            "rows": rows,
            "seed": seed,
        },
        "versions": provenance.versions(),
    }
    return replace(
        metadata,
        model_id=f"{metadata.model_id}-int8",
        recipe={**metadata.recipe, "quantization": origin},
        metrics={},
    )


def compare(original: OnnxPredictor, twin: OnnxPredictor, data: FaceDataset) -> TwinReport:
    """Measure a twin beside its source, and alone against batches of 16.

    Raises:
        ExportError: A probability depends on the size of the batch.
    """
    before, after = original.probabilities(data.images), twin.probabilities(data.images)
    alone, joint = (_in_batches(twin, data.images, size) for size in (1, 16))
    shift = float(np.abs(alone - joint).max())
    if not shift <= BATCH_TOLERANCE:
        raise ExportError(f"the int8 twin predicts otherwise in a batch of 16: {shift:.1e}")
    accuracies = [float((scores.argmax(1) == data.labels).mean()) for scores in (before, after)]
    difference = np.abs(after - before)
    return TwinReport(
        rows=len(data),
        accuracy_float=accuracies[0],
        accuracy_int8=accuracies[1],
        drop=accuracies[0] - accuracies[1],
        same_class=float((before.argmax(1) == after.argmax(1)).mean()),
        largest_difference=float(difference.max()),
        mean_difference=float(difference.mean()),
        batch_1_against_16=shift,
    )


def _in_batches(
    predictor: OnnxPredictor, images: NDArray[np.uint8], size: int
) -> NDArray[np.float32]:
    starts = range(0, len(images), size)
    return np.concatenate([predictor.probabilities(images[i : i + size]) for i in starts])
