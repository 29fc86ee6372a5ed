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

"""OpenCV's Haar cascade (Viola, Jones 2001), for comparison; OpenCV 5 has none any more.

Frontal faces only, no landmarks, and a cost of many runs of the networks (docs/detection.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from fer_ros.perception.detection.base import (
    BaseDetector,
    DetectorError,
    DetectorSettings,
    check_image,
    shrink,
)
from fer_ros.perception.detection.candidates import Candidates
from fer_ros.perception.types import Image

CASCADE = "haarcascade_frontalface_alt2.xml"
"""On 192 FER2013 faces pasted into photos, at 320 pixels and a scale factor of 1.2, it found 68 %
with 0.01 false faces an image; ``default`` found as many with 0.05. A factor of 1.1 finds 75 %
with 0.03 false ones and costs twice as much."""

_SYSTEM_FOLDERS = ("/usr/share/opencv4/haarcascades", "/usr/share/opencv/haarcascades")
"""Where Debian's and Ubuntu's package ``opencv-data`` puts the cascades."""

_SCALE_FACTOR = 1.2
_NEIGHBORS = 3
_SMALLEST_FACE = 24
"""The cascade's window has 20 pixels; below 24 false faces abound [pixels]."""

# The last stage's sum: 55.36 or more for 95 % of true faces, 56.3 for half of them.
_SCORE_MIDDLE = 55.0
_SCORE_WIDTH = 0.4

# On the same FER2013 faces the square's middle lay at 0.495 of the crop's height and its side was
# 0.945 crop sides; YuNet's box has its middle at 0.526, the mean side 0.91 and is 1.27 times as
# high as wide.
_SHIFT_DOWN = (0.526 - 0.495) / 0.945
_WIDTH = 0.91 / 0.945 / math.sqrt(1.27)
_HEIGHT = 0.91 / 0.945 * math.sqrt(1.27)


class HaarDetector(BaseDetector):
    """Frontal face detector without landmarks."""

    name = "haar"
    smallest_face = float(_SMALLEST_FACE)

    def __init__(self, settings: DetectorSettings) -> None:
        """Load the cascade that came with OpenCV.

        Raises:
            DetectorError: This OpenCV has no cascades.
        """
        super().__init__(settings)
        if not hasattr(cv2, "CascadeClassifier"):
            raise DetectorError(
                f"OpenCV {cv2.__version__} has no Haar cascades any more; install "
                "'opencv-python-headless<5', or fetch YuNet with `fer-ros models fetch`"
            )
        self._cascade = cv2.CascadeClassifier(str(cascade_file()))
        if self._cascade.empty():
            raise DetectorError(f"{cascade_file()} cannot be read as a Haar cascade")

    def scale(self, width: int, height: int) -> float:
        """See :meth:`fer_ros.perception.detection.FaceDetector.scale`."""
        if self.settings.detection_size:
            return min(self.settings.detection_size / max(width, height), 1.0)
        return min(_SMALLEST_FACE / self.settings.min_face, 1.0)

    def candidates(self, image: Image, least: float, scale: float | None = None) -> Candidates:
        """See :meth:`fer_ros.perception.detection.FaceDetector.candidates`."""
        check_image(image)
        height, width = image.shape[:2]
        scale = self.scale(width, height) if scale is None else min(scale, 1.0)
        inner_width = max(round(width * scale), 1)
        inner_height = max(round(height * scale), 1)
        small = shrink(image, inner_width, inner_height)
        if small.ndim == 3:
            small = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)
        squares, _, weights = self._cascade.detectMultiScale3(
            small,
            scaleFactor=_SCALE_FACTOR,
            minNeighbors=_NEIGHBORS,
            minSize=(_SMALLEST_FACE, _SMALLEST_FACE),
            outputRejectLevels=True,
        )
        enlarged = width / inner_width, height / inner_height
        found = [
            _candidate(square, float(weight), *enlarged)
            for square, weight in zip(squares, np.ravel(weights))
        ]
        rows = np.array(found, np.float32).reshape(-1, 15)
        return np.asarray(rows[rows[:, 14] >= least], np.float32)


def _candidate(
    square: Sequence[int], weight: float, scale_x: float, scale_y: float
) -> tuple[float, ...]:
    """Return the cascade's square as a candidate with a box as YuNet's, in source pixels."""
    x, y, side, _ = (float(number) for number in square)
    middle_x, middle_y = x + side / 2, y + side * (0.5 + _SHIFT_DOWN)
    width, height = side * _WIDTH, side * _HEIGHT
    box = (
        (middle_x - width / 2) * scale_x - 0.5,
        (middle_y - height / 2) * scale_y - 0.5,
        width * scale_x,
        height * scale_y,
    )
    score = 1.0 / (1.0 + math.exp((_SCORE_MIDDLE - weight) / _SCORE_WIDTH))
    return (*box, *(math.nan,) * 10, score)


def cascade_file() -> Path:
    """Return the cascade's file, OpenCV's own or the system's.

    Raises:
        DetectorError: There is none.
    """
    folders = [getattr(getattr(cv2, "data", None), "haarcascades", ""), *_SYSTEM_FOLDERS]
    for folder in filter(None, folders):
        path = Path(folder) / CASCADE
        if path.is_file():
            return path
    raise DetectorError(
        f"no {CASCADE} beside OpenCV {cv2.__version__}; install the system package opencv-data or "
        "'opencv-python-headless<5', or fetch YuNet with `fer-ros models fetch`"
    )
