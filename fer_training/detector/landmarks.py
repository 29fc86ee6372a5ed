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

"""Landmark error of a detector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.detection import FaceDetector
from fer_training.data.base import DatasetError
from fer_training.data.folders import open_npz
from fer_training.detector.compare import judged_faces
from fer_training.detector.vga_scenes import Scene

Floats = NDArray[np.float64]

_SAME_FACE = 0.6


@dataclass(frozen=True)
class LandmarkError:
    """Mean distance of the landmarks, over the eye distance."""

    faces: int
    median: float
    p90: float


def against_teacher(
    finder: FaceDetector, scenes: Sequence[Scene], points: NDArray[np.float32]
) -> LandmarkError | None:
    """Compare with what a teacher sees in the enlarged crops; None without landmarks.

    Args:
        finder: Detector.
        scenes: Faces put into photos.
        points: (N, 5, 2) the teacher's, in sides of the crops; NaN where it saw no face.
    """
    errors = []
    for scene in scenes:
        faces = sorted(finder.detect(scene.image), key=lambda face: -face.score)
        truth = scene.placed(points[scene.rows].astype(np.float64))
        for i, k in enumerate(judged_faces(faces, scene.boxes).face):
            seen = faces[i].landmarks
            if seen is None:
                return None
            if k >= 0 and np.isfinite(truth[k]).all():
                apart = max(float(np.hypot(*(truth[k][0] - truth[k][1]))), 1.0)
                errors.append(float(np.hypot(*(seen - truth[k]).T).mean()) / apart)
    return _summary(errors)


def against_people(finder: FaceDetector, file: Path, limit: int = 600) -> LandmarkError | None:
    """Compare with eyes, nose and mouth centre that people set; None without landmarks.

    People and detectors mean another point by a nose; what differs in the median is taken off.

    Args:
        finder: Detector.
        file: npz with `points`, (P, 8): left and right eye as seen, nose, mouth centre.
        limit: At most so many photos.

    Raises:
        DatasetError: The file has no such points.
    """
    with open_npz(file) as data:
        if "points" not in data.files:
            raise DatasetError(f"{file} has no points")
        arrays = {key: data[key] for key in ("jpeg", "offset", "points", "points_offset")}
    gaps: list[Floats] = []
    at = arrays["points_offset"]
    for i in np.flatnonzero(np.diff(at))[:limit]:
        packed = arrays["jpeg"][arrays["offset"][i] : arrays["offset"][i + 1]]
        faces = finder.detect(np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8))
        for truth in arrays["points"][at[i] : at[i + 1]].reshape(-1, 4, 2):
            apart = max(float(np.hypot(*(truth[0] - truth[1]))), 1.0)
            for face in faces:
                if face.landmarks is None:
                    return None
                seen = face.landmarks
                points = np.stack([seen[0], seen[1], seen[2], (seen[3] + seen[4]) / 2])
                gap = (points - truth) / apart
                if np.hypot(*gap.T).mean() < _SAME_FACE:
                    gaps.append(gap)
                    break
    if not gaps:
        return _summary([])
    centred = np.array(gaps) - np.median(gaps, axis=0)
    return _summary(list(np.hypot(centred[..., 0], centred[..., 1]).mean(axis=1)))


def _summary(errors: Sequence[float]) -> LandmarkError:
    if not errors:
        return LandmarkError(0, float("nan"), float("nan"))
    return LandmarkError(len(errors), float(np.median(errors)), float(np.percentile(errors, 90)))
