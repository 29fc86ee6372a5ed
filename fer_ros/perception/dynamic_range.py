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

"""Reduction of 16-bit images to the 8 bits that detectors and networks take."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.types import Image

_SAMPLES = 16_384
"""About how many values of an image are looked at."""

_OUTLIERS = 1000
"""One value in so many may lie above the range: hot pixels do not darken an image."""


class WideRange:
    """How many of 16 bits a camera uses: industrial and infrared ones often fill 10 or 12.

    The number only grows, so that brightness does not pump from frame to frame: a scene that turns
    dark looks dark, and one that turns brighter than any before shifts the range once.
    """

    def __init__(self) -> None:
        self._bits = 8

    @property
    def bits(self) -> int:
        """Bits in use in the images so far, 8 to 16."""
        return self._bits

    def reduce(self, values: NDArray[Any]) -> Image:
        """Return 16-bit values as the upper 8 of the bits in use.

        Args:
            values: Unsigned 16-bit of any byte order, (height, width) or (height, width, n).
        """
        every = max(int((values.shape[0] * values.shape[1] / _SAMPLES) ** 0.5), 1)
        sample = values[::every, ::every].ravel()
        rank = sample.size - 1 - sample.size // _OUTLIERS
        top = int(np.partition(sample, rank)[rank])
        self._bits = min(max(self._bits, top.bit_length()), 16)
        shifted = values >> (self._bits - 8)
        return np.asarray(np.minimum(shifted, 255), np.uint8)
