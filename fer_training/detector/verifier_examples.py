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

"""Examples for the verifier: what a detector finds on training photos, and whether it is a face."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.detection import DetectorSettings, FerFaceDetector
from fer_ros.perception.detection.candidates import Candidates, suppress
from fer_ros.perception.detection.verifier import crop, facts
from fer_training.data.folders import open_npz
from fer_training.detector import vga_scenes
from fer_training.detector.crops import Crops
from fer_training.detector.matching import hits
from fer_training.detector.photos import Photos
from fer_training.detector.sources import is_loose

Floats = NDArray[np.float32]

SIDE, CONTEXT = 64, 2.5
"""Of the stored crops: wider than the verifier's, so that a training can move and turn them."""
SIZES = (640, 480, 320)
"""Longest sides of the detector's input."""
LEAST_SCORE = 0.1
"""Of the detector, for an example; less than the verifier looks at."""
SCENE = 99
"""Source of the examples with FER2013 faces put into photos."""

_LEAST_SIDE = 8.0
"""Of a candidate in the detector's input [pixels]."""
_MOST = 40
"""Candidates of one pass, the most confident."""
_PART, _SEVERAL = 0.25, 5.0
"""Areas, in those of a face, below which a box inside is a part of it, and above which several."""
_EASY, _EASY_KEPT = 0.2, 0.4
"""Score below which only this share of the wrong candidates is kept."""
_CROWD, _SURE, _SMALL, _CROWD_KEPT = 34, 0.93, 20.0, 0.25
"""Of the crowds, whose faces outnumber all others, this share of sure and small ones is kept."""
_MEASURED = 12
"""Of so many photos one is measured on."""
_SCENE_SIDES, _SCENE_TILTS, _SCENE_FACES = (24, 32, 40, 48, 64, 96, 160), (0, 15, 30, 45), 100


@dataclass(frozen=True)
class Examples:
    """Candidates, labelled."""

    crops: NDArray[np.uint8]
    """(N, SIDE, SIDE)"""
    facts: Floats
    """(N, 2), see :func:`fer_ros.perception.detection.verifier.facts`."""
    label: NDArray[np.bool_]
    """(N,) whether it is a face."""
    photo: NDArray[np.int64]
    """(N,) number of the photo, for divisions without a photo on both sides."""
    source: NDArray[np.int64]
    """(N,) code of its source."""

    def save(self, path: Path) -> None:
        """Write them as npz."""
        np.savez(path, **{name: getattr(self, name) for name in self.__dataclass_fields__})

    @classmethod
    def load(cls, path: Path) -> Examples:
        """Read what :meth:`save` wrote."""
        with open_npz(path) as data:
            return cls(*(data[name] for name in cls.__dataclass_fields__))


def collect(photos: Photos, crops: Crops, detector: Path | None, seed: int = 0) -> Examples:
    """Let a detector look at all photos, and at FER2013 faces put into those without any.

    Args:
        photos: With faces known or uncertain; candidates on uncertain ones are left out.
        crops: Faces to put into photos.
        detector: File of fer-face's form; None: the shipped one.
        seed: Of the choice of faces and places, and of what is kept of the easy ones.
    """
    finders = [
        FerFaceDetector(
            DetectorSettings(threshold=LEAST_SCORE, detection_size=size, max_faces=_MOST),
            detector,
        )
        for size in SIZES
    ]
    rng = np.random.default_rng(seed)
    parts: list[Examples] = []
    for number, (image, faces, source) in enumerate(_pictures(photos, crops, rng)):
        parts += [_of_picture(finder, image, faces, source, number, rng) for finder in finders]
    return Examples(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in Examples.__dataclass_fields__
        )
    )


def _pictures(
    photos: Photos, crops: Crops, rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.uint8], Floats, int]]:
    """Yield image, faces (F, 15) as in :class:`fer_training.detector.photos.Photo`, and source."""
    for i in range(len(photos)):
        photo = photos[i]
        yield photo.image, photo.faces, photo.source
    if len(photos.empty) == 0:
        return
    rows = rng.permutation(len(crops.images))
    empty = rng.permutation(photos.empty)
    at = 0
    for side in _SCENE_SIDES:
        for tilt in _SCENE_TILTS:
            shown, at = rows[at : at + _SCENE_FACES].tolist(), at + _SCENE_FACES
            chosen = rng.choice(empty, min(len(empty), _SCENE_FACES // 4), replace=False)
            grounds = [photos[int(i)].image for i in chosen]
            for scene in vga_scenes.scenes(crops.images, shown, grounds, side, tilt, seed=at):
                faces = np.zeros((len(scene.boxes), 15), np.float32)
                faces[:, :4], faces[:, 14] = scene.boxes, 1.0
                yield scene.image, faces, SCENE


def _of_picture(
    finder: FerFaceDetector,
    image: NDArray[np.uint8],
    faces: Floats,
    source: int,
    number: int,
    rng: np.random.Generator,
) -> Examples:
    scale = finder.scale(image.shape[1], image.shape[0])
    found = suppress(finder.candidates(image, LEAST_SCORE))[:_MOST]
    side = np.sqrt(found[:, 2] * found[:, 3]) * scale
    found, side = found[side >= _LEAST_SIDE], side[side >= _LEAST_SIDE]
    face, other = labels(found, faces, is_loose(source))
    score = found[:, 14]
    share = np.where(other & (score < _EASY), _EASY_KEPT, 1.0)
    if source == _CROWD:
        share = np.where(face & ((score > _SURE) | (side < _SMALL)), _CROWD_KEPT, share)
    kept = (face | other) & (rng.random(len(found)) < share)
    boxes = found[kept, :4]
    return Examples(
        np.array([crop(image, box, SIDE, CONTEXT) for box in boxes], np.uint8).reshape(
            -1, SIDE, SIDE
        ),
        facts(found[kept]),
        face[kept],
        np.full(len(boxes), number, np.int64),
        np.full(len(boxes), source, np.int64),
    )


def labels(
    found: Candidates, faces: Floats, loose: bool
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which candidates, (N,), are certain faces, and which are certainly none.

    Neither are those on uncertain faces, and those within a face that fit it badly.

    Args:
        found: Candidates.
        faces: (F, 15), as in :class:`fer_training.detector.photos.Photo`.
        loose: Whether the boxes hold more than the faces: nothing within is certainly no face.
    """
    certain = faces[:, 14] > 0
    fits = hits(found[:, :4].astype(np.float64), faces[:, :4].astype(np.float64)) > 0
    middle = found[:, None, :2] + found[:, None, 2:4] / 2
    low, extent = faces[None, :, :2], faces[None, :, 2:4]
    inside = np.all((middle > low) & (middle < low + extent), axis=2)
    fitting, within = np.any(fits, axis=1), np.any(inside, axis=1)
    face, other = np.any(fits[:, certain], axis=1), ~fitting & ~within
    if not loose:
        area = found[:, 2] * found[:, 3]
        ratio = area[:, None] / np.maximum(faces[:, 2] * faces[:, 3], 1.0)
        unlike = np.all(~inside | (ratio < _PART) | (ratio > _SEVERAL), axis=1)
        other |= ~fitting & within & unlike & ~np.any(inside[:, ~certain], axis=1)
    return np.asarray(face, np.bool_), np.asarray(other, np.bool_)


def divided(examples: Examples) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows to train on, and those of every twelfth photo, to measure on."""
    measured = (examples.photo % _MEASURED == 0) & (examples.source != SCENE)
    return np.flatnonzero(~measured), np.flatnonzero(measured)
