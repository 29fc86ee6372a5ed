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

"""Measure any predictor on any labelled crops: the same figures from every source."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.emotions import CONTEMPT, FERPLUS
from fer_training.data import ferplus
from fer_training.data.base import FaceDataset
from fer_training.measure import metrics
from fer_training.measure.predictors import Predictor, with_flip
from fer_training.records.figures import Figures, Results


def evaluate(
    predictor: Predictor,
    data: FaceDataset,
    duplicates: NDArray[np.int64] | None = None,
    flip: bool = True,
) -> Results:
    """Return all figures, single-crop and augmented apart.

    Args:
        predictor: Network.
        data: Rows to measure on.
        duplicates: Rows (indices into ``data``) whose image is also among training rows;
            the figures without them are given too.
        flip: Also measure with the mirrored crop (two-crop test-time augmentation).
    """
    scores = _aligned(predictor.probabilities(data.images), predictor, data)
    single = _figures(scores, data, duplicates)
    single.reliability = metrics.reliability(data.labels, scores)
    mirrored = None
    if flip:
        mirrored = _figures(
            _aligned(with_flip(predictor, data.images), predictor, data), data, duplicates
        )
    return Results(
        model=predictor.name,
        dataset=data.name,
        rows=len(data),
        labels=list(data.label_names),
        single_crop=single,
        flip=mirrored,
        data_sha256=data.digest,
        on_majority=ferplus.on_majority(scores.argmax(1), data),
        duplicates_of_training=None if duplicates is None else len(duplicates),
    )


def _aligned(
    scores: NDArray[np.float32], predictor: Predictor, data: FaceDataset
) -> NDArray[np.float32]:
    # A network of seven classes may be measured on FER+ for orientation; it misses all contempt.
    unnamed = (CONTEMPT,) if data.label_names == FERPLUS else ()
    return metrics.align_columns(scores, predictor.labels, data.label_names, unnamed)


def _figures(
    scores: NDArray[np.float32], data: FaceDataset, duplicates: NDArray[np.int64] | None
) -> Figures:
    figures = metrics.summarize(data.labels, scores, data.label_names)
    if duplicates is not None:
        metrics.add_without(figures, data.labels, scores, data.label_names, duplicates)
    return figures
