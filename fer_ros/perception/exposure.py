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

"""Pictures and crops in poor light, brought into the range of light of the networks' training.

Nine of ten of FER2013's crops have a mean of 74 to 185 and a standard deviation of 33 to 77 grey
levels. A face in the dark lies far outside and is predicted worse than what it shows: the shipped
networks lost 6 points on PublicTest in a quarter of the light, most of which a gain gives back; and
of photos with a tenth of the light detectors find two thirds of the faces.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.types import Image

_LEVELS = np.arange(256, dtype=np.float64)
LEAST_SPREAD = 40.0
"""Standard deviation below which contrast is raised to it [grey levels]."""
MEANS = (70.0, 190.0)
"""Means outside are moved to the nearer of the two [grey levels]."""
_LARGEST_GAIN = 10.0
"""Beyond it there is more noise than face."""

_BRIGHT, _DIM, _FULL = 0.998, 100, 240.0
"""A picture is dim where this share of its pixels is darker than the second number [levels]; its
pixels are then multiplied until that share reaches the third."""


def exposed(crop: Image) -> Image:
    """Return a crop with contrast and brightness raised, or brightness lowered, as far as needed.

    Args:
        crop: uint8, (h, w) or (h, w, 3).

    Returns:
        The crop itself where it needs no change, else a new one of its shape.
    """
    means, spreads = cv2.meanStdDev(crop.reshape(len(crop), -1))
    mean, spread = float(means[0, 0]), float(spreads[0, 0])
    gain = min(max(LEAST_SPREAD / max(spread, 1e-6), 1.0), _LARGEST_GAIN)
    wanted = min(max(mean, MEANS[0]), MEANS[1])
    if gain == 1.0 and wanted == mean:
        return crop
    return _mapped(crop, (_LEVELS - mean) * gain + wanted)


def brighten(picture: Image) -> None:
    """Multiply the pixels of a dim picture, in place; others stay as they are.

    Args:
        picture: uint8, (h, w) or (h, w, 3), rows of any stride.
    """
    sample = np.ascontiguousarray(picture[::8, ::8]).reshape(-1)
    below = np.cumsum(np.bincount(sample, minlength=256))
    bright = int(np.searchsorted(below, _BRIGHT * below[-1]))
    if bright < _DIM:
        gain = min(_FULL / max(bright, 1), _LARGEST_GAIN)
        picture[:] = _mapped(picture, _LEVELS * gain)


def _mapped(picture: Image, levels: NDArray[np.float64]) -> Image:
    """Return a picture with other grey levels, given for each of 0 to 255."""
    table = np.clip(levels.round(), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(picture, table), np.uint8)
