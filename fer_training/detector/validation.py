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

"""Recall of a network in training on photos with boxes drawn by people."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor

from fer_ros.perception.inference import create_session
from fer_training.data.folders import open_npz
from fer_training.detector.export import to_onnx
from fer_training.detector.matching import Judged, judge, recall_at, recall_over
from fer_training.detector.network import FaceNet
from fer_training.detector.sources import is_loose
from fer_training.detector.targets import boxes_of, cells, flatten

_LEAST_SCORE = 0.02
_CANDIDATES = 400
_NMS_IOU = 0.3
SMALLEST = 24.0
"""Faces below this side neither count nor hurt [pixels of the stored photo]."""


@dataclass(frozen=True)
class Measured:
    """Detections of a network on photos with known faces, matched."""

    judged: list[Judged]
    wanted: list[NDArray[np.bool_]]
    """Which of each photo's faces count."""

    def recall_at(self, false_a_photo: float) -> tuple[float, float]:
        """Return recall and threshold at a rate of false faces."""
        return recall_at(self.judged, self.wanted, false_a_photo)

    def threshold_at(self, false_a_photo: float) -> float:
        """Return the score at which there are so many false faces a photo; the least looked at."""
        return max(self.recall_at(false_a_photo)[1], _LEAST_SCORE)

    def at(self, threshold: float) -> tuple[float, float]:
        """Return recall and false faces a photo at a threshold."""
        return recall_over(self.judged, self.wanted, threshold)


class Finder:
    """A network in ONNX Runtime, which looks at a picture in a fraction of PyTorch's time."""

    def __init__(self, network: FaceNet) -> None:
        """Take a network's weights as they are; it is left in evaluation mode."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "network.onnx"
            onnx.save(to_onnx(network), file)
            self._session, _ = create_session(file, threads=torch.get_num_threads())

    def outputs(self, image: NDArray[np.uint8]) -> list[Tensor]:
        """Return the raw outputs of all levels, (1, 16, rows, columns), of a grey picture.

        Args:
            image: uint8 (H, W); what is missing to multiples of 32 is black.
        """
        height, width = image.shape
        padded = np.zeros((-(-height // 32) * 32, -(-width // 32) * 32), np.uint8)
        padded[:height, :width] = image
        levels = self._session.run(None, {"input": padded[None, None]})
        return [torch.from_numpy(level) for level in levels]


def detections(
    finder: Finder, image: NDArray[np.uint8]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return boxes (D, 4) x, y, width, height [pixels] and scores (D,) in 0..1.

    Args:
        finder: The network.
        image: uint8 (H, W) grey.
    """
    outputs = finder.outputs(image)
    grid = cells([(level.shape[2], level.shape[3]) for level in outputs])
    raw = flatten(outputs)[0]
    scores = raw[:, 0].sigmoid()
    best = torch.nonzero(scores >= _LEAST_SCORE)[:, 0]
    best = best[scores[best].argsort(descending=True)[:_CANDIDATES]]
    boxes = boxes_of(raw, grid)[best].numpy().astype(np.float64)
    boxes[:, :2] -= boxes[:, 2:] / 2
    kept = np.ravel(cv2.dnn.NMSBoxes(boxes.tolist(), scores[best].tolist(), 0.0, _NMS_IOU)).astype(
        int
    )
    return boxes[kept], scores[best].numpy()[kept].astype(np.float64)


def measure(network: FaceNet, file: Path, longest: int) -> Measured:
    """Measure a network on an npz with `truth` boxes; its photos without faces count too.

    Args:
        network: In training or finished.
        file: The photos.
        longest: Longest side they are brought to; smaller ones are not enlarged [pixels].
    """
    finder = Finder(network)
    judged: list[Judged] = []
    wanted = []
    with open_npz(file) as data:
        arrays = {key: data[key] for key in ("jpeg", "offset", "source", "truth", "truth_offset")}
    for i in range(len(arrays["offset"]) - 1):
        packed = arrays["jpeg"][arrays["offset"][i] : arrays["offset"][i + 1]]
        image = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)
        truth = arrays["truth"][arrays["truth_offset"][i] : arrays["truth_offset"][i + 1]]
        scale = min(longest / max(image.shape), 1.0)
        if scale < 1:
            size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        boxes, scores = detections(finder, image)
        loose = is_loose(int(arrays["source"][i]))
        judged.append(judge(boxes / scale, scores, truth.astype(np.float64), loose))
        wanted.append((np.sqrt(truth[:, 2] * truth[:, 3]) >= SMALLEST) & (not loose))
    return Measured(judged, wanted)
