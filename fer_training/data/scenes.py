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

"""Scenes made up of a data set's crops, in which detectors and the node find them again.

Needs no PyTorch, so that tests of the node can use it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.types import Image
from fer_ros.sources.scene import background

WIDTH, HEIGHT = 960, 720
SIZES = (64, 96, 128, 192, 256)
"""Sides of the pasted crops in each scene [pixels]."""

PLACES = ((160, 180), (480, 180), (800, 180), (240, 540), (640, 540))
"""Middles of the crops before each moves by up to 20 pixels."""


@dataclass(frozen=True)
class Pasted:
    """One crop in a scene."""

    row: int
    """Of the data set."""
    x: int
    """Middle [pixels]."""
    y: int
    size: int
    """Side [pixels]."""

    def near(self, x: float, y: float) -> bool:
        """Return whether a point, the middle of a box, lies within a third of the side."""
        return max(abs(x - self.x), abs(y - self.y)) < self.size / 3


def compose(
    images: NDArray[np.uint8],
    rows: NDArray[np.int64],
    rng: np.random.Generator,
    sizes: Sequence[int] = SIZES,
) -> Iterator[tuple[Image, list[Pasted]]]:
    """Yield scenes of five crops each, every one of another size.

    Args:
        images: Crops, shape (N, H, W), grey.
        rows: Which of them are pasted, each once.
        rng: Decides which size is placed where.
        sizes: Five sides [pixels], at most 256.

    Yields:
        BGR picture of :data:`HEIGHT` by :data:`WIDTH` pixels, and what was pasted.
    """
    for start in range(0, len(rows), len(PLACES)):
        picture = background(WIDTH, HEIGHT).copy()
        shown = []
        order = rng.permutation(np.asarray(sizes))
        for row, (x, y), size in zip(rows[start:], PLACES, order):
            x, y = x + int(rng.integers(-20, 20)), y + int(rng.integers(-20, 20))
            pasted = Pasted(int(row), x, y, int(size))
            _paste(picture, images[row], pasted)
            shown.append(pasted)
        yield picture, shown


def _paste(picture: Image, image: Image, pasted: Pasted) -> None:
    size = pasted.size
    shrinks = size < image.shape[0]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    face = cv2.resize(image, (size, size), interpolation=interpolation)
    left, top = pasted.x - size // 2, pasted.y - size // 2
    picture[top : top + size, left : left + size] = face[:, :, None]
