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

"""Detection of black, overexposed and frozen images of a camera."""

from __future__ import annotations

import zlib

import numpy as np

from fer_ros.perception.types import Image

_EVERY = 8
"""Every eighth pixel of every eighth row is looked at."""

DARK, BRIGHT = 32, 250
"""Values below which a pixel counts as dark, and from which on as overexposed [of 255]."""

_DARK_SHARE, _BRIGHT_SHARE = 0.98, 0.9
"""Share of the pixels that makes an image dark, or overexposed: a few are always otherwise."""

_RUN = 3
"""Number of such images in a row before it is reported."""

_FROZEN_RUN = 30
_FROZEN_TIME = 5.0
"""A camera counts as frozen after so many equal images in so many seconds: sensors have noise."""


class ImageWatch:
    """Looks at every image of one camera."""

    def __init__(self) -> None:
        self._dark = self._bright = self._equal = 0
        self._highest = 0
        self._digest = 0
        self._equal_since = self._equal_until = 0

    def note(self, image: Image, arrival_ns: int) -> None:
        """Take in an image and when it came [ns]."""
        sample = np.ascontiguousarray(image[::_EVERY, ::_EVERY])
        dark, bright = np.count_nonzero(sample < DARK), np.count_nonzero(sample >= BRIGHT)
        self._dark = self._dark + 1 if dark >= _DARK_SHARE * sample.size else 0
        self._bright = self._bright + 1 if bright >= _BRIGHT_SHARE * sample.size else 0
        if self._dark:
            self._highest = int(sample.max())
        digest = zlib.crc32(sample.data, image.shape[0] * 65_537 + image.shape[1])
        if digest != self._digest:
            self._digest, self._equal, self._equal_since = digest, 0, arrival_ns
        self._equal += 1
        self._equal_since = min(self._equal_since, arrival_ns)  # a clock may have gone back
        self._equal_until = arrival_ns

    def remark(self) -> str:
        """Return a message on what is wrong with the newest images; empty where nothing is."""
        if self._dark >= _RUN:
            return f"images are black or nearly so (brightest value {self._highest} of 255)"
        if self._bright >= _RUN:
            return f"images are overexposed (nine of ten values at {BRIGHT} or more of 255)"
        seconds = (self._equal_until - self._equal_since) / 1e9
        if self._equal >= _FROZEN_RUN and seconds >= _FROZEN_TIME:
            return f"images are frozen ({self._equal} equal ones in {seconds:.0f} s)"
        return ""
