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

"""Accuracy on faces that a detector found: pasted into scenes, detected, cropped, classified.

These are the conditions in the node: the detector's own jitter, and the crop of
:mod:`fer_ros.perception.alignment` from a picture that goes on beyond the face.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.alignment import FER2013_TEMPLATE, align, crop_for
from fer_ros.perception.detection import DetectorSettings, FaceDetector, YuNetDetector
from fer_ros.perception.types import Face, Image
from fer_training.data.base import FaceDataset
from fer_training.data.scenes import HEIGHT, PLACES, SIZES, WIDTH, Pasted, compose
from fer_training.measure import metrics
from fer_training.measure.predictors import OnnxPredictor, Predictor
from fer_training.records.tables import SceneFigures, ScenesRecord


def detector(path: Path) -> FaceDetector:
    """Return YuNet as the node runs it, with the scenes in full size.

    Raises:
        DetectorError: The file is missing or no YuNet.
    """
    return YuNetDetector(path, DetectorSettings(detection_size=max(WIDTH, HEIGHT)))


def measure(
    predictors: Sequence[Predictor],
    data: FaceDataset,
    finder: FaceDetector,
    count: int = 600,
    seed: int = 0,
    sizes: Sequence[int] = SIZES,
) -> list[ScenesRecord]:
    """Detect, crop and classify faces pasted into scenes.

    Args:
        predictors: Networks; each gets crops of its own size and template.
        data: Grey crops with labels.
        finder: Detector.
        count: Crops pasted, at most as many as there are.
        seed: Chooses crops and places.
        sizes: Five sides of the pasted crops [pixels].

    Returns:
        One record per network.

    Raises:
        ValueError: The sides are not five of at most 256 pixels, the crops are not grey, or a
            network lacks a class of the data.
        RuntimeError: No face was found.
    """
    if len(sizes) != len(PLACES) or not all(8 <= size <= 256 for size in sizes):
        raise ValueError(f"scenes take {len(PLACES)} sides of 8 to 256 pixels, not {list(sizes)}")
    if data.images.ndim != 3:
        raise ValueError("scenes are made from grey crops only")
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(data))[:count]
    search = _Search()
    crops: list[list[Image]] = [[] for _ in predictors]
    for picture, pasted in compose(data.images, rows, rng, sizes):
        faces = finder.detect(picture)
        pairs = [(face, item) for item in pasted if (face := _seen(faces, item)) is not None]
        for own, predictor in zip(crops, predictors, strict=True):
            own.extend(_crop(predictor, picture, face, data) for face, _ in pairs)
        search.shown += pasted
        search.found += [item for _, item in pairs]
        search.strays += len(faces) - len(pairs)
    if not search.found:
        raise RuntimeError("the detector found none of the pasted faces")
    return [
        _record(predictor, np.stack(own), search, finder.name, data)
        for predictor, own in zip(predictors, crops, strict=True)
    ]


@dataclass
class _Search:
    """The faces pasted into all scenes, those found, and other detections."""

    shown: list[Pasted] = field(default_factory=list)
    found: list[Pasted] = field(default_factory=list)
    strays: int = 0


def _record(
    predictor: Predictor,
    crops: NDArray[np.uint8],
    search: _Search,
    detector: str,
    data: FaceDataset,
) -> ScenesRecord:
    """Classify the crops of the faces found, shape (found, H, W), and their bare crops."""
    found = search.found
    hits = _hits(predictor, crops, found, data)
    bare = _hits(predictor, data.images[[item.row for item in found]], found, data)
    by_size = {}
    for size in sorted({item.size for item in search.shown}):
        own = [item.size == size for item in found]
        by_size[str(size)] = _figures(
            sum(item.size == size for item in search.shown), hits[own], bare[own]
        )
    return ScenesRecord(
        width=WIDTH,
        height=HEIGHT,
        detector=detector,
        strays=search.strays,
        shown=len(search.shown),
        found=len(found),
        accuracy=float(hits.mean()),
        accuracy_bare=float(bare.mean()),
        by_size=by_size,
    )


def _seen(faces: Sequence[Face], pasted: Pasted) -> Face | None:
    """Return the most confident face at a pasted crop."""
    return next((face for face in faces if pasted.near(*face.box.center)), None)


def _crop(predictor: Predictor, picture: Image, face: Face, data: FaceDataset) -> Image:
    """Crop as the node would; what is not yet exported takes FER2013's template."""
    if isinstance(predictor, OnnxPredictor):
        about = predictor.network.metadata
        return crop_for(picture, face, about.crop, about.input)
    height, width = data.images.shape[1:3]
    return align(picture, face, FER2013_TEMPLATE, width, height, 1)


def _hits(
    predictor: Predictor, crops: NDArray[np.uint8], found: Sequence[Pasted], data: FaceDataset
) -> NDArray[np.bool_]:
    scores = predictor.probabilities(crops)
    aligned = metrics.align_columns(scores, predictor.labels, data.label_names)
    return np.asarray(aligned.argmax(1) == data.labels[[item.row for item in found]])


def _figures(shown: int, hits: NDArray[np.bool_], bare: NDArray[np.bool_]) -> SceneFigures:
    if not len(hits):
        return SceneFigures(shown, 0)
    return SceneFigures(shown, len(hits), float(hits.mean()), float(bare.mean()))
