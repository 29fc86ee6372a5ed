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

"""FER2013 crops with the box and landmarks that a teacher sees in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.detection import FaceDetector
from fer_training.data.folders import open_npz

_ENLARGED, _MARGIN = 128, 48
_NOT_A_FACE = 9
_BLACK = 4.0
_TEMPLATE_BOX = (0.5, 0.526, 0.81, 1.02)


@dataclass(frozen=True)
class Crops:
    """Face crops to be put into photos."""

    images: NDArray[np.uint8]
    """(N, 48, 48)."""
    boxes: NDArray[np.float32]
    """(N, 4): middle x, y, width, height in crop sides."""
    points: NDArray[np.float32]
    """(N, 5, 2) in crop sides; NaN where the teacher saw no face."""

    def save(self, path: Path) -> None:
        """Write them as npz."""
        np.savez(path, images=self.images, boxes=self.boxes, points=self.points)

    @classmethod
    def load(cls, path: Path) -> Crops:
        """Read what :meth:`save` wrote."""
        with open_npz(path) as data:
            return cls(data["images"], data["boxes"], data["points"])


def measure(file: Path, teacher: FaceDetector, usage: int = 0, keep_all: bool = False) -> Crops:
    """Let a teacher look at every crop of a part of FER2013.

    Args:
        file: npz with `images`, `usage` and `ferplus`.
        teacher: Sees each crop enlarged, on plain grey.
        usage: 0 Training, 1 PublicTest.
        keep_all: Keep crops that show no face too, so that rows stay those of the file.

    Returns:
        Crops that show a face: neither black nor called no face by most FER+ voters.
    """
    with open_npz(file) as data:
        part = data["usage"] == usage
        images, votes = data["images"][part], data["ferplus"][part]
    shows = (images.std((1, 2)) > _BLACK) & (votes[:, _NOT_A_FACE] <= votes.sum(1) / 3)
    images = images if keep_all else images[shows]
    boxes = np.tile(np.array(_TEMPLATE_BOX, np.float32), (len(images), 1))
    points = np.full((len(images), 5, 2), np.nan, np.float32)
    side = _ENLARGED + 2 * _MARGIN
    for i, image in enumerate(images):
        scene = np.full((side, side), int(image.mean()), np.uint8)
        large = cv2.resize(image, (_ENLARGED, _ENLARGED), interpolation=cv2.INTER_CUBIC)
        scene[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN] = large
        faces = teacher.detect(scene)
        landmarks = faces[0].landmarks if faces else None
        if landmarks is None:
            continue
        box = faces[0].box
        seen = np.array([box.center, (box.width, box.height)], np.float32)
        seen[0] -= _MARGIN - 0.5
        seen /= _ENLARGED
        if abs(seen[0] - 0.5).max() > 0.25 or not 0.4 < np.sqrt(seen[1].prod()) < 1.3:
            continue
        boxes[i] = seen.ravel()
        points[i] = (landmarks - _MARGIN + 0.5) / _ENLARGED
    return Crops(images, boxes, points)
