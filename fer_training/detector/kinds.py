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

"""Attributes that make a face hard to detect, from labels and the picture.

`masked` comes from people's labels. The others are measured: `turned` by the landmarks of the
most confident detection of YuNet inside the box, at any of three sizes and from a score of 0.1
on, so that a face which a detector does not trust is judged all the same; `out of focus` and
`dark` by the pixels of the box; `crowd` by the number of faces on the photo. A hand in front of a
face has no label and no measure.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.quality import features_of
from fer_ros.perception.types import Box, Face

KINDS = ("masked", "turned", "out of focus", "dark", "crowd")

LEAST_SCORE = 0.1
"""Of YuNet's detections whose landmarks tell how far a face is turned."""
TURNED = 0.5
"""Nose off the middle between the eyes, in half eye distances."""
BLURRED = 0.12
"""Mean absolute Laplacian over the standard deviation, at 48 pixels a side."""
DARK = 60.0
"""Mean grey of the box [0..255]."""
CROWD = 8
"""Faces on the photo."""
_LEAST_SIDE = 40.0
"""Smaller faces are not judged for focus: enlarging blurs [pixels]."""


def of_photo(
    image: NDArray[np.uint8],
    boxes: NDArray[np.float32],
    masked: NDArray[np.bool_],
    detections: Mapping[str, NDArray[np.float32]],
) -> NDArray[np.bool_]:
    """Return the kinds, (K, len(KINDS)), of the faces that people boxed.

    Args:
        image: uint8 (H, W, 3) BGR.
        boxes: (K, 4) x, y, width, height [pixels].
        masked: (K,) by the labels.
        detections: (F, 15) YuNet's detections, by the size of its input.
    """
    found = np.zeros((len(boxes), len(KINDS)), bool)
    height, width = image.shape[:2]
    rows = np.concatenate(list(detections.values()))
    for k, (x, y, w, h) in enumerate(boxes.tolist()):
        left, top = max(int(x), 0), max(int(y), 0)
        crop = image[top : max(int(y + h), top + 1), left : max(int(x + w), left + 1)]
        if crop.size == 0:
            continue
        landmarks = _landmarks((x, y, w, h), rows)
        features = features_of(Face(Box(x, y, w, h), 1.0, landmarks), crop, width, height)
        found[k] = (
            masked[k],
            landmarks is not None and features.turn >= TURNED,
            features.side >= _LEAST_SIDE and features.sharpness < BLURRED,
            float(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY).mean()) < DARK,
            len(boxes) >= CROWD,
        )
    return found


def _landmarks(
    box: tuple[float, float, float, float], rows: NDArray[np.float32]
) -> NDArray[np.float32] | None:
    """Return the landmarks, (5, 2), of the most confident detection whose middle is in the box."""
    x, y, w, h = box
    middle = rows[:, :2] + rows[:, 2:4] / 2
    inside = ((middle > (x, y)) & (middle < (x + w, y + h))).all(1)
    if not inside.any():
        return None
    best = rows[inside][rows[inside, 14].argmax()]
    return np.asarray(best[4:14].reshape(5, 2), np.float32)
