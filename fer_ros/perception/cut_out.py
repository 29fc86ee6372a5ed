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

"""Faces cut out of images, for people to look at; networks get theirs by `alignment`."""

from __future__ import annotations

import numpy as np

from fer_ros.perception.types import Box, Image

_MARGIN = 0.2
"""Around a face, as a part of its box."""


def cut_out(image: Image, box: Box) -> Image | None:
    """Return a copy of a face's surroundings, square where the image does not end; None outside.

    Args:
        image: uint8, (height, width, 3) BGR or (height, width) grey.
        box: Of the face [pixels].
    """
    side = max(box.width, box.height) * (1 + 2 * _MARGIN) / 2
    x, y = box.center
    height, width = image.shape[:2]
    left, top = max(round(x - side), 0), max(round(y - side), 0)
    right, bottom = min(round(x + side), width), min(round(y + side), height)
    part = image[top : max(bottom, top), left : max(right, left)]
    return np.asarray(part, np.uint8).copy() if part.size else None
