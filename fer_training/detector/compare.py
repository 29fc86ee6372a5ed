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

"""Detectors side by side on the same photos and scenes, in one run: recall, errors, cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.detection import (
    DetectorSettings,
    FaceDetector,
    FerFaceDetector,
    HaarDetector,
    YuNetDetector,
)
from fer_ros.perception.model_metadata import DETECTOR_KIND, KIND_KEY
from fer_ros.perception.onnx_file import read_properties
from fer_ros.perception.types import Face
from fer_training.data.base import DatasetError
from fer_training.detector.labelled_photos import LabelledPhoto
from fer_training.detector.matching import Judged, judge, recall_at, recall_over
from fer_training.detector.vga_scenes import HEIGHT, WIDTH, Scene

Floats = NDArray[np.float64]

BANDS = ((8, 16), (16, 24), (24, 32), (32, 48), (48, 96), (96, 192), (192, 10_000))
"""Mean sides of faces, the bins of the tables [source pixels]."""
SMALLEST = 24.0
"""Faces from this side on count in the whole [source pixels]."""
_LEAST_SCORE = 0.05


@dataclass(frozen=True)
class Contestant:
    """A detector at one size of its input."""

    name: str
    make: Callable[[float], FaceDetector]
    """Makes it with a threshold."""


@dataclass
class PhotoFigures:
    """Figures of a detector on photos with known faces."""

    name: str
    recall: float
    """At the default threshold, of faces of :data:`SMALLEST` pixels and more."""
    false_a_photo: float
    at_tenth: float
    """Recall where there are 0.1 false faces a photo."""
    threshold_at_tenth: float
    at_hundredth: float
    bands: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Faces and the share found at the default threshold, by side."""
    curve: list[tuple[float, float, float]] = field(default_factory=list)
    """Threshold, recall, false faces a photo."""
    kinds: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Faces and the share found where there are 0.1 false faces a photo, by kind; in loose boxes
    too."""


@dataclass(frozen=True)
class SceneFigures:
    """Figures of a detector on FER2013 faces of one size and tilt in VGA scenes."""

    name: str
    size: int
    tilt: float
    found: float
    false_a_scene: float


def contestant(name: str) -> Contestant:
    """Return a detector by name: ``fer-face``, ``haar`` or a file, with ``@SIZE`` of its input.

    Raises:
        DatasetError: The name says none of these, or its size is no number.
    """
    what, _, size = name.partition("@")
    if size and not size.isdigit():
        raise DatasetError(f"{name!r}: after @ comes the longest side of the input in pixels")
    pixels = int(size) if size else 640

    def settings(threshold: float) -> DetectorSettings:
        return DetectorSettings(threshold=threshold, detection_size=pixels, max_faces=200)

    if what == "haar":
        return Contestant(f"haar@{pixels}", lambda least: HaarDetector(settings(least)))
    if what == "fer-face":
        return Contestant(f"fer-face@{pixels}", lambda least: FerFaceDetector(settings(least)))
    path = Path(what)
    if not path.is_file():
        raise DatasetError(f"no detector {name!r}: say fer-face, haar, or name an ONNX file")
    label = f"{path.stem}@{pixels}"
    if read_properties(path).get(KIND_KEY) == DETECTOR_KIND:
        return Contestant(label, lambda least: FerFaceDetector(settings(least), path))
    return Contestant(label, lambda least: YuNetDetector(path, settings(least)))


def on_photos(
    contestants: Sequence[Contestant], photos: Iterable[LabelledPhoto], threshold: float = 0.7
) -> list[PhotoFigures]:
    """Measure recall against false faces."""
    shown = list(photos)
    results = []
    for each in contestants:
        finder = each.make(_LEAST_SCORE)
        judged = [
            judged_faces(finder.detect(photo.image), photo.boxes, photo.loose) for photo in shown
        ]
        results.append(_photo_figures(each.name, judged, shown, threshold))
    return results


def judged_faces(faces: Sequence[Face], truth: Floats, loose: bool = False) -> Judged:
    """Match a detector's faces with those that are there, (T, 4), boxed closely or loosely."""
    boxes = np.array([(f.box.x, f.box.y, f.box.width, f.box.height) for f in faces]).reshape(-1, 4)
    return judge(boxes, np.array([face.score for face in faces]), truth, loose)


def large_faces(photo: LabelledPhoto) -> NDArray[np.bool_]:
    """Return which faces of a photo, (F,), count and have :data:`SMALLEST` pixels or more."""
    side = np.sqrt(np.maximum(photo.boxes[:, 2:].prod(1), 0))
    return np.asarray(photo.counts & (side >= SMALLEST), np.bool_)


def _photo_figures(
    name: str, judged: list[Judged], photos: Sequence[LabelledPhoto], threshold: float
) -> PhotoFigures:
    sides = [np.sqrt(np.maximum(photo.boxes[:, 2:].prod(1), 0)) for photo in photos]
    large = [large_faces(photo) for photo in photos]
    wanted = [mask & (not photo.loose) for mask, photo in zip(large, photos, strict=True)]
    tenth, at = recall_at(judged, wanted, 0.1)
    own, false = recall_over(judged, wanted, threshold)
    figures = PhotoFigures(name, own, false, tenth, at, recall_at(judged, wanted, 0.01)[0])
    for low, high in BANDS:
        band = [
            photo.counts & (not photo.loose) & (side >= low) & (side < high)
            for photo, side in zip(photos, sides, strict=True)
        ]
        count = int(sum(mask.sum() for mask in band))
        if count:
            label = f"{low}-{high}" if high < BANDS[-1][1] else f"{low}+"
            figures.bands[label] = (count, recall_over(judged, band, threshold)[0])
    for kind in photos[0].kinds if photos else ():
        own_kind = [mask & photo.kinds[kind] for mask, photo in zip(large, photos, strict=True)]
        count = int(sum(mask.sum() for mask in own_kind))
        if count:
            figures.kinds[kind] = (count, recall_over(judged, own_kind, at)[0])
    for step in np.arange(0.1, 1.0, 0.05).round(2):
        recall, wrong = recall_over(judged, wanted, float(step))
        figures.curve.append((float(step), recall, wrong))
    return figures


def on_scenes(
    contestants: Sequence[Contestant],
    scenes: Sequence[Scene],
    size: int,
    tilt: float,
    threshold: float = 0.7,
) -> list[SceneFigures]:
    """Measure the share of FER2013 faces found in VGA scenes."""
    results = []
    for each in contestants:
        finder = each.make(threshold)
        judged = [judged_faces(finder.detect(scene.image), scene.boxes) for scene in scenes]
        shown = sum(len(scene.rows) for scene in scenes)
        found = sum(int((j.face >= 0).sum()) for j in judged)
        false = sum(int(j.false.sum()) for j in judged) / len(scenes)
        results.append(SceneFigures(each.name, size, tilt, found / shown, false))
    return results


def false_on_empty(
    contestants: Sequence[Contestant],
    pictures: Sequence[NDArray[np.uint8]],
    threshold: float = 0.7,
) -> dict[str, int]:
    """Return the false faces of 16 pixels and more on pictures without any."""
    nobody = np.zeros((0, 4))
    return {
        each.name: sum(
            int(judged_faces(finder.detect(picture), nobody).false.sum()) for picture in pictures
        )
        for each in contestants
        for finder in (each.make(threshold),)
    }


def cost(
    contestants: Sequence[Contestant], picture: NDArray[np.uint8], rounds: int = 100
) -> Floats:
    """Return the cost of each on a VGA picture [ms], one thread: the least of all rounds.

    They run in turn, so that a busy moment meets all; the least, since others' work on
    the machine only ever adds.
    """
    cv2.setNumThreads(1)
    if picture.shape[:2] != (HEIGHT, WIDTH):
        picture = np.asarray(cv2.resize(picture, (WIDTH, HEIGHT)), np.uint8)
    finders = [each.make(0.7) for each in contestants]
    spent = np.empty((rounds, len(finders)))
    for row in spent:
        for k, finder in enumerate(finders):
            start = time.perf_counter()
            finder.detect(picture)
            row[k] = (time.perf_counter() - start) * 1e3
    return np.asarray(spent[5:].min(axis=0), np.float64)
