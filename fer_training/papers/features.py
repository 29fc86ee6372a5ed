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

"""Hand-made features for the SVM of Patil (2023): gradients and landmark geometry."""

from __future__ import annotations

from itertools import combinations

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn

from fer_ros.perception.detection import FaceDetector
from fer_training.measure.predictors import fit


class Hog(nn.Module):
    """Histograms of oriented gradients (Dalal and Triggs 2005) as a network without weights.

    Being tensor operations, the features go into the ONNX file together with the classifier,
    so that the node computes what training computed.
    """

    def __init__(self, cell: int = 8, bins: int = 9) -> None:
        super().__init__()
        self.cell = cell
        self.bins = bins

    def forward(self, x: Tensor) -> Tensor:
        """Return features, shape (N, blocks * 4 * bins), of grey crops (N, 1, H, W) in 0..1.

        Gradients vote, weighted by magnitude, for the two nearest of the unsigned orientations;
        blocks of 2x2 cells overlap by a cell and are normalised to unit length.
        """
        padded = F.pad(x, [1, 1, 1, 1], mode="replicate")
        gx = padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]
        gy = padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]
        magnitude = torch.sqrt(gx * gx + gy * gy + 1e-12)
        safe = torch.where(gx.abs() < 1e-6, torch.full_like(gx, 1e-6), gx)
        position = (torch.atan(gy / safe) / torch.pi + 0.5) * self.bins
        centers = torch.arange(self.bins, dtype=x.dtype, device=x.device).reshape(1, -1, 1, 1)
        distance = (position - centers - 0.5).abs()
        distance = torch.minimum(distance, self.bins - distance)
        cells = F.avg_pool2d((1 - distance).clamp(min=0) * magnitude, self.cell)
        blocks = torch.cat(
            [
                cells[:, :, :-1, :-1],
                cells[:, :, :-1, 1:],
                cells[:, :, 1:, :-1],
                cells[:, :, 1:, 1:],
            ],
            dim=1,
        )
        length = torch.sqrt((blocks * blocks).sum(1, keepdim=True) + 1e-6)
        return (blocks / length).flatten(1)


@torch.no_grad()
def hog(images: NDArray[np.uint8], scale: float) -> NDArray[np.float32]:
    """Return HOG features, shape (N, features), of crops (N, H, W), or (N, H, W, 3) in BGR."""
    extract = Hog()
    grey = np.stack(fit(images, images.shape[1], images.shape[2], channels=1))
    tensor = torch.from_numpy(grey).unsqueeze(1)
    return torch.cat([extract(part.float() * scale) for part in torch.split(tensor, 512)]).numpy()


def find_landmarks(
    images: NDArray[np.uint8], detector: FaceDetector
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Look for the five landmarks in tight crops, enlarged and set into a grey border.

    Returns:
        Points in crop widths, shape (N, 5, 2), and whether a face with landmarks was found,
        shape (N,). Rows without are zero.
    """
    points = np.zeros((len(images), 5, 2), np.float32)
    found = np.zeros(len(images), bool)
    for row, image in enumerate(images):
        side = 192
        large = cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC)
        framed = cv2.copyMakeBorder(large, 64, 64, 64, 64, cv2.BORDER_CONSTANT, value=127)
        faces = detector.detect(np.asarray(framed, np.uint8))
        if faces and faces[0].landmarks is not None:
            points[row] = (faces[0].landmarks - 64) / side
            found[row] = True
    return points, found


def geometry(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return distances and directions between all pairs of landmarks.

    Args:
        points: Shape (N, K, 2), x and y, the first two being the eyes.

    Returns:
        Shape (N, 3 * K * (K - 1) / 2): for each pair the distance in eye distances, and the
        cosine and sine of its direction against the line of the eyes.
    """
    eyes = points[:, 1] - points[:, 0]
    unit = np.maximum(np.linalg.norm(eyes, axis=1), 1e-6)
    tilt = np.arctan2(eyes[:, 1], eyes[:, 0])
    columns = []
    for first, second in combinations(range(points.shape[1]), 2):
        line = points[:, second] - points[:, first]
        angle = np.arctan2(line[:, 1], line[:, 0]) - tilt
        columns += [np.linalg.norm(line, axis=1) / unit, np.cos(angle), np.sin(angle)]
    return np.stack(columns, axis=1).astype(np.float32)
