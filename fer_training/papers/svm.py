"""The support vector machine of Patil (2023): HOG features, scaling, grid search, ONNX.

The exported file holds the features too (:class:`fer_training.papers.features.Hog`), so the node
runs it as any other network of 48x48 crops. Landmark geometry needs a detector and is offline only.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

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
from fer_training.data import splits
from fer_training.data.base import DatasetError, FaceDataset
from fer_training.data.splits import cross_duplicates
from fer_training.measure import calibration, metrics
from fer_training.papers import features
from fer_training.records import provenance
from fer_training.ship import export
from fer_training.train.finish import write_json

SCALE = 1 / 255
FEATURES = ("hog", "landmarks", "hog+landmarks")


@dataclass(frozen=True)
class SvmConfig:
    """What is searched, and on how many rows (an RBF machine costs rows squared)."""

    split: str = "official"
    features: str = "hog"
    kernels: tuple[str, ...] = ("linear", "poly", "rbf")
    costs: tuple[float, ...] = (0.1, 1.0, 10.0)
    search_rows: int = 3000
    """Training rows of the grid search; 0 takes all."""
    rows: int = 0
    """Training rows of the final machine; 0 takes all."""
    cv: int = 3
    seed: int = 0


@dataclass
class SvmPredictor:
    """A fitted pipeline behind the face of a predictor."""

    pipeline: Pipeline
    labels: tuple[str, ...]
    temperature: float = 1.0
    name: str = "svm-hog"

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return softmax of the one-against-rest scores, shape (N, labels)."""
        scores = class_scores(self.pipeline, features.hog(images, SCALE), len(self.labels))
        return softmax(scores.astype(np.float32) / np.float32(self.temperature), axis=1)


def class_scores(pipeline: Pipeline, x: NDArray[np.float32], classes: int) -> NDArray[np.float32]:
    """Return a score of every class, shape (N, classes), higher where it is likelier.

    A class without training rows scores one below the lowest of the others, so that it is never
    the answer; with two classes scikit-learn gives one column, whose sign decides.
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
) -> tuple[Pipeline, dict[str, Any]]:
    """Search kernel and cost by cross-validation, then fit.

    Args:
        x: Features, shape (N, features).
        labels: Classes, shape (N,).
        groups: Persons, who never stand on both sides of the search, or None.
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
    found = {
        "kernel": best["svc__kernel"],
        "C": best["svc__C"],
        "search_accuracy": float(search.best_score_),
        "search_rows": len(small),
        "rows": len(large),
        "support_vectors": int(pipeline.named_steps["svc"].n_support_.sum()),
    }
    return pipeline, found


def run(data: FaceDataset, config: SvmConfig, folder: Path, command: str) -> dict[str, Any]:
    """Fit on every division of the split, pool the scores, and write ``metrics.json``.

    With HOG features, a split of one division and rows of every class the machine is exported as
    ``svm.onnx``.
    """
    started = time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    x = extract(data, config.features)
    divisions = splits.make(data, config.split)
    scores = np.zeros((len(data), len(data.label_names)), np.float32)
    found: list[dict[str, Any]] = []
    for division in divisions:
        groups = None if data.subjects is None else data.subjects[division.train]
        pipeline, best = fit(x[division.train], data.labels[division.train], groups, config)
        scores[division.test] = class_scores(pipeline, x[division.test], len(data.label_names))
        found.append(best)
    tested = np.unique(np.concatenate([division.test for division in divisions]))
    single = metrics.summarize(
        data.labels[tested], softmax(scores[tested], axis=1), data.label_names
    )
    fitted: dict[str, Any] = {}
    if len(divisions) == 1:
        unique = np.setdiff1d(tested, cross_duplicates(data, divisions[0]))
        single["without_duplicates"] = metrics.summarize(
            data.labels[unique], softmax(scores[unique], axis=1), data.label_names
        )
        if divisions[0].selects:
            fitted = calibration.calibrate(scores[tested], data.labels[tested])
    record = {
        "recipe": {
            "name": f"svm-{config.features}",
            "architecture": "svm",
            "paper": "Patil 2023",
            "seed": config.seed,
            "differs": f"{config.features} features, grid search over kernels "
            f"{', '.join(config.kernels)} on {found[0]['search_rows']} rows, final fit on "
            f"{found[0]['rows']} rows.",
            "data": {"dataset": data.name, "split": config.split},
            **asdict(config),
        },
        "found": found,
        "protocol": config.split if len(divisions) > 1 else divisions[0].name,
        "folds": len(divisions),
        "selects": divisions[0].selects,
        "leaks": divisions[0].leaks,
        "command": command,
        "revision": provenance.revision(),
        "versions": provenance.versions(),
        "data": provenance.dataset(data, found[0]["rows"]),
        "parameters": int(np.mean([best["support_vectors"] for best in found]) * x.shape[1]),
        "macs": int(np.mean([best["support_vectors"] for best in found]) * x.shape[1]),
        "minutes": (time.perf_counter() - started) / 60,
        "results": {
            "model": f"svm-{config.features}",
            "dataset": data.name,
            "rows": len(tested),
            "labels": list(data.label_names),
            "single_crop": single,
        },
        "calibration": fitted,
    }
    whole = len(pipeline.classes_) == len(data.label_names) > 2
    if config.features == "hog" and len(divisions) == 1 and whole:
        predictor = SvmPredictor(pipeline, data.label_names, fitted.get("temperature", 1.0))
        test = data.select(divisions[0].test)
        record["parity"] = export_svm(predictor, record, folder / "svm.onnx", test)
    write_json(record, folder / "metrics.json")
    return record


def export_svm(
    predictor: SvmPredictor, record: dict[str, Any], path: Path, test: FaceDataset
) -> dict[str, float]:
    """Write one ONNX file of features and machine, and check it against scikit-learn.

    Raises:
        ExportError: The file does not answer as scikit-learn does.
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
    threshold = record["calibration"].get("uncertain_threshold")
    metadata = ModelMetadata(
        model_id=predictor.name,
        version="1.0.0",
        labels=predictor.labels,
        input=InputSpec(width, width, 1, (0.0,), (SCALE,)),
        crop=FER2013_TEMPLATE,
        temperature=predictor.temperature,
        **({} if threshold is None else {"uncertain_threshold": threshold}),
        dataset=record["data"],
        recipe={**record["recipe"], "command": record["command"]},
        metrics={"accuracy": round(record["results"]["single_crop"]["accuracy"], 4)},
    )
    export.write(model, metadata, path)
    return export.parity(predictor, path, test.images, test.labels)
