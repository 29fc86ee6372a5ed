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

"""A face with a result, as tests of messages, pages and tables need it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fer_ros.perception.emotions import FER2013
from fer_ros.perception.types import Box, Face, FaceEmotion


def sample_face(
    track_id: str = "face_1",
    label: str = "happy",
    confidence: float = 0.8,
    box: Box = Box(1, 2, 30, 40),  # noqa: B008 - immutable
    landmarks: np.ndarray | None = None,
    probabilities: Any = None,
    labels: Sequence[str] = FER2013,
    **more: Any,
) -> FaceEmotion:
    """Return a face whose raw and smoothed probabilities are the same.

    Args:
        probabilities: Of the labels; by default the face's own label, or the first where that is
            none of them, has the confidence, and the others share the rest.
    """
    if probabilities is None:
        own = labels.index(label) if label in labels else 0
        probabilities = np.full(len(labels), (1 - confidence) / (len(labels) - 1))
        probabilities[own] = confidence
    p = np.asarray(probabilities, np.float32)
    return FaceEmotion(Face(box, 0.9, landmarks), track_id, p, p, label, confidence, **more)
