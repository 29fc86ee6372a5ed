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

"""Effect of a detector on expression accuracy: faces in scenes found, cropped and classified."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.alignment import crop_for
from fer_ros.perception.classification import EmotionNetwork
from fer_ros.perception.detection import FaceDetector
from fer_ros.perception.emotions import FER2013, mapping
from fer_training.detector.compare import judged_faces
from fer_training.detector.vga_scenes import BOX, Scene


@dataclass(frozen=True)
class Expressions:
    """Expressions of the faces of some scenes."""

    right: float
    """Share predicted right, found or not."""
    right_of_found: float
    direct: float
    """Share of the faces found that are predicted right on a crop cut at the face's true place."""
    loss: float
    """`right_of_found` minus `direct`."""


def measure(
    finder: FaceDetector,
    network: EmotionNetwork,
    scenes: Sequence[Scene],
    labels: NDArray[np.int64],
) -> Expressions:
    """Find, crop and classify.

    Args:
        finder: Detector.
        network: Emotion network; its classes are matched with FER2013's.
        scenes: Upright faces.
        labels: FER2013 code of every row of the data set.
    """
    columns = mapping(FER2013, network.metadata.labels)
    spec, template = network.metadata.input, network.metadata.crop
    hits: list[bool] = []
    direct: list[bool] = []
    shown = 0
    for scene in scenes:
        shown += len(scene.rows)
        faces = sorted(finder.detect(scene.image), key=lambda face: -face.score)
        judged = judged_faces(faces, scene.boxes)
        pairs = [(faces[i], k) for i, k in enumerate(judged.face) if k >= 0]
        if not pairs:
            continue
        crops = [crop_for(scene.image, face, template, spec) for face, _ in pairs]
        bare = [_cut(scene, k, network) for _, k in pairs]
        wanted = [columns[labels[scene.rows[k]]] for _, k in pairs]
        hits += list(network.classify(crops).argmax(1) == wanted)
        direct += list(network.classify(bare).argmax(1) == wanted)
    found = max(len(hits), 1)
    of_found, of_direct = sum(hits) / found, sum(direct) / found
    return Expressions(sum(hits) / max(shown, 1), of_found, of_direct, of_found - of_direct)


def _cut(scene: Scene, k: int, network: EmotionNetwork) -> NDArray[np.uint8]:
    """Cut a face of a scene where it was put, as FER2013's crop was."""
    x, y, width, height = scene.boxes[k]
    side = float(np.sqrt(width * height / (BOX[2] * BOX[3])))
    left = x + width / 2 - BOX[0] * side + 0.5
    top = y + height / 2 - BOX[1] * side + 0.5
    spec = network.metadata.input
    matrix = np.array([[side / spec.width, 0, left], [0, side / spec.height, top]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cut = cv2.warpAffine(scene.image, matrix, (spec.width, spec.height), flags=flags)
    return np.asarray(cut if spec.channels == 1 else cv2.cvtColor(cut, cv2.COLOR_GRAY2BGR))
