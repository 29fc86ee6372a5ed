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

"""Images for the tests of decoding."""

from __future__ import annotations

import cv2
import numpy as np

from fer_ros.perception.types import Image

COLOUR = np.array([30, 90, 200], np.uint8)
"""A plain colour (B, G, R), the same wherever a pixel is interpolated."""


def plain(width: int, height: int) -> Image:
    return np.broadcast_to(COLOUR, (height, width, 3)).copy()


def noise(width: int, height: int, seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def encode(kind: str, image: np.ndarray, *flags: int) -> bytes:
    return cv2.imencode(kind, image, flags)[1].tobytes()
