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

"""The support vector machine of Patil (2023): HOG features, scaling, grid search, ONNX.

The exported file holds the features too (:class:`fer_training.papers.features.Hog`), so the node
runs it as any other network of 48x48 crops. Landmark geometry needs a detector and is offline only.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import onnx
import skl2onnx
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.model_selection import GridSearchCV, GroupKFold, StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from fer_ros.perception.alignment import FER2013_TEMPLATE
from fer_ros.perception.model_metadata import InputSpec, ModelMetadata
from fer_ros.records import to_plain
from fer_training.data import splits
from fer_training.data.base import DatasetError, FaceDataset
from fer_training.data.splits import cross_duplicates
from fer_training.measure import calibration, metrics
from fer_training.papers import features
from fer_training.recipes.recipe import Data, Paper, Recipe
from fer_training.records import provenance
from fer_training.records import run as record_files
from fer_training.records.checkpoint import Fitted
from fer_training.records.figures import Calibration, Figures, Results
from fer_training.records.run import Parity, RunRecord, SvmConfig, SvmFit
from fer_training.ship import export

SCALE = 1 / 255
_TURNED_VOTES = 0.002
"""Share of the crops whose scores may differ from scikit-learn's: two classes so near to each other
that rounding turns the vote between them move their scores by up to one."""
FEATURES = ("hog", "landmarks", "hog+landmarks")


@dataclass
class SvmPredictor:
    """A fitted pipeline behind the interface of a predictor."""

    pipeline: Pipeline
    labels: tuple[str, ...]
    calibration: Fitted = field(default_factory=Fitted)
    name: str = "svm-hog"

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return calibrated probabilities of the one-against-rest scores, shape (N, labels)."""
        scores = class_scores(self.pipeline, features.hog(images, SCALE), len(self.labels))
        return self.calibration.probabilities(scores)


def class_scores(pipeline: Pipeline, x: NDArray[np.float32], classes: int) -> NDArray[np.float32]:
    """Return a score of every class, shape (N, classes), higher where it is likelier.

    A class without training rows scores one below the lowest of the others, so that it is never
    predicted; with two classes scikit-learn gives one column, whose sign decides.
    """
    found = np.asarray(pipeline.decision_function(x), np.float32)
    if found.ndim == 1:
        found = np.stack([-found, found], axis=1)
    scores = np.repeat(found.min(axis=1, keepdims=True) - 1, classes, axis=1)
    scores[:, np.asarray(pipeline.classes_, np.int64)] = found
    return scores


def extract(data: FaceDataset, kind: str) -> NDArray[np.float32]:
    """Return the features of all rows.

    Raises:
        DatasetError: The kind is unknown, or landmarks are wanted and no YuNet file is at hand.
    """
    if kind not in FEATURES:
        raise DatasetError(f"unknown features {kind!r}; known: {', '.join(FEATURES)}")
    parts = [features.hog(data.images, SCALE)] if "hog" in kind else []
    if "landmarks" in kind:
        from fer_ros.perception.detection import DetectorSettings, create_detector

        detector = create_detector("yunet", DetectorSettings(threshold=0.3, max_faces=1)).detector
        points, found = features.find_landmarks(data.images, detector)
        parts.append(np.c_[features.geometry(points) * found[:, None], found].astype(np.float32))
    return np.concatenate(parts, axis=1)


def fit(
    x: NDArray[np.float32],
    labels: NDArray[np.int64],
    groups: NDArray[np.str_] | None,
    config: SvmConfig,
) -> tuple[Pipeline, SvmFit]:
    """Search kernel and cost by cross-validation, then fit.

    Args:
        x: Features, shape (N, features).
        labels: Classes, shape (N,).
        groups: Persons, who are never on both sides of the search, or None.
        config: What is searched.

    Returns:
        The fitted pipeline, and the best kernel and cost with their cross-validated accuracy.
    """
    rng = np.random.default_rng(config.seed)
    order = rng.permutation(len(labels))
    small = order[: config.search_rows or None]
    folds = GroupKFold(config.cv) if groups is not None else StratifiedKFold(config.cv)
    pipeline = make_pipeline(StandardScaler(), SVC(decision_function_shape="ovr"))
    search = GridSearchCV(
        pipeline,
        {"svc__kernel": list(config.kernels), "svc__C": list(config.costs)},
        cv=folds,
        refit=False,
    )
    search.fit(x[small], labels[small], groups=None if groups is None else groups[small])
    best = search.best_params_
    large = order[: config.rows or None]
    pipeline.set_params(**best).fit(x[large], labels[large])
    found = SvmFit(
        kernel=best["svc__kernel"],
        C=best["svc__C"],
        search_accuracy=float(search.best_score_),
        search_rows=len(small),
        rows=len(large),
        support_vectors=int(pipeline.named_steps["svc"].n_support_.sum()),
    )
    return pipeline, found


def run(data: FaceDataset, config: SvmConfig, folder: Path, command: str) -> RunRecord:
    """Fit on every division of the split, pool the scores, and write the record.

    With HOG features, a split of one division and rows of every class the machine is exported as
    ``svm.onnx``.
    """
    started = time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    x = extract(data, config.features)
    divisions = splits.make(data, config.split)
    scores = np.zeros((len(data), len(data.label_names)), np.float32)
    found: list[SvmFit] = []
    for division in divisions:
        groups = None if data.subjects is None else data.subjects[division.train]
        pipeline, best = fit(x[division.train], data.labels[division.train], groups, config)
        scores[division.test] = class_scores(pipeline, x[division.test], len(data.label_names))
        found.append(best)
    tested = np.unique(np.concatenate([division.test for division in divisions]))
    single, fitted = _measure(data, divisions, tested, scores)
    numbers = int(np.mean([best.support_vectors for best in found]) * x.shape[1])
    record = RunRecord(
        recipe=_recipe(data, config, found[0]),
        protocol=config.split if len(divisions) > 1 else divisions[0].name,
        selects=divisions[0].selects,
        leaks=divisions[0].leaks,
        command=command,
        revision=provenance.revision(),
        versions=provenance.versions(),
        data=provenance.dataset(data, found[0].rows),
        parameters=numbers,
        macs=numbers,
        minutes=(time.perf_counter() - started) / 60,
        results=Results(
            f"svm-{config.features}", data.name, len(tested), list(data.label_names), single
        ),
        calibration=fitted,
        folds=len(divisions),
        machine=config,
        found=found,
    )
    whole = len(pipeline.classes_) == len(data.label_names) > 2
    record_files.write(record, folder)  # before what may fail: the search took its time
    if config.features == "hog" and len(divisions) == 1 and whole:
        kept = calibration.kept(fitted) if fitted else Fitted()
        predictor = SvmPredictor(pipeline, data.label_names, kept)
        test = data.select(divisions[0].test)
        record.parity = export_svm(predictor, record, folder / "svm.onnx", test)
        record_files.write(record, folder)
    return record


def _measure(
    data: FaceDataset,
    divisions: list[splits.Split],
    tested: splits.Rows,
    scores: NDArray[np.float32],
) -> tuple[Figures, Calibration | None]:
    """Return the figures of all tested rows, and the calibration where they may select."""
    labels, probabilities = data.labels[tested], softmax(scores[tested], axis=1)
    single = metrics.summarize(labels, probabilities, data.label_names)
    if len(divisions) > 1:
        return single, None
    copies = np.flatnonzero(np.isin(tested, cross_duplicates(data, divisions[0])))
    metrics.add_without(single, labels, probabilities, data.label_names, copies)
    selects = divisions[0].selects
    return single, calibration.calibrate(scores[tested], labels) if selects else None


def _recipe(data: FaceDataset, config: SvmConfig, best: SvmFit) -> Recipe:
    """Describe the machine in the words of a recipe, for the tables."""
    return Recipe(
        name=f"svm-{config.features}",
        architecture="svm",
        paper=Paper("Patil 2023"),
        seed=config.seed,
        differs=f"{config.features} features, grid search over kernels "
        f"{', '.join(config.kernels)} on {best.search_rows} rows, final fit on {best.rows} rows.",
        data=Data(dataset=data.name, split=config.split),
    )


def export_svm(predictor: SvmPredictor, record: RunRecord, path: Path, test: FaceDataset) -> Parity:
    """Write one ONNX file of features and machine, and check it against scikit-learn.

    Raises:
        ExportError: The file does not predict as scikit-learn does.
    """
    width = test.images.shape[2]
    front = export.to_onnx(features.Hog(), 1, width, output="features")
    count = features.hog(test.images[:1], SCALE).shape[1]
    with warnings.catch_warnings():
        # skl2onnx asks for attributes that scikit-learn is about to drop.
        warnings.simplefilter("ignore", FutureWarning)
        back = skl2onnx.to_onnx(
            predictor.pipeline,
            initial_types=[
                ("svm_features", skl2onnx.common.data_types.FloatTensorType([None, count]))
            ],
            options={SVC: {"raw_scores": True, "zipmap": False}},
            target_opset={"": export.OPSET, "ai.onnx.ml": 3},
        )
    back.ir_version = front.ir_version
    scores = back.graph.output[1].name
    model = onnx.compose.merge_models(
        front, back, io_map=[("features", "svm_features")], outputs=[scores]
    )
    model.ir_version = export.IR_VERSION
    fitted = record.calibration
    metadata = ModelMetadata(
        model_id=predictor.name,
        version="1.0.0",
        labels=predictor.labels,
        input=InputSpec(width, width, 1, (0.0,), (SCALE,)),
        crop=FER2013_TEMPLATE,
        temperature=predictor.calibration.temperature,
        undecided_temperature=predictor.calibration.undecided_temperature,
        dataset=to_plain(record.data),
        recipe={
            "name": record.recipe.name,
            "differs": record.recipe.differs,
            **to_plain(record.machine),
            "command": record.command,
        },
        metrics={"accuracy": round(record.results.single_crop.accuracy, 4)},
    )
    if fitted is not None:
        metadata = replace(metadata, uncertain_threshold=fitted.uncertain_threshold)
    export.write(model, metadata, path)
    return export.parity(predictor, path, test.images, test.labels, astray=_TURNED_VOTES)
