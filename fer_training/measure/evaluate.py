"""Measure any predictor on any labelled crops: the same figures from every source."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.emotions import CONTEMPT, FERPLUS
from fer_training.data.base import FaceDataset
from fer_training.measure import metrics
from fer_training.measure.predictors import Predictor, with_flip


def evaluate(
    predictor: Predictor,
    data: FaceDataset,
    duplicates: NDArray[np.int64] | None = None,
    flip: bool = True,
) -> dict[str, Any]:
    """Return all figures, single-crop and augmented apart.

    Args:
        predictor: Network.
        data: Rows to measure on.
        duplicates: Rows (indices into ``data``) whose image also stands among training rows;
            the figures without them are given too.
        flip: Also measure with the mirrored crop (two-crop test-time augmentation).
    """
    views = {"single_crop": predictor.probabilities(data.images)}
    if flip:
        views["flip"] = with_flip(predictor, data.images)
    result: dict[str, Any] = {
        "model": predictor.name,
        "dataset": data.name,
        "data_sha256": data.digest,
        "rows": len(data),
        "labels": list(data.label_names),
    }
    if duplicates is not None:
        result["duplicates_of_training"] = len(duplicates)
    # A network of seven classes may be measured on FER+ for orientation; it misses all contempt.
    unnamed = (CONTEMPT,) if data.label_names == FERPLUS else ()
    for view, scores in views.items():
        probabilities = metrics.align_columns(scores, predictor.labels, data.label_names, unnamed)
        result[view] = metrics.summarize(data.labels, probabilities, data.label_names)
        if view == "single_crop":
            result[view]["reliability"] = metrics.reliability(data.labels, probabilities)
        if duplicates is not None and len(duplicates) < len(data):
            unique = np.setdiff1d(np.arange(len(data)), duplicates)
            result[view]["without_duplicates"] = metrics.summarize(
                data.labels[unique], probabilities[unique], data.label_names
            )
    return result
