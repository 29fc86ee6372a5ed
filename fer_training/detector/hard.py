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

"""Hard example mining: faces with low scores, and false detections."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_training.data.folders import open_npz
from fer_training.detector.matching import hits
from fer_training.detector.network import FaceNet
from fer_training.detector.photos import Photo, Photos
from fer_training.detector.validation import Finder, detections

Floats = NDArray[np.float32]

FILE = "hard.npz"
"""Name inside a run's folder; a training that finds it there uses it."""

_SCALES = (1.0, 0.5)
_LEAST_FALSE, _LEAST_SIDE = 0.25, 14.0
"""Score and side [pixels] from which on a detection beside all faces is kept."""
_LEAST_WEIGHT = 0.12


@dataclass(frozen=True)
class Hard:
    """Sampling weights of faces, and false detections."""

    weights: Floats
    """(M,) for every face of all photos."""
    false_photo: NDArray[np.int64]
    """(K,) photo of each false face."""
    false_box: Floats
    """(K, 4): x, y, width, height in the photo's pixels."""
    false_score: Floats
    """(K,) what the network gave it."""

    def save(self, path: Path) -> None:
        """Write it as npz."""
        np.savez(
            path,
            weights=self.weights,
            false_photo=self.false_photo,
            false_box=self.false_box,
            false_score=self.false_score,
        )

    @classmethod
    def load(cls, path: Path) -> Hard:
        """Read what :meth:`save` wrote."""
        with open_npz(path) as data:
            return cls(*(data[key] for key in cls.__dataclass_fields__))


def find(network: FaceNet, photos: Photos) -> Hard:
    """Let a network look at every photo, at its own size and at half of it.

    A face weighs the more the lower its better score; regions of unknown faces are left out.
    """
    finder = Finder(network)
    score_of = np.zeros(photos.faces, np.float32)
    where: list[int] = []
    boxes: list[NDArray[np.float64]] = []
    scores: list[float] = []
    for i in range(len(photos)):
        photo, first = photos[i], photos.first_face(i)
        for scale in _SCALES:
            found, score = _look(finder, photo, scale)
            fits = hits(found, photo.faces[:, :4].astype(np.float64)) > 0
            for k in range(len(photo.faces)):
                best = float(score[fits[:, k]].max(initial=0.0))
                score_of[first + k] = max(score_of[first + k], best)
            side = np.sqrt(found[:, 2] * found[:, 3])
            beside = ~fits.any(1) & ~_touches(found, photo) & (side * scale >= _LEAST_SIDE)
            for j in np.flatnonzero(beside & (score >= _LEAST_FALSE)):
                where.append(i)
                boxes.append(found[j])
                scores.append(float(score[j]))
    return Hard(
        np.clip(1.0 - score_of, _LEAST_WEIGHT, 1.0),
        np.array(where, np.int64),
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores, np.float32),
    )


def _look(
    finder: Finder, photo: Photo, scale: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    image = photo.image
    if scale != 1.0:
        image = np.asarray(
            cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
        )
    found, score = detections(finder, image)
    return found.reshape(-1, 4) / scale, score


def _touches(found: NDArray[np.float64], photo: Photo) -> NDArray[np.bool_]:
    """Whether a detection's middle lies in any face, known or not; it is then no clear mistake."""
    middle = found[:, None, :2] + found[:, None, 2:] / 2
    low, extent = photo.faces[None, :, :2], photo.faces[None, :, 2:4]
    inside = np.all((middle > low) & (middle < low + extent), axis=2)
    return np.asarray(np.any(inside, axis=1), np.bool_)
