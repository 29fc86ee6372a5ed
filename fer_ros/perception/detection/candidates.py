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

"""Candidates of a detector: what one pass of it gives, before overlapping ones are merged."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.types import Box, Face

Candidates = NDArray[np.float32]
"""(N, 15): x, y, width, height, five landmarks (x, y), score; pixels of the image given.
Landmarks are NaN where the detector gives none."""

_NMS_IOU = 0.3

NEAR_IOU = 0.1
"""Least overlap of a face with the place where a track expects it."""


def suppress(candidates: Candidates) -> Candidates:
    """Non-maximum suppression; the most confident candidates first."""
    if len(candidates) == 0:
        return candidates
    boxes, scores = candidates[:, :4].tolist(), candidates[:, 14].tolist()
    kept = np.ravel(cv2.dnn.NMSBoxes(boxes, scores, 0.0, _NMS_IOU))
    return np.asarray(candidates[kept], np.float32)


def near(candidates: Candidates, places: Sequence[Box]) -> NDArray[np.bool_]:
    """Return for each candidate whether it overlaps with one of some places, (N,)."""
    boxes = [Box(*numbers) for numbers in candidates[:, :4].tolist()]
    return np.array([any(box.iou(place) >= NEAR_IOU for place in places) for box in boxes], bool)


def faces_of(candidates: Candidates) -> list[Face]:
    """Return candidates as faces, in their order."""
    points = candidates[:, :14].reshape(-1, 7, 2)
    known = np.atleast_1d(np.isfinite(points[:, 2:]).all(axis=(1, 2)))
    return [
        Face(Box(*numbers), score, landmarks if complete else None)
        for numbers, score, landmarks, complete in zip(
            points[:, :2].reshape(-1, 4).tolist(),
            candidates[:, 14].tolist(),
            points[:, 2:],
            known,
            strict=True,
        )
    ]
